"""Files on their way in and out of the chat, in place of Chainlit's own routes for them.

Chainlit reads an upload whole into memory before it looks at its size, and serves it back under
the type that the sender gave it. Here it is streamed to the disk under an id of ours, and what is
served can never run as a page.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.auth import authenticate_user, reuseable_oauth
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from agent.channels.web.drawing import name_id
from agent.channels.web.edge import attempt, caller_for
from agent.channels.web.history import History
from agent.channels.web.tabs import InAllTabs
from agent.channels.web.visitors import language_of_tab
from agent.language import Words, words_in
from agent.shown.figures import joined
from core.errors import RequestRefused
from core.identity import Caller
from core.records.tables import File
from data.files import name_in_form
from tools.base import House

CHUNK_BYTES = 2**20
CONNECT_S = 5.0
FORM_BYTES = 2**16
"""Room for the parts of the form around the file."""
FILENAME = re.compile(rb'filename="([^"]*)"')
HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, max-age=3600",
}


class Refusal(Exception):
    """Why something is not taken or served, as Chainlit's page expects to be told."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.answer = JSONResponse({"detail": words}, status)


def routes(house: House, history: History) -> APIRouter:
    router = APIRouter()

    @router.post("/chat/project/file")
    async def upload(request: Request, session_id: str) -> Response:
        """Take one file for the next message of a tab."""
        return await answer(take_upload(house, request, session_id))

    @router.get("/chat/project/file/{file_id}")
    async def sent(request: Request, file_id: str, session_id: str) -> Response:
        """A file that this tab has sent, to be saved."""
        return await answer(sent_file(request, file_id, session_id))

    @router.get("/chat/element/{element_id}")
    async def element(request: Request, element_id: str) -> Response:
        """What belongs to a stored message: a chart, or a file that was sent with it."""
        return await answer(stored_element(house, history, request, element_id))

    return router


async def answer(work: Awaitable[Response], w: Words | None = None) -> Response:
    """What the work makes, or why not, in the one field that Chainlit's page shows."""
    made: list[Response] = []

    async def run() -> None:
        try:
            made.append(await work)
        except Refusal as refusal:
            made.append(refusal.answer)

    failure = await attempt(run(), w)
    return made[0] if failure is None else Refusal(400, failure).answer


async def take_upload(house: House, request: Request, session_id: str) -> Response:
    """Keep the file. Why one is not taken is said in the thread: a toast is gone too soon."""
    tab = await tab_of(request, session_id)
    w = words_in(await language_of_tab(house, tab))
    caller = caller_for(tab.user.identifier)
    made: list[File] = []

    async def run() -> None:
        made.append(await save(house, request, caller))

    failure = await attempt(run(), w)
    if failure is not None:
        await say_why(tab, getattr(request.state, "filename", ""), failure, w)
        raise Refusal(400, failure)
    return JSONResponse(remember(tab, made[0], house.files.path(caller, made[0].id)))


async def say_why(tab: Any, filename: str, failure: str, w: Words) -> None:
    """A message of ours; it is stored with the thread once the thread begins."""
    init_ws_context(tab).emitter = InAllTabs(tab)
    shown = w("{name} was not taken.", name=f"`{filename}`") if filename else ""
    await cl.Message(joined([shown, failure], w)).send()


async def sent_file(request: Request, file_id: str, session_id: str) -> Response:
    tab = await tab_of(request, session_id)
    if file_id not in tab.files:
        raise Refusal(404, "There is no such file.")
    file = tab.files[file_id]
    return to_save(file["path"], file["name"], "application/octet-stream")


async def stored_element(
    house: House, history: History, request: Request, element_id: str
) -> Response:
    user = await person(request)
    row = await element_row(history, user, element_id)
    if row["path"]:
        path = house.files.path(caller_for(user), row["path"])
        return to_save(path, row["name"], "application/octet-stream")
    path = history.elements.path(element_id)
    if not path.is_file():
        raise Refusal(404, "There is no such element.")
    return to_save(path, "chart.json", "application/json")


async def person(request: Request) -> str:
    """The user whose login the request carries. Raises Refusal without one."""
    token = await reuseable_oauth(request)
    user = await authenticate_user(token) if token else None
    if user is None:
        raise Refusal(401, "Log in first.")
    return str(user.identifier)


async def connected_tab(session_id: str) -> Any:
    """The tab, waiting a moment for one that has just been opened to connect."""
    for _ in range(int(CONNECT_S / 0.1)):
        if (tab := WebsocketSession.get_by_id(session_id)) is not None:
            return tab
        await asyncio.sleep(0.1)
    return None


async def tab_of(request: Request, session_id: str) -> Any:
    user = await person(request)
    tab = await connected_tab(session_id)
    if tab is None or tab.user is None or tab.user.identifier != user:
        raise Refusal(404, "This tab is not known any more; reload the page.")
    return tab


async def save(house: House, request: Request, caller: Caller) -> File:
    """Save the one file of the request's form."""
    limit = house.settings.max_upload_bytes
    parser = MultiPartParser(
        request.headers, capped(request, limit + FORM_BYTES, limit), max_files=1, max_fields=2
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise RequestRefused("The upload is not a form with one file.") from error
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise RequestRefused("The upload has no file in it.")
    try:
        chunks = iter(lambda: file.file.read(CHUNK_BYTES), b"")
        return await asyncio.to_thread(
            house.files.save, caller, name_in_form(file.filename), chunks
        )
    finally:
        await form.close()


async def capped(request: Request, most: int, limit: int) -> AsyncGenerator[bytes, None]:
    """The body, given up as soon as it is too large, before all of it has come."""
    declared = request.headers.get("content-length", "0")
    coming = int(declared) if declared.isdecimal() else 0
    seen = 0
    async for chunk in request.stream():
        if not seen:
            request.state.filename = name_in(chunk)
        seen += len(chunk)
        if max(seen, coming) > most:
            raise too_large(limit)
        yield chunk


def name_in(form: bytes) -> str:
    """The file's name, at the beginning of a form, to call it by; "" when it is not there."""
    found = FILENAME.search(form[:FORM_BYTES])
    name = name_in_form(found[1].decode("utf-8", "replace")) if found else ""
    return "".join(letter for letter in name if letter.isprintable() and letter != "`")[:120]


def too_large(limit: int) -> RequestRefused:
    return RequestRefused(
        f"The file is larger than {limit >> 20} MiB.",
        code="file_too_large",
        fix="Split it, or start Thimble with a larger THIMBLE_MAX_UPLOAD_MB.",
    )


def remember(tab: Any, saved: File, path: Path) -> dict[str, str]:
    """Tell Chainlit of the file, as its own route would."""
    identifier = name_id(saved.id)
    tab.files[identifier] = {
        "id": identifier,
        "path": path,
        "name": saved.filename,
        # By the sender's type a page or picture would be shown; here it is a file to save.
        "type": "application/octet-stream",
        "size": saved.bytes,
    }
    return {"id": identifier}


async def element_row(history: History, user: str, element_id: str) -> dict[str, Any]:
    rows = await history.rows(
        'SELECT e.path, e.name FROM elements e JOIN threads t ON t.id = e."threadId" '
        'WHERE e.id = :id AND t."userIdentifier" = :user',
        id=element_id,
        user=user,
    )
    if not rows:
        raise Refusal(404, "There is no such element.")
    return rows[0]


def to_save(path: Path, name: str, mime: str) -> FileResponse:
    return FileResponse(path, media_type=mime, filename=name, headers=HARMLESS)
