"""Tool: how an endpoint does."""

from typing import Any

from tools.base import Effect, ToolContext, tool
from tools.deploy_endpoint import how_to_call


@tool(effect=Effect.READS)
def endpoint_status(ctx: ToolContext, endpoint: str = "") -> dict[str, Any]:
    """Tell how an endpoint does and how to call it: model, state, requests, errors, latency.

    Args:
        endpoint: Its name; without one, the endpoint that went live last.
    """
    house = ctx.house
    name = endpoint or house.supervisor.endpoints.pick(ctx.caller).name
    status = house.supervisor.status(ctx.caller, name)
    return status | how_to_call(ctx, name, status["model"])
