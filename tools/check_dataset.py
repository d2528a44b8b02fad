"""Tool: the doctor."""

from typing import Any

from core.errors import RequestRefused
from core.records import tables
from finetune import doctor
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def check_dataset(
    ctx: ToolContext, dataset: str, base_model: str = "auto", row: int = 0
) -> dict[str, Any]:
    """Examine a dataset for training on a base model: problems by row, each with a fix.

    Besides the problems of the data itself it looks for texts longer than the base can read and
    for a language that the base does not know. Of conversations it shows, for three rows, which
    tokens would be trained on.

    Args:
        dataset: Such as tickets@1; without @ the newest version.
        base_model: A base model's name; auto for the default.
        row: Of conversations: show the tokens of this row of the file instead; 0 for three rows.
    """
    found = ctx.house.datasets.get(ctx.caller, dataset)
    base = ctx.house.quotes.workshop.base_for(found, base_model)
    folder = ctx.house.datasets.folder(found)
    if found.task == "chat":
        return {"dataset": found.ref, **doctor.check_chats(folder, base, found.problems, row)}
    refuse_row(found, row)
    return {"dataset": found.ref, **doctor.check_texts(folder, base, found.problems)}


def refuse_row(dataset: tables.Dataset, row: int) -> None:
    if row:
        raise RequestRefused(
            f"{dataset.ref} holds no conversations, so no tokens of a row can be shown.",
            code="unsupported_task",
            param="row",
            fix="Leave out row; describe_dataset shows the rows.",
        )
