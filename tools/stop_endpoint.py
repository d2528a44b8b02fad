"""Tool: an endpoint off, after approval."""

from typing import Any

from core.records.tables import Json
from tools.base import Effect, Resolved, ToolContext, tool


def resolve_stop(ctx: ToolContext, arguments: Json) -> Resolved:
    """Raises RequestRefused when there is no such endpoint, or it is stopped already."""
    supervisor = ctx.house.supervisor
    row = supervisor.endpoints.pick(ctx.caller, arguments["endpoint"])
    status = supervisor.status(ctx.caller, row.name)
    quote = {"model": row.model, "requests": status["requests"]}
    return Resolved({"endpoint": row.name}, quote)


@tool(effect=Effect.DESTROYS, resolve=resolve_stop)
def stop_endpoint(ctx: ToolContext, endpoint: str) -> dict[str, Any]:
    """Stop an endpoint: programs that call it get errors from then on. The model is kept.

    Args:
        endpoint: Its name.
    """
    row = ctx.house.supervisor.stop_endpoint(ctx.caller, endpoint)
    return {"endpoint": row.name, "model": row.model, "state": row.state}
