"""The rooms of one home for the tests: with a fake launcher, and with nothing pretended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.events import Bus
from core.identity import Caller
from core.records import tables
from core.records.database import Database
from core.settings import Settings
from core.storage import Storage
from data.datasets import Datasets
from data.files import Files
from finetune.bases import Bases
from finetune.follow import Follower
from finetune.quote import Quotes
from finetune.runs import Runs
from launchers import local
from tests.fakes import FakeDatasets, FakeLauncher

CALLER = Caller()


@dataclass
class Rooms:
    """The rooms of one home, and what the bus said."""

    home: Path
    database: Database
    storage: Storage
    bus: Bus
    launcher: FakeLauncher
    datasets: FakeDatasets
    bases: Bases
    quotes: Quotes
    runs: Runs
    said: list[object]
    caller: Caller

    def follower(self) -> Follower:
        """A new one each time, as after a restart of the server."""
        return Follower(self.runs, self.quotes)

    def start(self, approval_id: str = "ap_1") -> tables.Run:
        """A run on `tickets@1` with the default arguments."""
        quote = self.quotes.quote(self.caller, dataset="tickets")
        arguments = quote.result["arguments"]
        return self.runs.start(self.caller, arguments, approval_id, None, quote.result)


class RealRooms:
    """The same rooms with nothing pretended: the local launcher, real datasets, the real worker."""

    def __init__(self, home: Path) -> None:
        storage, database = Storage(home), Database(home / "records.sqlite")
        storage.prepare()
        database.migrate()
        launcher = local.create(Settings(home=home))
        datasets, bases, bus = Datasets(database, storage), Bases(home), Bus()
        rest = (database, storage, datasets, bases, launcher, bus)
        self.home, self.database, self.datasets = home, database, datasets
        self.quotes, self.runs = Quotes(*rest), Runs(*rest)
        self.follower = Follower(self.runs, self.quotes)
        self.follower.start()

    def upload(self, name: str, rows: list[tuple[str, str]]) -> None:
        """Make a dataset version of rows, by way of a CSV."""
        lines = "\n".join(["text,label", *(f"{text},{label}" for text, label in rows)])
        files = Files(self.database, self.runs.workshop.storage, 10**7)
        file = files.save_bytes(CALLER, f"{name}.csv", lines.encode())
        self.datasets.create(CALLER, name=name, file_id=file.id)

    def start(self, approval_id: str, **arguments: Any) -> tables.Run:
        """Start without waiting for the measurement."""
        quote = self.quotes.quote(CALLER, dataset="tickets", **arguments)
        return self.runs.start(CALLER, quote.result["arguments"], approval_id, None, None)

    def run(self, identifier: str) -> tables.Run:
        return self.runs.get(CALLER, identifier)

    def close(self) -> None:
        self.follower.stop()
        self.database.close()


def until(done: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
