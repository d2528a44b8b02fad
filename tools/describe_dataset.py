"""Tool: a dataset in numbers."""

from typing import Any

from data import report
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def describe_dataset(ctx: ToolContext, dataset: str) -> dict[str, Any]:
    """Show a dataset's profile: how it was read, labels, lengths, copies, contradictions, splits.

    Args:
        dataset: Such as tickets@1; without @ the newest version.
    """
    return report.full(ctx.house.datasets.get(ctx.caller, dataset))
