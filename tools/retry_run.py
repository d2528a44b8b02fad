"""Tool: the same run again."""

from typing import Any

from core import approvals
from core.records.tables import Json
from tools.base import Effect, Resolved, ToolContext, tool


def resolve_retry(ctx: ToolContext, arguments: Json) -> Resolved:
    """Which run exactly, and what it will take this time."""
    run = ctx.house.runs.get(ctx.caller, arguments["run"])
    quote = ctx.house.quotes.again(ctx.caller, run)
    measured = quote.result if quote.state == "ready" else None
    return Resolved({"run": run.id}, measured, quote.id)


@tool(effect=Effect.SPENDS, resolve=resolve_retry)
def retry_run(ctx: ToolContext, run: str = "last") -> dict[str, Any]:
    """Start a new fine-tuning run with the arguments of an earlier one. Asks for approval first.

    Args:
        run: Such as `run_3`, or "last" for the newest.
    """
    approval = approvals.get(ctx.house.database, ctx.caller, ctx.approval_id or "")
    again = ctx.house.runs.retry(ctx.caller, run, approval.id, ctx.thread_id, approval.quote)
    return ctx.house.runs.report(again)
