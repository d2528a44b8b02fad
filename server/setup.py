"""Preparing a home: what must exist before the first question can be answered."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import knowledge
from core.errors import ServiceFailed
from core.identity import Caller
from core.job import JOB_FILE, read_json, write_json
from core.records.database import Database
from core.storage import Storage
from finetune.bases import Bases
from finetune.job import encoder_job
from knowledge.search import HELP, Library
from launchers.local.environment import worker_environment

Say = Callable[[str], None]
HELP_PAGES = Path(knowledge.__file__).parent / "docs" / "en"


def prepare(storage: Storage, database: Database, say: Say) -> None:
    """Folders, records and embedder; each step that takes long is announced first."""
    storage.prepare()
    database.migrate()
    export_embedder(storage, say)


def export_embedder(storage: Storage, say: Say) -> None:
    """Make the embedder's ONNX file, once per base; takes about 15 s."""
    target = storage.home / "embedder"
    base = Bases(storage.home).get("minilm")
    meta = read_json(target / "meta.json")
    if meta is not None and meta["base_sha256"] == base.sha256:
        return
    say("Exporting the embedder to ONNX, once; this takes about 15 seconds.")
    folder = storage.path("jobs", "encoder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_json(folder / JOB_FILE, encoder_job(base))
    run_worker(folder)
    shutil.rmtree(target, ignore_errors=True)
    (folder / "encoder").rename(target)
    shutil.rmtree(folder)


def run_worker(folder: Path) -> None:
    argv = [sys.executable, "-m", "finetune.worker", str(folder)]
    with (folder / "log.txt").open("wb") as log:
        code = subprocess.run(argv, stdout=log, stderr=log, env=worker_environment()).returncode
    if code != 0:
        raise ServiceFailed(
            f"The embedder could not be exported (exit code {code}).",
            fix=f"{folder / 'log.txt'} says why.",
        )


def index_help(library: Library, say: Say) -> None:
    """Bring the built-in help into the index; pages that did not change cost nothing."""
    say("Indexing the built-in help.")
    library.add_folder(Caller(user=HELP, project=HELP), HELP_PAGES, HELP)
