"""Tool: a dataset version out of the house."""

from typing import Any

from core.errors import RequestRefused
from core.records.tables import Json
from core.storage import folder_bytes
from tools.base import Effect, Resolved, ToolContext, tool


def resolve_delete(ctx: ToolContext, arguments: Json) -> Resolved:
    """The version that would be gone. Raises RequestRefused while a run uses it."""
    datasets = ctx.house.datasets
    row = datasets.get(ctx.caller, arguments["dataset"])
    datasets.refuse_in_use(ctx.caller, row)
    size = folder_bytes(datasets.folder(row))
    return Resolved({"dataset": row.ref}, quote={"rows": row.rows, "bytes": size})


@tool(effect=Effect.DESTROYS, resolve=resolve_delete)
def delete_dataset(ctx: ToolContext, dataset: str) -> dict[str, Any]:
    """Delete one dataset version for good. Uploads, and models trained on it, stay.

    Args:
        dataset: Such as tickets@1; without @ the newest version.
    """
    try:
        ctx.house.datasets.delete(ctx.caller, dataset)
    except RequestRefused as refusal:
        # A crash may have come after the deletion; asked for by the same approval it is done.
        if refusal.code != "not_found" or ctx.approval_id is None:
            raise
    return {"dataset": dataset, "deleted": True}
