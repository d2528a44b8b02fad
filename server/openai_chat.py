"""`/v1/chat/completions` and `/v1/completions`: OpenAI's routes for models that write.

A client that leaves stops its answer, unless it sent an Idempotency-Key: then the answer is made to
its end, so that asking again gets it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from core.errors import RequestRefused
from core.strict_json import parse_object
from server.bodies import caller_of, key_of, once, once_streamed, read_limited
from serving.gateway import ask, chat, shapes
from tools.base import House

Checks = Callable[[dict[str, Any]], ask.Ask]
T = TypeVar("T")


def routes(house: House) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/chat/completions")
    async def chat_completions(request: Request) -> Response:
        """An answer in a conversation: whole, or with `stream` as server-sent events."""
        return await answer(house, request, ask.chat, shapes.CHAT)

    @router.post("/completions")
    async def completions(request: Request) -> Response:
        """What a model writes after a text, without any template."""
        return await answer(house, request, ask.text, shapes.TEXT)

    return router


async def answer(
    house: House, request: Request, checks: Checks, dialect: shapes.Dialect
) -> Response:
    raw = await read_limited(request)
    asked = checks(parse_object(raw))
    if asked.stream:
        begin = partial(opened, house, request, asked, dialect)
        return await once_streamed(request, house.database, raw, begin)
    return await once(request, house.database, raw, partial(whole, house, request, asked, dialect))


async def opened(
    house: House, request: Request, asked: ask.Ask, dialect: shapes.Dialect
) -> AsyncGenerator[str, None]:
    work = chat.opened(house.supervisor, caller_of(request), asked, dialect)
    return await while_there(request, work)


async def whole(
    house: House, request: Request, asked: ask.Ask, dialect: shapes.Dialect
) -> Response:
    work = chat.whole(house.supervisor, caller_of(request), asked, dialect)
    return JSONResponse(await while_there(request, work))


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is given up when the client leaves before and sent no key."""
    if key_of(request) is not None:
        return await work
    task = asyncio.create_task(work)
    gone = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RequestRefused("The client left.", code="client_left")
        return await task
    finally:
        task.cancel()
        gone.cancel()


async def disconnected(request: Request) -> None:
    """Return when the client is gone. The body has been read, so nothing else comes."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
