"""A home with uploads and datasets, and where the real data lies."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.room import Room

ROOT = Path(__file__).parents[2]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "home")


@pytest.fixture
def samples() -> Path:
    """Our own small files."""
    return ROOT / "tests" / "files"


@pytest.fixture
def real() -> Callable[[str], Path]:
    """`real("banking77/train.csv")`: a file of the shared test data; skips where there is none."""

    def find(name: str) -> Path:
        root = Path(os.environ.get("THIMBLE_TEST_DATA") or ROOT.parent / "shared" / "data")
        if not (root / name).exists():
            pytest.skip(f"no {name} below THIMBLE_TEST_DATA ({root})")
        return root / name

    return find
