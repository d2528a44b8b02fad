"""A real server on a free port, behind its gate, with the house of the tests and without a chat."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from core import home
from server.app import api, behind_gate
from server.client import Client
from server.serve import listen, uvicorn_config
from tools.base import House


@pytest.fixture
def url(house: House) -> Iterator[str]:
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn_config(behind_gate(api(house), house)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


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
