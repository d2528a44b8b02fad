"""Our own routes: the tools, the approvals, the chat as a stream of events, and health."""

import json
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse

from agent import preferences
from agent.events import to_json
from agent.language import Language, words_in
from agent.memory import FileRef
from agent.models import where_text_goes
from agent.session import Session
from core import approvals
from core.errors import RequestRefused
from server.bodies import caller_of, fields, once, once_streamed, read_limited
from server.health import check_health
from tools import base

MAX_MESSAGE_CHARACTERS = 32_000
MAX_THREAD_ID = 80


def routes(house: base.House) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> JSONResponse:
        """200 only when new work would succeed; says what is broken."""
        report = await run_in_threadpool(check_health, house)
        return JSONResponse(report, 200 if report["ok"] else 503)

    @router.get("/api/tools")
    async def list_tools() -> dict[str, Any]:
        """The catalogue: name, description, effect and parameters (JSON schema) of each tool."""
        return {"tools": [tool.as_dict() for tool in base.catalogue()]}

    @router.post("/api/tools/{name}")
    async def call_tool(name: str, request: Request) -> Response:
        """Call a tool: 200 with its result, or 202 with the approval that it waits for."""
        raw = await read_limited(request)
        answer = partial(answer_call, house, request, name, raw)
        return await once(request, house.database, raw, answer)

    @router.get("/api/approvals")
    async def list_approvals(request: Request, all: bool = False) -> dict[str, Any]:
        found = await run_in_threadpool(
            approvals.listing, house.database, caller_of(request), all_states=all
        )
        return {"approvals": [approvals.as_dict(approval) for approval in found]}

    @router.get("/api/approvals/{identifier}")
    async def read_approval(identifier: str, request: Request) -> dict[str, Any]:
        found = await run_in_threadpool(
            approvals.get, house.database, caller_of(request), identifier
        )
        return {"approval": approvals.as_dict(found)}

    @router.post("/api/approvals/{identifier}")
    async def decide(identifier: str, request: Request) -> Response:
        """Approve or reject. Needs the owner's token as bearer."""
        raw = await read_limited(request)
        answer = partial(answer_decision, house, request, identifier, raw)
        return await once(request, house.database, raw, answer)

    @router.get("/api/chat")
    async def about_chat(request: Request, language: str = "en") -> dict[str, Any]:
        """Who reads what is said in the chat, and where."""
        w = words_in(language_in({"language": language}))
        caller = caller_of(request)
        chosen = await run_in_threadpool(preferences.load, house.database, caller)
        return {"where_text_goes": where_text_goes(house.settings, chosen, w)}

    @router.post("/api/chat")
    async def chat(request: Request) -> StreamingResponse:
        """Say something in a thread; the answer comes as server-sent events.

        `language` wins over the saved choice, `page_language` counts where there is none.
        """
        raw = await read_limited(request)
        body = fields(raw, "thread_id", "text", "files", "language", "page_language")
        asked = language_in(body) if "language" in body else None
        page = language_in(body, "page_language")
        session = Session(house, caller_of(request), thread_of(body), page, asked=asked)
        begin = partial(stream, session, text_of(body), files_of(house, request, body))
        return await once_streamed(request, house.database, raw, begin)

    return router


async def answer_call(house: base.House, request: Request, name: str, raw: bytes) -> Response:
    body = fields(raw, "arguments", "approval_id", "thread_id")
    arguments = body.get("arguments", {})
    if not isinstance(arguments, dict):
        raise RequestRefused("arguments is not an object.", param="arguments", fix="Give one.")
    thread_id = thread_of(body) if body.get("thread_id") is not None else None
    ctx = base.ToolContext(house, caller_of(request), thread_id)
    approval_id = optional_text(body, "approval_id")
    outcome = await run_in_threadpool(base.call, ctx, name, arguments, approval_id)
    if outcome.approval is not None:
        return JSONResponse({"approval": outcome.approval}, 202)
    return JSONResponse({"result": outcome.result})


async def answer_decision(
    house: base.House, request: Request, identifier: str, raw: bytes
) -> Response:
    body = fields(raw, "decision")
    decision = optional_text(body, "decision") or ""
    ctx = base.ToolContext(house, caller_of(request))
    decided = await run_in_threadpool(base.decide, ctx, identifier, decision)
    return JSONResponse({"approval": decided})


async def stream(session: Session, text: str, files: list[FileRef]) -> AsyncGenerator[str, None]:
    async def told() -> AsyncGenerator[str, None]:
        async for event in session.reply(text, files):
            yield f"data: {json.dumps(to_json(event), ensure_ascii=False)}\n\n"

    return told()


def optional_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestRefused(f"{name} is not a text.", param=name, fix="Give a text.")
    return value


def language_in(body: dict[str, Any], name: str = "language") -> Language:
    """The language that the body gives under this name; English where it gives none."""
    wanted = body.get(name, "en")
    if wanted not in get_args(Language):
        raise RequestRefused(
            f"{name}={str(wanted)[:20]!r} is not spoken.",
            code="invalid_argument",
            param=name,
            fix="Give en or zh.",
        )
    spoken: Language = wanted
    return spoken


def text_of(body: dict[str, Any]) -> str:
    text = optional_text(body, "text") or ""
    if not text.strip():
        raise RequestRefused("text is empty.", param="text", fix="Say something.")
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise RequestRefused(
            f"text has {len(text):,} characters.",
            param="text",
            fix=f"Write 1 to {MAX_MESSAGE_CHARACTERS:,}; send long texts as a file.",
        )
    return text


def thread_of(body: dict[str, Any]) -> str:
    thread_id = optional_text(body, "thread_id") or ""
    if not 0 < len(thread_id) <= MAX_THREAD_ID:
        raise RequestRefused(
            f"thread_id has {len(thread_id):,} characters."
            if thread_id
            else "thread_id is missing.",
            param="thread_id",
            fix=f"Give 1 to {MAX_THREAD_ID} characters.",
        )
    return thread_id


def files_of(house: base.House, request: Request, body: dict[str, Any]) -> list[FileRef]:
    given = body.get("files", [])
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise RequestRefused("files is not a list of file ids.", param="files", fix="Give one.")
    rows = [house.files.get(caller_of(request), identifier) for identifier in given]
    return [FileRef(row.id, row.filename) for row in rows]
