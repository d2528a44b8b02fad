"""Tool: a model live behind the API, after approval."""

from itertools import islice
from typing import Any

from core.records.tables import Dataset, Json, Model
from core.storage import folder_bytes
from serving import snippets
from serving.routes import CHAT
from tools.base import Effect, Resolved, ToolContext, tool

MAX_CHARACTERS = 200
"""Of the question in the lines to copy: more would hide how the call is made."""
MAX_ROWS = 1_000
"""Test rows that are looked through for one."""


def resolve_deploy(ctx: ToolContext, arguments: Json) -> Resolved:
    """Which version exactly, under which name, and what it would replace there."""
    endpoints = ctx.house.supervisor.endpoints
    model = endpoints.model(ctx.caller, arguments["model"])
    name = ctx.house.supervisor.check_name(arguments["name"] or model.name)
    before = [row.model for row in endpoints.all(ctx.caller) if row.name == name]
    quote = what_it_takes(ctx, model)
    if before and before != [model.ref]:
        quote["replaces"] = before[0]
    return Resolved({"model": model.ref, "name": name}, quote, topic=f"deploy {name}")


def what_it_takes(ctx: ToolContext, model: Model) -> Json:
    size = folder_bytes(ctx.house.storage.home / model.folder)
    test = model.metrics.get("test", {})
    quote: Json = {
        "engine": model.engine,
        "megabytes": round(size / 1e6, 1),
        "test_accuracy": test.get("accuracy"),
        "cost": "nothing (it runs on your own machine)",
    }
    if model.task == CHAT:
        quote |= {"base_model": model.base_model, "test_perplexity": test.get("perplexity")}
    return quote | advice(ctx, model)


def advice(ctx: ToolContext, model: Model) -> Json:
    """What the report of its run recommends, when that is something else."""
    results = [run.result for run in ctx.house.runs.list(ctx.caller) if run.id == model.run_id]
    verdict = (results[0] or {}).get("verdict") if results else None
    recommended = (verdict or {}).get("recommend", model.kind)
    run = model.run_id
    sentences = {
        "lora": f"the report of {run} recommends its fine-tuned model instead",
        "frozen": f"the report of {run} recommends its linear model on the frozen base instead",
        "tfidf": f"the report of {run} recommends its TF-IDF model instead",
        "base": f"the report of {run} recommends the base as it is instead",
        "nearest": f"the report of {run} recommends looking answers up instead",
        "frequent": f"the report of {run} recommends one fixed answer instead",
    }
    if recommended == model.kind or recommended not in sentences:
        return {}
    return {"advice": sentences[recommended]}


@tool(effect=Effect.SPENDS, resolve=resolve_deploy)
def deploy_endpoint(ctx: ToolContext, model: str, name: str = "") -> dict[str, Any]:
    """Put a model live behind the API, and return when it answers. Asks for approval first.

    A chat model comes with its base and has to write a token first. What is live under the same
    name goes on answering until the new model is ready, and is then
    replaced. The result has a curl line and a Python program that call the endpoint.

    Args:
        model: Such as `banking77` (its newest version) or `banking77@1`; baselines can be
            deployed too, such as `banking77-tfidf`.
        name: Name of the endpoint; without one, that of the model.
    """
    house = ctx.house
    row = house.supervisor.deploy(ctx.caller, model, name or model.partition("@")[0])
    task = house.supervisor.endpoints.task(ctx.caller, row)
    live = {"endpoint": row.name, "model": row.model, "task": task, "state": row.state}
    return live | how_to_call(ctx, row.name, row.model)


def how_to_call(ctx: ToolContext, endpoint: str, model: str) -> dict[str, str]:
    """The lines that call it, with a text in the language of what its model was trained on.

    A chat model is asked a question of its own test rows.
    """
    house = ctx.house
    served = house.supervisor.endpoints.model(ctx.caller, model)
    dataset = dataset_of(ctx, served)
    return snippets.how_to_call(
        house.base_url,
        endpoint,
        with_key=house.settings.api_key is not None,
        task=served.task,
        scripts=dataset.profile.get("language") if dataset else None,
        text=question(ctx, dataset) if dataset and dataset.task == CHAT else "",
    )


def dataset_of(ctx: ToolContext, model: Model) -> Dataset | None:
    """What the model was trained on; None once it is deleted."""
    found = [one for one in ctx.house.datasets.list(ctx.caller) if one.ref == model.dataset]
    return found[0] if found else None


def question(ctx: ToolContext, dataset: Dataset) -> str:
    """The last message of the user in the first test row where it is short; "" without one."""
    rows = ctx.house.datasets.conversations(dataset, "test")
    for _, messages, _ in islice(rows, MAX_ROWS):
        asked = [one["content"] for one in messages if one["role"] == "user"]
        if asked and asked[-1].strip() and len(asked[-1]) <= MAX_CHARACTERS:
            return str(asked[-1])
    return ""
