"""Tool: stop a run."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.WRITES)
def cancel_run(ctx: ToolContext, run: str = "last") -> dict[str, Any]:
    """Stop a fine-tuning run now, without waiting for approval. Its checkpoints are kept.

    Args:
        run: Such as `run_3`, or "last" for the newest.
    """
    return ctx.house.runs.report(ctx.house.runs.cancel(ctx.caller, run))
