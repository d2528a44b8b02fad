"""Tool: some rows of a dataset."""

from typing import Any

from data import sample
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def sample_dataset(
    ctx: ToolContext,
    dataset: str,
    split: str = "all",
    label: str = "",
    page: int = 1,
    rows: int = 10,
) -> dict[str, Any]:
    """Show rows of a dataset, a page at a time: row number in the file, split, text, label.

    A row of a chat dataset has `turns` (role and text) instead. Texts are cut at 500 characters;
    `cut` says which were longer. `total` counts the rows that match, `pages` how many pages of
    them there are.

    Args:
        dataset: Such as tickets@1; without @ the newest version.
        split: all, train, validation or test.
        label: Only rows with this label; "" for all, and for chat.
        page: Which page, from 1.
        rows: Rows on a page, 1 to 50.
    """
    found = ctx.house.datasets.get(ctx.caller, dataset)
    folder = ctx.house.datasets.folder(found)
    return sample.page(folder, found, split=split, label=label, number=page, rows=rows)
