"""Preparing a home: what must exist before the first question can be answered."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import ServiceFailed
from core.job import JOB_FILE, Job, JobState, read_json, write_json
from finetune.bases import DEFAULT
from finetune.job import base_of
from finetune.worker import spec
from knowledge import builtin
from knowledge.builtin import SYSTEM
from tools.base import House

Say = Callable[[str], None]
MADE_FROM = "made_from.json"


def prepare(house: House, say: Say) -> None:
    """Folders, records, embedder and help; each step that takes long is announced first."""
    house.storage.prepare()
    house.database.migrate()
    export_embedder(house, say)
    index_help(house, say)


def export_embedder(house: House, say: Say) -> None:
    """Make the embedder's ONNX file, once per base; takes about 15 s."""
    base = base_of(house.bases.get(DEFAULT))
    target = house.storage.home / "embedder"
    if read_json(target / MADE_FROM) == {"base": base.sha256}:
        return
    say("Exporting the embedder to ONNX, once; this takes about 15 seconds.")
    folder = house.storage.path("jobs", "encoder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json(folder / JOB_FILE, spec.to_json(spec.EncoderSpec(base=base)))
    run_to_the_end(house, folder)
    shutil.rmtree(target, ignore_errors=True)
    (folder / "encoder").rename(target)
    write_json(target / MADE_FROM, {"base": base.sha256})
    shutil.rmtree(folder)


def run_to_the_end(house: House, folder: Path) -> None:
    argv = (sys.executable, "-m", "finetune.worker", str(folder))
    job = Job(id="encoder", argv=argv, folder=folder)
    house.launcher.submit(job)
    while not (status := house.launcher.state(job)).state.ended:
        time.sleep(0.2)
    if status.state is not JobState.SUCCEEDED:
        raise ServiceFailed(
            f"The embedder could not be exported: {status.message}",
            fix=f"{job.attempt_folder} has its log.",
        )


def index_help(house: House, say: Say) -> None:
    """Bring the built-in help into the index; pages that did not change cost nothing."""
    if not house.library.ready():
        say("Indexing the built-in help.")
    for language, collection in builtin.COLLECTIONS.items():
        house.library.add_folder(SYSTEM, builtin.folder_of(language), collection)
