"""Tool: which datasets there are."""

from typing import Any

from data import report
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def list_datasets(ctx: ToolContext) -> dict[str, Any]:
    """List all dataset versions, oldest first, with task, rows, classes and number of problems."""
    found = ctx.house.datasets.list(ctx.caller)
    return {"datasets": [report.line(dataset) for dataset in found]}
