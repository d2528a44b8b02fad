"""What conversations start from."""

from pathlib import Path

import pytest

from agent.memory import FileRef
from core.identity import ALL_SCOPES, Caller
from tools.base import House

TICKETS = Path(__file__).parents[1] / "files" / "tickets.csv"


@pytest.fixture
def upload(house: House) -> FileRef:
    """A small table that was uploaded."""
    file = house.files.save(Caller(scopes=ALL_SCOPES), TICKETS.name, [TICKETS.read_bytes()])
    return FileRef(file.id, file.filename)
