"""Tool: the doctor."""

from typing import Any

from data import doctor
from finetune import lengths
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def check_dataset(ctx: ToolContext, dataset: str, base_model: str = "auto") -> dict[str, Any]:
    """Examine a dataset for training on a base model: problems by row, each with a fix.

    Besides the problems of the data itself it looks for texts longer than the base can read and
    for a language that the base does not know.

    Args:
        dataset: Such as tickets@1; without @ the newest version.
        base_model: A base model's name; auto for the default.
    """
    row = ctx.house.datasets.get(ctx.caller, dataset)
    base = ctx.house.bases.get(base_model)
    train = ctx.house.datasets.folder(row) / "train.parquet"
    read = lengths.measure(train, base.path / "tokenizer.json")
    fit = doctor.Fit(
        base=base.name,
        limit=base.max_positions,
        tokens=read.tokens,
        rows=read.rows,
        unknown_share=read.unknown_share,
    )
    return {"dataset": row.ref, **doctor.check(row.problems, fit)}
