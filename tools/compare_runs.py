"""Tool: runs side by side."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def compare_runs(ctx: ToolContext, runs: list[str] | None = None) -> dict[str, Any]:
    """Put runs side by side: settings that differ, test accuracy, and whether one is surely best.

    Args:
        runs: Two to ten ids such as `run_1`; none given: the two newest that succeeded.
    """
    return ctx.house.runs.compare(ctx.caller, runs or [])
