"""Tool: an endpoint off, after approval."""

from typing import Any

from core import approvals
from core.errors import RequestRefused
from core.records.tables import Json
from tools.base import Effect, Resolved, ToolContext, tool


def resolve_stop(ctx: ToolContext, arguments: Json) -> Resolved:
    """Raises RequestRefused when there is no such endpoint, or it is stopped already."""
    supervisor = ctx.house.supervisor
    row = supervisor.endpoints.pick(ctx.caller, arguments["endpoint"])
    status = supervisor.status(ctx.caller, row.name)
    quote = {"model": row.model, "requests": status["requests"]}
    return Resolved({"endpoint": row.name}, quote)


def refuse_replaced(ctx: ToolContext, endpoint: str) -> None:
    """What was approved was to stop the model that the request named."""
    house = ctx.house
    approval = approvals.get(house.database, ctx.caller, ctx.approval_id or "")
    approved, now = (
        (approval.quote or {}).get("model"),
        house.supervisor.endpoints.get(ctx.caller, endpoint).model,
    )
    if approved != now:
        raise RequestRefused(
            f"{endpoint} was given {now} after you were asked about {approved}.",
            code="approval_mismatch",
            param="endpoint",
            fix="Ask to stop it again.",
        )


@tool(effect=Effect.DESTROYS, resolve=resolve_stop)
def stop_endpoint(ctx: ToolContext, endpoint: str) -> dict[str, Any]:
    """Stop an endpoint: programs that call it get errors from then on. The model is kept.

    Args:
        endpoint: Its name.
    """
    refuse_replaced(ctx, endpoint)
    row = ctx.house.supervisor.stop_endpoint(ctx.caller, endpoint)
    return {"endpoint": row.name, "model": row.model, "state": row.state}
