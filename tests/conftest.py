"""A whole house in a temporary home: every room is real, only jobs are run by a fake launcher."""

from collections.abc import Iterator
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
def house(tmp_path: Path) -> Iterator[House]:
    read = settings.read({"THIMBLE_HOME": str(tmp_path / "home")})
    made = build_house(read, "http://127.0.0.1:8000", FakeLauncher(fake_worker), SmallEmbedder())
    made.storage.prepare()
    made.database.migrate()
    yield made
    made.library.close()
    made.database.close()


@pytest.fixture
def tickets(house: House) -> str:
    """A small real dataset; its reference."""
    file = house.files.save(OWNER, TICKETS.name, [TICKETS.read_bytes()])
    return house.datasets.create(OWNER, name="tickets", file_id=file.id).ref


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
