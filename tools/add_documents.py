"""Tool: documents into the library, to ask about later."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.WRITES)
def add_documents(ctx: ToolContext, file_id: str, collection: str = "docs") -> dict[str, Any]:
    """Take in an uploaded document, or a zip of documents, so that questions about it can be
    answered with citations.

    Reads Markdown, reStructuredText, HTML and plain text; everything else is listed under
    `skipped` with the reason. The same file again changes nothing; a changed one replaces the
    one before.

    Args:
        file_id: The upload, such as `file-3f…`.
        collection: Where to keep them; search_docs looks in `docs` unless told otherwise.
    """
    files = ctx.house.files
    filename = files.get(ctx.caller, file_id).filename
    return ctx.house.library.add(ctx.caller, files.path(ctx.caller, file_id), filename, collection)
