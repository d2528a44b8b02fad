"""Tool: one text to an endpoint, and beside it to another model."""

from typing import Any

from core.records.tables import Json
from serving.supervisor import Classified
from tools.base import Effect, ToolContext, tool

TOP = 5


@tool(effect=Effect.READS)
def ask_endpoint(
    ctx: ToolContext, input: str, endpoint: str = "", compare_with: str = ""
) -> dict[str, Any]:
    """Send a text to a live endpoint: the label, its probability, the next likely, the time taken.

    Args:
        input: The text, at most 32,000 characters.
        endpoint: Its name; without one, the endpoint that went live last.
        compare_with: Another endpoint or model that answers beside it, or "base" for the untuned
            base model.
    """
    supervisor = ctx.house.supervisor
    row = supervisor.endpoints.pick(ctx.caller, endpoint)
    found = supervisor.classify(ctx.caller, row.name, input, TOP)
    result = {"endpoint": row.name, "input": input, **told(found), "compared": None}
    if compare_with:
        model = supervisor.endpoints.model(ctx.caller, found.model)
        rival = supervisor.endpoints.rival(ctx.caller, model, compare_with)
        result["compared"] = told(supervisor.classify(ctx.caller, rival.ref, input, TOP))
    return result


def told(found: Classified) -> Json:
    labels = [{"label": label, "score": score} for label, score in found.answers[0]]
    return {
        "model": found.model,
        "answer": {**labels[0], "labels": labels},
        "latency_ms": found.latency_ms,
    }
