"""Tool: from an upload to a dataset version."""

from typing import Any

from data import report, sample
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.WRITES)
def create_dataset(
    ctx: ToolContext,
    name: str,
    file_id: str,
    validation_file_id: str | None = None,
    test_file_id: str | None = None,
    task: str = "auto",
    columns: dict[str, str] = {},  # noqa: B006  # never changed; shown to the model as it is
    seed: int = 0,
) -> dict[str, Any]:
    """Make an immutable dataset version, such as tickets@1, from an uploaded file.

    Takes CSV, TSV, JSON, JSON Lines or Parquet with a text and a label in each row
    (classification), or with conversations (chat: OpenAI messages, ShareGPT, Alpaca, prompt and
    completion). Finds out format, encoding, delimiter, columns and schema and says why; splits
    into train, validation and test; counts classes or turns, lengths, copies and contradictions.
    When it answers `ambiguous_columns` or `ambiguous_task`, ask what is meant and call it again
    with `columns` or `task`. The same content again is the same version.

    Args:
        name: 1 to 64 lower-case letters, digits, '-', '_' or '.'.
        file_id: The uploaded file.
        validation_file_id: A file of its own for validation; else 10 % of the rows.
        test_file_id: A file of its own for the test; else 10 % of the rows.
        task: auto, classification or chat.
        columns: Role to column, such as {"text": "body", "label": "queue"}; for chat
            {"messages": "talk"} or {"prompt": "ask", "completion": "reply"}; {} to guess.
        seed: Decides which rows are held out.
    """
    dataset = ctx.house.datasets.create(
        ctx.caller,
        name=name,
        file_id=file_id,
        validation_file_id=validation_file_id,
        test_file_id=test_file_id,
        task=task,
        columns=columns,
        seed=seed,
    )
    first = sample.first_page(ctx.house.datasets.folder(dataset), dataset)
    return report.full(dataset) | {"sample": first}
