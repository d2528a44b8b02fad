"""Tool: what takes room."""

from typing import Any

from data import disk
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def disk_usage(ctx: ToolContext) -> dict[str, Any]:
    """Tell what takes room on the disk by kind, in bytes, and what may go without harm.

    `may_go` lists uploads that no dataset was made from, checkpoints of finished runs and folders
    of failed ones, each with how to remove it. Nothing is removed.
    """
    return disk.usage(ctx.house.database, ctx.house.storage, ctx.caller)
