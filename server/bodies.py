"""Request bodies: read up to a limit, parsed strictly, answered once per Idempotency-Key."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import delete

from core.errors import RequestRefused
from core.identity import Caller
from core.records.database import Database
from core.records.tables import Idempotency
from core.strict_json import parse_object

MAX_JSON_BYTES = 2 * 2**20
KEEP_ANSWERS_S = 24 * 3600.0
MAX_KEY_LENGTH = 255

_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


def caller_of(request: Request) -> Caller:
    """Who the gate let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def read_limited(request: Request, limit: int = MAX_JSON_BYTES) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise RequestRefused(
                f"The body is larger than {limit >> 20} MiB.", code="too_large", fix="Send less."
            )
    return bytes(body)


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
    key = request.headers.get("idempotency-key")
    if key is None:
        return await answer()
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        raise RequestRefused(
            f"Idempotency-Key has {len(key)} characters.", fix=f"Use 1 to {MAX_KEY_LENGTH}."
        )
    user = caller_of(request).user
    asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()
    async with _locks.setdefault(f"{user}\n{key}", asyncio.Lock()):
        if (given := remembered(database, user, key, asked)) is not None:
            return given
        response = await answer()
        if response.status_code < 500:
            remember(database, user, key, asked, response)
        return response


def remembered(database: Database, user: str, key: str, asked: str) -> Response | None:
    with database.read() as session:
        found = session.get(Idempotency, (key, user))
    if found is None:
        return None
    if found.request != asked:
        raise RequestRefused(
            "This Idempotency-Key was used for another request.",
            code="idempotency_key_reused",
            fix="Use a new key for a new request.",
        )
    return JSONResponse(json.loads(found.body), found.status, {"Idempotent-Replayed": "true"})


def remember(database: Database, user: str, key: str, asked: str, response: Response) -> None:
    old = Idempotency.created_at < time.time() - KEEP_ANSWERS_S
    body = bytes(response.body).decode()
    with database.write() as session:
        session.execute(delete(Idempotency).where(old))
        session.add(
            Idempotency(key=key, owner=user, request=asked, status=response.status_code, body=body)
        )
