"""Tool: a dataset in numbers."""

from typing import Any

from data import report, sample
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def describe_dataset(ctx: ToolContext, dataset: str) -> dict[str, Any]:
    """Show a dataset's profile: how it was read, labels or turns, lengths, copies, splits.

    `sample` has its first 10 rows; sample_dataset shows others.

    Args:
        dataset: Such as tickets@1; without @ the newest version.
    """
    found = ctx.house.datasets.get(ctx.caller, dataset)
    first = sample.first_page(ctx.house.datasets.folder(found), found)
    return report.full(found) | {"sample": first}
