"""A conversation as Markdown, to be kept or sent: what was said, and the cards as text."""

from collections import defaultdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent.channels.web.history import History
from agent.channels.web.uploads import Refusal, answer, person
from agent.events import VIEW
from agent.language import Words, words_in
from agent.views import as_text

Json = dict[str, Any]
SAID = ("user_message", "assistant_message")


def routes(history: History) -> APIRouter:
    router = APIRouter()

    @router.get("/chat/threads/{thread_id}.md")
    async def thread(request: Request, thread_id: str) -> Response:
        """The conversation as a file to save; only for its owner."""
        return await answer(saved(history, request, thread_id))

    return router


async def saved(history: History, request: Request, thread_id: str) -> Response:
    user = await person(request)
    thread = await history.get_thread(thread_id)
    if thread is None or thread["userIdentifier"] != user:
        raise Refusal(404, "There is no such conversation.")
    w = words_in(await history.language_of_thread(thread_id))
    text = markdown(thread, w, str(request.base_url).rstrip("/"))
    headers = {
        "Content-Disposition": f'attachment; filename="thimble-{thread_id[:8]}.md"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


def markdown(thread: Json, w: Words, host: str) -> str:
    """The whole thread, oldest first.

    Args:
        host: Put before the addresses of links, such as `http://127.0.0.1:8000`.
    """
    files = names_of_files(thread["elements"])
    title = thread["name"] or w("Conversation")
    parts = [f"# {title}", w("{date}, a conversation with Thimble", date=thread["createdAt"][:10])]
    speaker = ""
    for step in thread["steps"]:
        text = words_of(step, files[step["id"]], w, host)
        if not text:
            continue
        if step["type"] != speaker:
            speaker = step["type"]
            parts.append(f"## {w('You') if speaker == 'user_message' else 'Thimble'}")
        parts.append(text)
    return "\n\n".join(parts) + "\n"


def names_of_files(elements: list[Json]) -> dict[str, list[str]]:
    """By the message that they came with."""
    names: dict[str, list[str]] = defaultdict(list)
    for element in elements:
        if element["type"] not in ("custom", "plotly"):
            names[element["forId"]].append(element["name"])
    return names


def words_of(step: Json, files: list[str], w: Words, host: str) -> str:
    """What a message says; nothing for what is no message."""
    if step["type"] not in SAID:
        return ""
    view = (step["metadata"] or {}).get("view")
    if view:
        return as_text(VIEW.validate_python(view), w, host)
    attached = [w("File: {name}", name=name) for name in files]
    return "\n\n".join(part for part in (step["output"], *attached) if part)
