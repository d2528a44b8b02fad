"""Tool: how an endpoint does."""

from typing import Any

from serving import snippets
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def endpoint_status(ctx: ToolContext, endpoint: str = "") -> dict[str, Any]:
    """Tell how an endpoint does and how to call it: model, state, requests, errors, latency.

    Args:
        endpoint: Its name; without one, the endpoint that went live last.
    """
    house = ctx.house
    name = endpoint or house.supervisor.endpoints.pick(ctx.caller).name
    with_key = house.settings.api_key is not None
    how = snippets.how_to_call(house.base_url, name, with_key=with_key)
    return house.supervisor.status(ctx.caller, name) | how
