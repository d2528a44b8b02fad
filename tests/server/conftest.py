"""A real server on a free port, behind its gate, with the house of the tests and without a chat."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import pytest
import uvicorn

from core import home
from server.app import api, behind_gate, lifespan
from server.client import Client
from server.gate import App
from server.serve import listen, uvicorn_config
from tools.base import House


class Stage:
    """One listening server for all tests of a process; each puts its own application on it."""

    def __init__(self) -> None:
        self.app: App | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.loop = asyncio.get_running_loop()
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
            return
        assert self.app is not None, "a request between two tests"
        await self.app(scope, receive, send)

    @contextmanager
    def playing(self, app: App, life: AbstractAsyncContextManager[None]) -> Iterator[None]:
        """Serve the application while inside, from its start to its end."""
        self.wait_for(life.__aenter__())
        self.app = app
        try:
            yield
        finally:
            self.app = None
            self.wait_for(life.__aexit__(None, None, None))

    def wait_for(self, work: Coroutine[Any, Any, object]) -> None:
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


async def answer_lifespan(receive: Any, send: Any) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, str]]:
    listener = listen("127.0.0.1", 0)
    made = Stage()
    server = uvicorn.Server(uvicorn_config(made))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made, f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def url(house: House, stage: tuple[Stage, str]) -> Iterator[str]:
    made, address = stage
    with made.playing(behind_gate(api(house), house), lifespan(house)):
        yield address


@pytest.fixture
def owner(url: str, house: House) -> Iterator[Client]:
    """A client with the owner's token."""
    with Client(url, token=home.owner_token(house.settings.home)) as client:
        yield client


@pytest.fixture
def program(url: str) -> Iterator[Client]:
    """A client that may ask, but not decide."""
    with Client(url) as client:
        yield client
