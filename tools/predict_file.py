"""Tool: a prediction for each row of a file, after approval."""

from collections import Counter
from typing import Any

from core.errors import RequestRefused
from core.records.tables import Json, Model
from data import child
from data.formats.base import Table
from serving import predict
from tools.base import Effect, Resolved, ToolContext, tool

LABELS_SHOWN = 20


def resolve_predict(ctx: ToolContext, arguments: Json) -> Resolved:
    """Which model version reads which column, and how many rows that are."""
    model = chosen_model(ctx, arguments["endpoint"], arguments["model"])
    table = read(ctx, arguments["file_id"])
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
    """Label every row of a file; the result is the file with label and score, to download.

    Asks for approval first. Takes CSV, TSV, JSON Lines or Parquet with up to 20,000 rows. Rows
    without text stay without label.

    Args:
        file_id: The uploaded file.
        endpoint: Whose model answers; without one, the endpoint that went live last.
        model: A model, such as `banking77@1`, in place of an endpoint.
        column: The column with the texts; without one, it is found.
    """
    chosen = chosen_model(ctx, endpoint, model)
    table = read(ctx, file_id)
    column = predict.text_column(table, column, trained_on(ctx, chosen))

    def classify(texts: list[str]) -> list[predict.Answer]:
        found = ctx.house.supervisor.classify(ctx.caller, chosen.ref, texts)
        return [answer[0] for answer in found.answers]

    answers = predict.predict(table.columns[column], classify)
    return save(ctx, file_id, table, answers) | {"model": chosen.ref, "column": column}


def save(
    ctx: ToolContext, file_id: str, table: Table, answers: list[predict.Answer | None]
) -> Json:
    stem = ctx.house.files.get(ctx.caller, file_id).filename.rpartition(".")[0]
    filename = f"{stem[:60]}-predictions.csv"
    pieces = predict.as_csv(table, answers)
    file = ctx.house.files.save(ctx.caller, filename, pieces, "predictions")
    counts = Counter(answer[0] for answer in answers if answer is not None)
    labels = [{"label": name, "rows": rows} for name, rows in counts.most_common(LABELS_SHOWN)]
    return {
        "file_id": file.id,
        "filename": file.filename,
        "url": f"{ctx.house.base_url}/v1/files/{file.id}/content",
        "rows": table.rows,
        "without_text": answers.count(None),
        "labels": labels,
    }
