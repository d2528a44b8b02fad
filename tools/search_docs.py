"""Tool: passages that answer a question, with citations."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def search_docs(
    ctx: ToolContext, query: str, collection: str = "docs", k: int = 10
) -> dict[str, Any]:
    """Find passages in the user's documents, or in Thimble's own help, that answer a question.

    Use collection `help` for questions about Thimble itself: data formats, plans, reports,
    endpoints, privacy, errors. When `docs` holds no answer, `help` is looked through as well;
    `collection` in the result says where the passages are from. Answer only from the passages
    and cite them; where `answerable` is false, say that the documents do not answer it.

    Args:
        query: The question, in the user's words.
        collection: `docs`, `help`, or another collection of the user's.
        k: How many passages, 1 to 50.
    """
    return ctx.house.library.answer(ctx.caller, query, collection, k).as_dict()
