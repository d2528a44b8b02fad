"""A serving room that stands by itself: records, storage, launcher and a running supervisor."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.events import Bus, Event
from core.identity import Caller
from core.records.database import Database
from core.records.tables import Model
from core.storage import Storage
from launchers.base import Capacity
from serving.supervisor import Supervisor
from tests.serving.artifacts import add_model
from tests.serving.talking import Bases, TalkingLauncher, add_chat_model


@dataclass
class Room:
    home: Path
    caller: Caller
    database: Database
    launcher: TalkingLauncher
    supervisor: Supervisor
    events: list[Event]

    def add(self, **about: object) -> Model:
        return add_model(self.database, self.home, self.caller, **about)  # type: ignore[arg-type]

    def add_chat(self, **about: str) -> Model:
        return add_chat_model(self.database, self.home, self.caller, **about)

    def restart(self) -> None:
        """As a server that ends and starts again."""
        self.supervisor.stop()
        self.start()

    def start(self) -> None:
        bus = Bus()
        bus.subscribe(self.events.append)
        storage = Storage(self.home)
        bases = Bases(self.home)
        self.supervisor = Supervisor(self.database, storage, self.launcher, bus, bases)
        self.supervisor.start()

    def engine_pid(self, kind: str = "onnx") -> int:
        import json

        address = self.home / "jobs" / f"engine-{kind}" / "address.json"
        return int(json.loads(address.read_text())["pid"])


def wait_until(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    home = tmp_path / "home"
    home.mkdir()
    Storage(home).prepare()
    database = Database(home / "records.sqlite")
    database.migrate()
    launcher = TalkingLauncher(home, os.environ, Capacity(cpus=2), grace_s=2)
    made = Room(home, Caller(), database, launcher, None, [])  # type: ignore[arg-type]
    made.start()
    yield made
    made.supervisor.stop()
    database.close()
