"""A library over a small embedder, and the real embedder for slow tests."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.identity import Caller
from core.records.database import Database
from core.storage import Storage
from finetune.bases import Bases
from knowledge.embedder import Embedder
from knowledge.search import Library
from tests.small_embedder import SmallEmbedder

ROOT = Path(__file__).parents[2]
MINE = Caller(user="ada")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(tmp_path / "home")
    made.prepare()
    return made


@pytest.fixture
def database(storage: Storage) -> Iterator[Database]:
    made = Database(storage.home / "records.sqlite")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def embedder() -> SmallEmbedder:
    return SmallEmbedder()


@pytest.fixture
def library(database: Database, storage: Storage, embedder: SmallEmbedder) -> Iterator[Library]:
    made = Library(database, storage, embedder)
    made.repair()
    yield made
    made.close()


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a content to a file of its own and return the path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / f"upload-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def real_embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """The default base as the setup exports it."""
    folder = tmp_path_factory.mktemp("encoder")
    base = Bases(folder / "home").get()
    job = {"name": base.name, "path": str(base.path), "sha256": base.sha256}
    (folder / "job.json").write_text(json.dumps({"kind": "encoder", "base": job}))
    subprocess.run(
        [sys.executable, "-m", "finetune.worker", str(folder)], check=True, cwd=ROOT, timeout=240
    )
    return Embedder(folder / "encoder")
