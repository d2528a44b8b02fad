"""Tool: the doctor."""

from typing import Any

from core.errors import RequestRefused
from core.records import tables
from data import doctor
from data.chat.fit import ChatFit
from finetune import chat_lengths, lengths
from finetune.bases import Base
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
    if found.task == "chat":
        return {"dataset": found.ref, **check_chat(ctx, found, base, row)}
    refuse_row(found, row)
    read = lengths.measure(
        ctx.house.datasets.folder(found) / "train.parquet", base.path / "tokenizer.json"
    )
    fit = doctor.Fit(
        base=base.name,
        limit=base.max_positions,
        tokens=read.tokens,
        rows=read.rows,
        unknown_share=read.unknown_share,
    )
    return {"dataset": found.ref, **doctor.check(found.problems, fit)}


def check_chat(ctx: ToolContext, dataset: tables.Dataset, base: Base, row: int) -> dict[str, Any]:
    """The doctor's findings on conversations, with the tokens that train of some rows."""
    folder = ctx.house.datasets.folder(dataset)
    read = chat_lengths.of_base(folder, base)
    shown = [row] if row else read.shown(base.max_positions)
    preview = chat_lengths.previews(folder, base, shown)
    return {**doctor.check(dataset.problems, chat_fit(read, base)), "preview": preview}


def chat_fit(read: chat_lengths.ChatLengths, base: Base) -> ChatFit:
    return ChatFit(
        base=base.name,
        limit=base.max_positions,
        tokens=read.tokens,
        trained=read.trained,
        rows=read.rows,
        codes=read.problems,
        refused=read.refused,
        total=read.total,
        unknown_share=read.unknown_share,
    )


def refuse_row(dataset: tables.Dataset, row: int) -> None:
    if row:
        raise RequestRefused(
            f"{dataset.ref} holds no conversations, so no tokens of a row can be shown.",
            code="unsupported_task",
            param="row",
            fix="Leave out row; describe_dataset shows the rows.",
        )
