"""Tool: documents out of the library."""

from typing import Any

from core.records.tables import Json
from tools.base import Effect, Resolved, ToolContext, tool


def resolve_delete(ctx: ToolContext, arguments: Json) -> Resolved:
    """What would be gone. Raises RequestRefused where there is nothing to delete."""
    return Resolved(arguments, quote=ctx.house.library.chosen(ctx.caller, **arguments))


@tool(effect=Effect.DESTROYS, resolve=resolve_delete)
def delete_documents(ctx: ToolContext, collection: str, source: str = "") -> dict[str, Any]:
    """Delete a whole collection of documents, or one document of it. The uploads stay.

    Args:
        collection: Such as `docs`.
        source: One document, by its path inside the upload; empty for all of them.
    """
    return ctx.house.library.delete(ctx.caller, collection, source)
