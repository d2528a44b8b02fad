"""Tool: the runs there are."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def list_runs(ctx: ToolContext, active: bool = False) -> dict[str, Any]:
    """List the fine-tuning runs, newest first, with state, progress and test accuracy.

    Args:
        active: Only those that have not ended.
    """
    return {"runs": ctx.house.runs.summaries(ctx.caller, active=active)}
