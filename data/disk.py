"""What takes room below THIMBLE_HOME, and what may go without losing a dataset or a model."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.identity import Caller
from core.records import tables
from core.records.database import Database
from core.records.queries import owned
from core.storage import Storage, folder_bytes

KINDS = {
    "files": "uploads and exports as they came",
    "datasets": "dataset versions",
    "jobs": "training folders with logs and checkpoints",
    "models": "models that can be deployed",
    "bases": "base models that were added",
    "index": "the index of documents",
    "embedder": "the model that searches documents",
}
MEASURING = "measuring"
ENDED = ("succeeded", "failed", "cancelled")


def usage(database: Database, storage: Storage, caller: Caller) -> dict[str, Any]:
    """Sizes in bytes by kind, the largest first, and what of the caller's may go."""
    kinds = [of_kind(storage, kind, what) for kind, what in KINDS.items()]
    kinds.append(of_records(storage))
    with database.read() as session:
        removable = [*spare_files(session, storage, caller), *spare_jobs(session, storage, caller)]
    removable.sort(key=lambda entry: -entry["bytes"])
    return {
        "home": str(storage.home),
        "bytes": sum(kind["bytes"] for kind in kinds),
        "free_bytes": shutil.disk_usage(storage.home).free,
        "kinds": sorted(kinds, key=lambda kind: -kind["bytes"]),
        "may_go": removable,
        "may_go_bytes": sum(entry["bytes"] for entry in removable),
    }


def of_kind(storage: Storage, kind: str, what: str) -> dict[str, Any]:
    folder = storage.home / kind
    count = sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
    return {"kind": kind, "what": what, "count": count, "bytes": folder_bytes(folder)}


def of_records(storage: Storage) -> dict[str, Any]:
    files = list(storage.home.glob("records.sqlite*"))
    size = sum(path.stat().st_size for path in files)
    return {
        "kind": "records",
        "what": "the records and the chat history",
        "count": len(files),
        "bytes": size,
    }


def spare_files(session: Session, storage: Storage, caller: Caller) -> Iterator[dict[str, Any]]:
    """Uploads that no dataset was made from."""
    used = {
        identifier
        for row in session.scalars(owned(tables.Dataset, caller))
        for identifier in (row.file_id, row.validation_file_id, row.test_file_id)
    }
    for row in session.scalars(owned(tables.File, caller)):
        if row.id not in used:
            yield entry(
                "file",
                row.id,
                row.bytes,
                f"{row.filename}: no dataset was made from it.",
                f"DELETE /v1/files/{row.id}",
            )


def spare_jobs(session: Session, storage: Storage, caller: Caller) -> Iterator[dict[str, Any]]:
    """Folders of ended quotes and failed runs, and checkpoints of those that succeeded."""
    for quote in session.scalars(owned(tables.Quote, caller)):
        if quote.state != MEASURING:
            folder = storage.path("jobs", quote.id)
            yield from folder_entry("quote", quote.id, folder, "It was measured; not needed now.")
    for run in session.scalars(owned(tables.Run, caller).where(tables.Run.state.in_(ENDED))):
        folder = storage.path("jobs", run.id)
        if run.state == "succeeded":
            why = "The run succeeded; its model is kept elsewhere."
            yield from folder_entry("checkpoints", run.id, folder / "checkpoints", why)
        else:
            why = (
                f"The run {'has failed' if run.state == 'failed' else 'was cancelled'}; "
                "its logs and checkpoints would be gone."
            )
            yield from folder_entry("job", run.id, folder, why)


def folder_entry(kind: str, identifier: str, folder: Path, why: str) -> Iterator[dict[str, Any]]:
    size = folder_bytes(folder)
    if size:
        below = f"jobs/{identifier}" + ("/checkpoints" if kind == "checkpoints" else "")
        yield entry(kind, identifier, size, why, f"remove the folder {below} in the home folder")


def entry(kind: str, identifier: str, size: int, why: str, how: str) -> dict[str, Any]:
    return {"kind": kind, "id": identifier, "bytes": size, "why": why, "how": how}
