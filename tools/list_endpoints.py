"""Tool: what is live."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def list_endpoints(ctx: ToolContext) -> dict[str, Any]:
    """List the endpoints with their models, states and numbers of requests, newest first."""
    supervisor = ctx.house.supervisor
    rows = supervisor.list(ctx.caller)
    return {"endpoints": [supervisor.status(ctx.caller, row.name) for row in reversed(rows)]}
