"""Tool: how an endpoint does."""

from typing import Any

from serving import snippets
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def endpoint_status(ctx: ToolContext, endpoint: str = "") -> dict[str, Any]:
    """Tell how an endpoint does: its model, state, requests, errors and latency.

    Args:
        endpoint: Its name; without one, the endpoint that went live last.
    """
    supervisor = ctx.house.supervisor
    name = endpoint or supervisor.endpoints.pick(ctx.caller).name
    return supervisor.status(ctx.caller, name) | {"url": snippets.url(ctx.house.base_url)}
