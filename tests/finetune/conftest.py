"""A fresh home for every test of this room."""

import shutil
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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with empty records and the default base hashed, made once and copied."""
    home = tmp_path_factory.mktemp("prepared")
    database = Database(home / "records.sqlite")
    database.migrate()
    database.close()
    Storage(home).prepare()
    Bases(home).get()
    return home


@pytest.fixture
def rooms(prepared: Path, tmp_path: Path) -> Iterator[Rooms]:
    home = Path(shutil.copytree(prepared, tmp_path / "home"))
    database, storage = Database(home / "records.sqlite"), Storage(home)
    launcher, bus, said = FakeLauncher(fake_worker), Bus(), list[object]()
    bus.subscribe(said.append)
    datasets, bases = FakeDatasets(database, storage), Bases(home)
    caller = Caller()
    datasets.make(caller, "tickets", tickets())
    rest = (database, storage, datasets, bases, launcher, bus)
    quotes, runs = Quotes(*rest), Runs(*rest)
    yield Rooms(home, database, storage, bus, launcher, datasets, bases, quotes, runs, said, caller)
    database.close()
