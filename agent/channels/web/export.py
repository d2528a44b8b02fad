"""A conversation as a file, to be kept or sent."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent.channels.web.history import History
from agent.channels.web.transcript import markdown
from agent.channels.web.uploads import Refusal, answer, person
from agent.language import words_in


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
