"""The process that holds an engine's models and answers for them on a unix socket.

It is reached only by the process that started it: the socket lies in a folder that nobody else may
enter. It ends when its standard input does.

    POST   /models/ID           {"folder", "sha256", "base"}   verify and load an artifact
    DELETE /models/ID                                          let go of it
    POST   /models/ID/classify  {"texts"}              {"scores": for each text one per label}
    GET    /healthz                                    200 when each model answers

`Host` is the one of classifiers; an engine that generates brings its own, with other verbs.
"""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import RequestRefused, ThimbleError
from core.job import ADDRESS_FILE, write_json
from serving.engines.base import Model, verify

Load = Callable[[Path, int], Model]
CHUNK = 8
"""Texts that one request may classify before others get their turn."""
SHUTDOWN_S = 5
IDLE_S = 10**6
"""Seconds an idle connection is kept; they are ours, so one that closes means that we ended."""
LONGEST_SOCKET_PATH = 100
"""Bytes; the kernels take 104 to 108."""


class Hosting(Protocol):
    """What answers on the socket."""

    def app(self) -> Starlette: ...


class Host:
    """Loaded classifiers and the threads that run them."""

    def __init__(self, load: Load, threads: int, workers: int) -> None:
        self._load = load
        self._threads = threads
        self._models: dict[str, Model] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="model")

    def app(self) -> Starlette:
        one = "/models/{id}"
        return Starlette(
            routes=[
                Route(one, self.load, methods=["POST"]),
                Route(one, self.unload, methods=["DELETE"]),
                Route(one + "/classify", self.classify, methods=["POST"]),
                Route("/healthz", self.health),
            ],
            exception_handlers={ThimbleError: refuse},
        )

    async def load(self, request: Request) -> Response:
        identifier = request.path_params["id"]
        if identifier not in self._models:
            asked = await request.json()
            folder = Path(asked["folder"])
            await self._run(verify, folder, asked["sha256"])
            self._models[identifier] = await self._run(self._load, folder, self._threads)
        return JSONResponse({"labels": self._models[identifier].labels})

    async def unload(self, request: Request) -> Response:
        self._models.pop(request.path_params["id"], None)
        return JSONResponse({})

    async def classify(self, request: Request) -> Response:
        model = self._models.get(request.path_params["id"])
        if model is None:
            raise RequestRefused("This model is not loaded.", code="not_loaded")
        texts: list[str] = (await request.json())["texts"]
        scores: list[list[float]] = []
        for start in range(0, len(texts), CHUNK):
            scores += await self._run(model.classify, texts[start : start + CHUNK])
        return JSONResponse({"scores": scores})

    async def health(self, _: Request) -> Response:
        for model in list(self._models.values()):
            await self._run(model.classify, ["hello"])
        return JSONResponse({"models": sorted(self._models)})

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)


async def refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, ThimbleError)
    return JSONResponse({"error": error.as_dict()}, 404 if error.code == "not_loaded" else 422)


def serve(host: Hosting, folder: Path) -> None:
    """Answer until standard input ends; `address.json` in the folder says where."""
    home = socket_folder()
    try:
        with closing(socket.socket(socket.AF_UNIX)) as listener:
            path = str(home / "engine")
            listener.bind(path)
            listener.listen(128)
            address = {"socket": path, "pid": os.getpid()}
            run(host, listener, lambda: write_json(folder / ADDRESS_FILE, address))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def run(host: Hosting, listener: socket.socket, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        host.app(),
        log_level="warning",
        access_log=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    threading.Thread(target=end_with_input, args=(server,), daemon=True).start()
    # Connections wait in the listening socket until the server takes them.
    ready()
    server.run(sockets=[listener])


def end_with_input(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def socket_folder() -> Path:
    """A new folder for us alone, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="thimble-"))
    if len(os.fsencode(folder / "engine")) > LONGEST_SOCKET_PATH:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="thimble-", dir="/tmp"))
    return folder
