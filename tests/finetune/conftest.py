"""A fresh home for every test of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.events import Bus
from core.identity import Caller
from core.records.database import Database
from core.storage import Storage
from finetune.bases import Bases
from finetune.quote import Quotes
from finetune.runs import Runs
from tests.fakes import FakeDatasets, FakeLauncher, fake_worker, tickets
from tests.finetune.rooms import Rooms


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    database = Database(tmp_path / "records.sqlite")
    database.migrate()
    storage = Storage(tmp_path)
    storage.prepare()
    launcher, bus, said = FakeLauncher(fake_worker), Bus(), list[object]()
    bus.subscribe(said.append)
    datasets, bases = FakeDatasets(database, storage), Bases(tmp_path)
    caller = Caller()
    datasets.make(caller, "tickets", tickets())
    rest = (database, storage, datasets, bases, launcher, bus)
    quotes, runs = Quotes(*rest), Runs(*rest)
    yield Rooms(
        tmp_path, database, storage, bus, launcher, datasets, bases, quotes, runs, said, caller
    )
    database.close()
