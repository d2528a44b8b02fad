"""Request bodies: read up to a limit, parsed strictly, answered once per Idempotency-Key."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy import delete
from starlette.types import Receive, Scope, Send

from core.errors import RequestRefused
from core.identity import Caller
from core.records.database import Database
from core.records.tables import Idempotency
from core.strict_json import parse_object
from serving.gateway.chat import BrokenOff

MAX_JSON_BYTES = 2 * 2**20
KEEP_ANSWERS_S = 24 * 3600.0
MAX_KEY_LENGTH = 255
REPLAYED = {"Idempotent-Replayed": "true"}
EVENTS = "text/event-stream"

_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
_making: set[asyncio.Task[None]] = set()
"""Answers on their way; the event loop itself would let go of them."""


def caller_of(request: Request) -> Caller:
    """Who the gate let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def read_limited(request: Request, limit: int = MAX_JSON_BYTES) -> bytes:
    body = bytearray()
    if announced(request) > limit:
        raise too_large(limit)
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


def announced(request: Request) -> int:
    """How many bytes the body is said to have; 0 when nothing is said."""
    given = request.headers.get("content-length", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0


def too_large(limit: int) -> RequestRefused:
    return RequestRefused(
        f"The body is larger than {limit >> 20} MiB.", code="too_large", fix="Send less."
    )


def fields(raw: bytes, *known: str) -> dict[str, Any]:
    """The body as one JSON object with nothing but these fields; an empty body has none."""
    body = parse_object(raw) if raw.strip() else {}
    for name in body:
        if name not in known:
            raise RequestRefused(
                f"There is no field {name[:80]!r} here.",
                code="unknown_argument",
                param=name[:80],
                fix=f"Known: {', '.join(known)}.",
            )
    return body


async def once(
    request: Request, database: Database, body: bytes, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """Answer, or repeat the answer already given to this Idempotency-Key.

    Args:
        body: What must be the same for the key to mean the same request.
    """
    key = key_of(request)
    if key is None:
        return await answer()
    user, asked = caller_of(request).user, hash_of(request, body)
    async with lock_of(user, key):
        if (given := remembered(database, user, key, asked)) is not None:
            return JSONResponse(json.loads(given.body), given.status, REPLAYED)
        response = await answer()
        if response.status_code < 500:
            text = bytes(response.body).decode()
            remember(database, user, key, asked, response.status_code, text)
        return response


async def once_streamed(
    request: Request,
    database: Database,
    body: bytes,
    begin: Callable[[], Awaitable[AsyncGenerator[str, None]]],
) -> StreamingResponse:
    """`once`, for an answer as server-sent events.

    With a key the answer is made to its end even when nobody listens any more, so that asking
    again gets the whole of it. One that broke off is not kept.

    Args:
        begin: Starts the answer; what it raises is answered before anything is sent.
    """
    key = key_of(request)
    if key is None:
        return Events(unbroken(await begin()), media_type=EVENTS)
    user, asked = caller_of(request).user, hash_of(request, body)
    async with AsyncExitStack() as held:
        await held.enter_async_context(lock_of(user, key))
        if (given := remembered(database, user, key, asked)) is not None:
            return StreamingResponse(iter([given.body]), given.status, REPLAYED, EVENTS)
        pieces = await begin()
        coming: asyncio.Queue[str | None] = asyncio.Queue()
        keep = partial(remember, database, user, key, asked, 200)
        task = asyncio.create_task(make(pieces, coming, keep, held.pop_all()))
    _making.add(task)
    task.add_done_callback(_making.discard)
    return StreamingResponse(drained(coming), media_type=EVENTS)


class Events(StreamingResponse):
    """Ends what makes the events as soon as they are sent or the listener has left."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await super().__call__(scope, receive, send)


async def unbroken(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The pieces; that they broke off was told in the last one."""
    with suppress(BrokenOff):
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece


async def make(
    pieces: AsyncIterator[str],
    coming: "asyncio.Queue[str | None]",
    keep: Callable[[str], None],
    held: AsyncExitStack,
) -> None:
    """Pass the pieces on as they come, keep the whole at their end, and let go of the key."""
    said = []
    async with held:
        try:
            async for piece in pieces:
                said.append(piece)
                coming.put_nowait(piece)
            keep("".join(said))
        except BrokenOff:
            pass  # asking again makes a new answer
        finally:
            coming.put_nowait(None)


async def drained(coming: "asyncio.Queue[str | None]") -> AsyncIterator[str]:
    while (piece := await coming.get()) is not None:
        yield piece


def key_of(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_KEY_LENGTH:
        raise RequestRefused(
            f"Idempotency-Key has {len(key)} characters.", fix=f"Use 1 to {MAX_KEY_LENGTH}."
        )
    return key


def hash_of(request: Request, body: bytes) -> str:
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()


def lock_of(user: str, key: str) -> asyncio.Lock:
    return _locks.setdefault(f"{user}\n{key}", asyncio.Lock())


def remembered(database: Database, user: str, key: str, asked: str) -> Idempotency | None:
    with database.read() as session:
        found = session.get(Idempotency, (key, user))
    if found is not None and found.request != asked:
        raise RequestRefused(
            "This Idempotency-Key was used for another request.",
            code="idempotency_key_reused",
            fix="Use a new key for a new request.",
        )
    return found


def remember(database: Database, user: str, key: str, asked: str, status: int, body: str) -> None:
    old = Idempotency.created_at < time.time() - KEEP_ANSWERS_S
    with database.write() as session:
        session.execute(delete(Idempotency).where(old))
        session.add(Idempotency(key=key, owner=user, request=asked, status=status, body=body))
