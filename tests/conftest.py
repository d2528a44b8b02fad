"""A whole house in a temporary home: every room is real, only jobs are run by a fake launcher."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import settings
from core.identity import ALL_SCOPES, Caller
from server.app import build_house
from tests.fakes import FakeLauncher, fake_worker
from tests.running import RunningThimble, copy_home
from tests.small_embedder import SmallEmbedder
from tools.base import House

TICKETS = Path(__file__).parent / "files" / "tickets.csv"
OWNER = Caller(scopes=ALL_SCOPES)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    wants_tickets = "tickets" in request.fixturenames
    pattern = request.getfixturevalue("home_with_tickets" if wants_tickets else "empty_home")
    shutil.copytree(pattern, tmp_path / "home")
    with opened(tmp_path / "home") as made:
        yield made


@pytest.fixture
def tickets(house: House) -> str:
    """A small real dataset; its reference."""
    return house.datasets.get(OWNER, "tickets").ref


@contextmanager
def opened(home: Path) -> Iterator[House]:
    read = settings.read({"THIMBLE_HOME": str(home)})
    made = build_house(read, "http://127.0.0.1:8000", FakeLauncher(fake_worker), SmallEmbedder())
    made.storage.prepare()
    made.database.migrate()
    yield made
    made.library.close()
    made.database.close()


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each house begins with; copied, because making it takes longer."""
    home = tmp_path_factory.mktemp("empty") / "home"
    with opened(home):
        return home


@pytest.fixture(scope="session")
def home_with_tickets(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> Path:
    home = tmp_path_factory.mktemp("tickets") / "home"
    shutil.copytree(empty_home, home)
    with opened(home) as made:
        file = made.files.save(OWNER, TICKETS.name, [TICKETS.read_bytes()])
        made.datasets.create(OWNER, name="tickets", file_id=file.id)
    return home


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that a real server has prepared: embedder exported, help indexed. Takes 20 s, once."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    with RunningThimble(home):
        return home


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Path:
    """A fresh home for a real server, without the wait."""
    return copy_home(prepared_home, tmp_path / "home")
