"""Chat models without torch: bases, adapters and a launcher that starts `talking_engine.py`."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from core.errors import RequestRefused
from core.identity import Caller
from core.job import JOB_FILE, Job, read_json
from core.records.database import Database, next_id
from core.records.queries import next_version, stamp
from core.records.tables import Model
from launchers.local.launcher import LocalLauncher
from serving.process import BaseFiles
from serving.routes import CHAT_ENGINE

BASE = "parrot"
ENGINE = Path(__file__).with_name("talking_engine.py")


class TalkingLauncher(LocalLauncher):
    """Starts the engine of chat models from the tests; everything else as it is."""

    def submit(self, job: Job) -> None:
        wanted = read_json(job.folder / JOB_FILE) or {}
        if wanted.get("engine") == CHAT_ENGINE:
            job = replace(job, argv=(sys.executable, str(ENGINE), str(job.folder)))
        super().submit(job)


class Bases:
    """Registered bases that write: their folders lie below `home/bases`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def add(self, name: str = BASE) -> BaseFiles:
        folder = self.home / "bases" / name
        folder.mkdir(parents=True, exist_ok=True)
        return BaseFiles(name, folder, hashlib.sha256(name.encode()).hexdigest())

    def __call__(self, name: str) -> BaseFiles:
        if not name or not (self.home / "bases" / name).is_dir():
            raise RequestRefused(f"There is no base {name!r}.", code="not_found")
        return self.add(name)


def add_chat_model(
    database: Database,
    home: Path,
    caller: Caller,
    name: str = "cat",
    says: str = "meow",
    base: str = BASE,
) -> Model:
    """A version of a chat model in the records, with its adapter on the disk."""
    files = Bases(home).add(base)
    with database.write() as session:
        identifier = next_id(session, "model")
        folder = home / "models" / identifier
        folder.mkdir(parents=True)
        content = json.dumps({"format": 1, "task": "chat", "says": says})
        (folder / "meta.json").write_text(content)
        hashes = {"meta.json": hashlib.sha256(content.encode()).hexdigest()}
        model = Model(
            id=identifier,
            name=name,
            version=next_version(session, Model, caller, name),
            kind="lora",
            engine=CHAT_ENGINE,
            task="chat",
            run_id="run_1",
            dataset="talks@1",
            base_model=base,
            folder=f"models/{identifier}",
            metrics={"test": {}},
            passport={"files": hashes, "base_sha256": files.sha256},
            **stamp(caller),
        )
        session.add(model)
    return model
