"""Tool: a model version away, after approval."""

from typing import Any

from core.errors import RequestRefused
from core.records.tables import Json
from tools.base import Effect, Resolved, ToolContext, tool


def resolve_delete(ctx: ToolContext, arguments: Json) -> Resolved:
    """Which version exactly. Raises RequestRefused while an endpoint needs it."""
    return Resolved(
        {"model": ctx.house.runs.models.check_unused(ctx.caller, arguments["model"]).ref}
    )


@tool(effect=Effect.DESTROYS, resolve=resolve_delete)
def delete_model(ctx: ToolContext, model: str) -> dict[str, Any]:
    """Delete one model version and its files for good. Refused while an endpoint serves it.

    Args:
        model: Such as `banking77@1`; a bare name means its newest version.
    """
    try:
        ctx.house.runs.models.delete(ctx.caller, model)
    except RequestRefused as refusal:
        # It was there when this was approved: a run cut off by a crash has deleted it already.
        if refusal.code != "not_found":
            raise
    return {"deleted": model}
