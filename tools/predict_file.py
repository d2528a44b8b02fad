"""Tool: a prediction for each row of a file, after approval."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from core.errors import RequestRefused
from core.records.tables import Json, Model
from data import child
from data.formats.base import Table
from serving import predict
from serving.routes import CHAT
from tools.ask_endpoint import TOKENS
from tools.base import Effect, Resolved, ToolContext, tool

LABELS_SHOWN = 20
EXAMPLES = 3
EXAMPLE_CHARACTERS = 300


def resolve_predict(ctx: ToolContext, arguments: Json) -> Resolved:
    """Which model version reads which column, and how many rows that are."""
    model = chosen_model(ctx, arguments["endpoint"], arguments["model"])
    table = read(ctx, arguments["file_id"])
    if model.task == CHAT:
        predict.check_rows(table)
    column = predict.text_column(table, arguments["column"], trained_on(ctx, model))
    resolved = {**arguments, "model": model.ref, "column": column}
    return Resolved(resolved, {"rows": table.rows, "cost": "nothing (it runs on your own machine)"})


def chosen_model(ctx: ToolContext, endpoint: str, model: str) -> Model:
    """The model that is named, else the one that the endpoint serves now."""
    endpoints = ctx.house.supervisor.endpoints
    if model:
        return endpoints.model(ctx.caller, model)
    return endpoints.model(ctx.caller, endpoints.pick(ctx.caller, endpoint).model)


def trained_on(ctx: ToolContext, model: Model) -> str:
    """The name of the text column in the data that the model was trained on."""
    if model.task == CHAT:
        return "prompt"
    try:
        dataset = ctx.house.datasets.get(ctx.caller, model.dataset)
    except RequestRefused:
        return "text"  # it was deleted since
    return str(dataset.columns.get("text", "text"))


def read(ctx: ToolContext, file_id: str) -> Table:
    files = ctx.house.files
    filename = files.get(ctx.caller, file_id).filename
    try:
        return child.read(files.path(ctx.caller, file_id), filename, predict.LIMITS)
    except RequestRefused as refusal:
        refusal.param = "file_id"
        raise


@tool(effect=Effect.SPENDS, resolve=resolve_predict)
def predict_file(
    ctx: ToolContext, file_id: str, endpoint: str = "", model: str = "", column: str = ""
) -> dict[str, Any]:
    """Label or answer every row of a file; the result is the file with new columns, to download.

    Asks for approval first. Takes CSV, TSV, JSON Lines or Parquet. A classifier labels up to
    20,000 rows with label and score. A chat model answers up to 1,000 rows in at most 8 minutes,
    with at most 256 tokens each. Rows without text stay as they are.

    Args:
        file_id: The uploaded file.
        endpoint: Whose model answers; without one, the endpoint that went live last.
        model: A model, such as `banking77@1`, in place of an endpoint.
        column: The column with the texts; without one, it is found.
    """
    chosen = chosen_model(ctx, endpoint, model)
    table = read(ctx, file_id)
    column = predict.text_column(table, column, trained_on(ctx, chosen))
    fill = written if chosen.task == CHAT else labelled
    result = fill(ctx, chosen, file_id, table, table.columns[column])
    return result | {"model": chosen.ref, "column": column}


def labelled(
    ctx: ToolContext, model: Model, file_id: str, table: Table, texts: Sequence[str | None]
) -> Json:
    def classify(batch: list[str]) -> list[predict.Label]:
        found = ctx.house.supervisor.classify(ctx.caller, model.ref, batch)
        return [answer[0] for answer in found.answers]

    answers = predict.predict(texts, classify)
    counts = Counter(answer[0] for answer in answers if answer is not None)
    labels = [{"label": name, "rows": rows} for name, rows in counts.most_common(LABELS_SHOWN)]
    saved = save(ctx, file_id, table, predict.as_csv(table, ("label", "score"), answers))
    return saved | {"without_text": answers.count(None), "labels": labels}


def written(
    ctx: ToolContext, model: Model, file_id: str, table: Table, texts: Sequence[str | None]
) -> Json:
    predict.check_rows(table)

    def answer(text: str) -> predict.Written:
        messages = [{"role": "user", "content": text}]
        asked = {"messages": messages, "temperature": 0.0}
        found = ctx.house.supervisor.answer(ctx.caller, model.ref, asked, TOKENS)
        return found.text, found.ended.finish_reason

    answers = predict.write(texts, answer)
    asked = len(predict.filled(texts))
    done = [one for one in answers if one is not None]
    saved = save(ctx, file_id, table, predict.as_csv(table, ("answer", "ended"), answers))
    return saved | {
        "without_text": table.rows - asked,
        "answered": sum(ended in ("stop", "length") for _, ended in done),
        "refused": sum(ended not in ("stop", "length") for _, ended in done),
        "out_of_time": asked - len(done),
        "examples": list(islice(examples(texts, answers), EXAMPLES)),
    }


def examples(
    texts: Sequence[str | None], answers: Sequence[predict.Written | None]
) -> Iterator[Json]:
    for text, answer in zip(texts, answers, strict=True):
        if text and answer is not None:
            yield {"text": text[:EXAMPLE_CHARACTERS], "answer": answer[0][:EXAMPLE_CHARACTERS]}


def save(ctx: ToolContext, file_id: str, table: Table, pieces: Iterator[bytes]) -> Json:
    stem = ctx.house.files.get(ctx.caller, file_id).filename.rpartition(".")[0]
    file = ctx.house.files.save(ctx.caller, f"{stem[:60]}-predictions.csv", pieces, "predictions")
    return {
        "file_id": file.id,
        "filename": file.filename,
        "url": f"{ctx.house.base_url}/v1/files/{file.id}/content",
        "rows": table.rows,
    }
