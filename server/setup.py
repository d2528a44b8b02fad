"""Preparing a home: what must exist before the first question can be answered."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import knowledge
from core.errors import ServiceFailed
from core.identity import Caller
from core.job import Job, JobState, read_json
from finetune.bases import DEFAULT_BASE
from finetune.job import encoder_job
from knowledge.search import HELP
from tools.base import House

Say = Callable[[str], None]
HELP_PAGES = Path(knowledge.__file__).parent / "docs" / "en"


def prepare(house: House, say: Say) -> None:
    """Folders, records, embedder and help; each step that takes long is announced first."""
    house.storage.prepare()
    house.database.migrate()
    export_embedder(house, say)
    index_help(house, say)


def export_embedder(house: House, say: Say) -> None:
    """Make the embedder's ONNX file, once per base; takes about 15 s."""
    target = house.storage.home / "embedder"
    base = house.bases.get(DEFAULT_BASE)
    meta = read_json(target / "meta.json")
    if meta is not None and meta["base_sha256"] == base.sha256:
        return
    say("Exporting the embedder to ONNX, once; this takes about 15 seconds.")
    folder = house.storage.path("jobs", "encoder")
    shutil.rmtree(folder, ignore_errors=True)
    job = encoder_job(base, folder)
    house.launcher.submit(job)
    wait_for(house, job)
    shutil.rmtree(target, ignore_errors=True)
    (folder / "encoder").rename(target)
    shutil.rmtree(folder)


def wait_for(house: House, job: Job) -> None:
    while not (status := house.launcher.state(job)).state.ended:
        time.sleep(0.2)
    if status.state is not JobState.SUCCEEDED:
        raise ServiceFailed(
            f"The embedder could not be exported: {status.message}",
            fix=f"{job.attempt_folder} has its log.",
        )


def index_help(house: House, say: Say) -> None:
    """Bring the built-in help into the index; pages that did not change cost nothing."""
    say("Indexing the built-in help.")
    house.library.add_folder(Caller(user=HELP, project=HELP), HELP_PAGES, HELP)
