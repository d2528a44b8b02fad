"""The routes of the process that holds one base and its adapters.

    POST   /models/ID           {"folder" or null, "sha256", "base": {"name", "folder", "sha256",
                                "files"}}             verify and load; null is the base itself
    DELETE /models/ID                                 let go of it
    POST   /models/ID/generate  see `asked.py`        lines of JSON: {"text"} …, then
                                {"finish_reason", "usage", "ttft_ms"}, or {"error"}
    GET    /healthz                                   200 when it works on what it was asked

One thread computes; this one, of the event loop, reads requests and writes lines. It is woken once
for each step, however many rows had something to say. An empty line every few seconds tells the
asker that the process lives while its request waits.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.errors import RequestRefused, ThimbleError
from serving.engines._host import refuse
from serving.engines.base import verify
from serving.engines.torch_lm.batch import Row
from serving.engines.torch_lm.speaker import Base, load_base

READERS = 2
"""Threads that turn requests into tokens."""
SIGN_OF_LIFE_S = 5.0
HEALTH_S = 15.0
"""A step that takes longer than this will not end."""
POLL_S = 0.05


class Stream:
    """What a row says, on its way from the computing thread to the event loop."""

    def __init__(self, touched: Callable[["Stream"], None]) -> None:
        self.row: Row | None = None
        self.said = asyncio.Event()
        self._events: list[dict[str, Any]] = []
        self._touched = touched

    def put(self, event: dict[str, Any]) -> None:
        """Called by the computing thread."""
        self._events.append(event)
        self._touched(self)

    def take(self) -> tuple[bytes, bool]:
        """The lines since last time, and whether the last one is among them."""
        self.said.clear()
        events, self._events = self._events, []
        text = "".join(event["text"] for event in events if "text" in event)
        lines = [{"text": text}] if text else []
        lines += [event for event in events if "text" not in event]
        ended = bool(events) and "text" not in events[-1]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines), ended


class SpeakingHost:
    """One base, loaded with the first model, and its adapters."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._loading = asyncio.Lock()
        self._base: Base | None = None
        self._base_sha256 = ""
        self._models: dict[str, str | None] = {}
        """Model to its adapter in the base; None is the base itself."""
        self._touched: list[Stream] = []

    def app(self) -> Starlette:
        one = "/models/{id}"
        return Starlette(
            routes=[
                Route(one, self.load, methods=["POST"]),
                Route(one, self.unload, methods=["DELETE"]),
                Route(one + "/generate", self.generate, methods=["POST"]),
                Route("/healthz", self.health),
            ],
            exception_handlers={ThimbleError: refuse},
        )

    async def load(self, request: Request) -> Response:
        identifier, asked = request.path_params["id"], await request.json()
        async with self._loading:
            if identifier not in self._models:
                base = await self._loaded(asked["base"])
                adapter = None
                if asked["folder"] is not None:
                    adapter = identifier
                    folder = Path(asked["folder"])
                    await self._run(verify, folder, asked["sha256"])
                    await self._run(base.add, identifier, folder)
                self._models[identifier] = adapter
        limits = self._base.limits if self._base else None
        return JSONResponse({"rows": limits and limits.rows, "tokens": limits and limits.tokens})

    async def unload(self, request: Request) -> Response:
        adapter = self._models.pop(request.path_params["id"], None)
        if adapter is not None and self._base is not None:
            await self._run(self._base.remove, adapter)
        return JSONResponse({})

    async def generate(self, request: Request) -> Response:
        identifier = request.path_params["id"]
        if identifier not in self._models or self._base is None:
            raise RequestRefused("This model is not loaded.", code="not_loaded")
        stream = Stream(self._touched.append)
        asked, adapter = await request.json(), self._models[identifier]
        stream.row = await self._run(self._base.submit, adapter, asked, stream.put)
        return Lines(stream, self._base)

    async def health(self, _: Request) -> Response:
        """Whether it works: one token when it is idle, another step when it is not."""
        base = self._base
        if base is not None and not await self._moves(base):
            return JSONResponse({"error": "the model does not move"}, 500)
        return JSONResponse({"models": sorted(self._models)})

    async def _moves(self, base: Base) -> bool:
        before = base.steps
        if not base.busy:
            await self._run(base.submit, None, {"prompt": "hello", "max_tokens": 1}, lambda _: None)
        deadline = asyncio.get_running_loop().time() + HEALTH_S
        while base.steps == before and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(POLL_S)
        return base.steps != before

    async def _loaded(self, asked: Mapping[str, Any] | None) -> Base:
        """The base, loaded with its first model. Raises RequestRefused for another base."""
        if asked is None:
            raise RequestRefused("A chat model cannot be loaded without its base.", code="no_base")
        if self._base is None:
            folder = Path(asked["folder"])
            await self._run(verify, folder, asked["files"])
            self._base = await self._run(self._open, folder, asked["sha256"])
            self._base_sha256 = asked["sha256"]
            self._start(self._base)
        if asked["sha256"] != self._base_sha256:
            raise RequestRefused("This process holds another base model.", code="base_differs")
        return self._base

    def _open(self, folder: Path, sha256: str) -> Base:
        return load_base(folder, self._threads, sha256=sha256)

    def _start(self, base: Base) -> None:
        loop = asyncio.get_running_loop()

        def after_step() -> None:
            if self._touched:
                touched, self._touched[:] = list(self._touched), []
                loop.call_soon_threadsafe(wake, touched)

        threading.Thread(target=base.serve, args=(after_step,), daemon=True, name="model").start()

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)


class Lines(Response):
    """The lines of one answer. When the asker leaves, its row leaves the batch."""

    def __init__(self, stream: Stream, base: Base) -> None:
        super().__init__(media_type="application/x-ndjson")
        self._stream, self._base = stream, base
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        asker = asyncio.create_task(self._until_gone(receive))
        try:
            await self._write(send, asker)
        finally:
            asker.cancel()
            if self._stream.row is not None:
                self._base.cancel(self._stream.row)

    async def _write(self, send: Send, asker: "asyncio.Task[None]") -> None:
        ended = False
        while not ended and not asker.done():
            await self._wait()
            lines, ended = self._stream.take()
            body = lines or b"\n"
            await send({"type": "http.response.body", "body": body, "more_body": not ended})

    async def _wait(self) -> None:
        """Until there is something to say, the asker is gone, or it is time for a sign of life."""
        try:
            async with asyncio.timeout(SIGN_OF_LIFE_S):
                await self._stream.said.wait()
        except TimeoutError:
            return

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        self._stream.said.set()


def wake(streams: list[Stream]) -> None:
    for stream in streams:
        stream.said.set()
