"""Tool: how a run does, or how it ended."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def run_status(ctx: ToolContext, run: str = "last") -> dict[str, Any]:
    """Say how a fine-tuning run does, or how it ended and whether tuning beat the baselines.

    While it runs: step, loss curve, tokens a second, seconds left. At its end: test accuracy with
    its 95 % interval, the baselines, a verdict, the worst classes, the most confused pairs, and
    seconds taken beside seconds quoted.

    Args:
        run: Such as `run_3`, or "last" for the newest.
    """
    return ctx.house.runs.report(ctx.house.runs.get(ctx.caller, run))
