"""Tool: what waits for a decision."""

from typing import Any

from core import approvals
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def list_approvals(ctx: ToolContext, all: bool = False) -> dict[str, Any]:
    """List what waits for approval, with its arguments and measured cost.

    Args:
        all: Also list what was decided or has expired.
    """
    found = approvals.listing(ctx.house.database, ctx.caller, all_states=all)
    return {"approvals": [approvals.as_dict(approval) for approval in found]}
