"""Where state lies on the disk. Every name below THIMBLE_HOME is made by us, never by a client.

records.sqlite   the records            files/ID          uploads as they came
datasets/ID/     dataset versions       jobs/ID/          job folders
models/ID/       model artifacts        bases/NAME/       registered base models
index/           documentation index    embedder/         the embedder as ONNX
"""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import RequestRefused, ServiceFailed
from core.job import sync_folder

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
FOLDERS = ("files", "datasets", "jobs", "models", "bases", "index")
RESERVE_BYTES = 256 * 2**20
"""Room kept free on the disk, so that records can always be written."""


@dataclass(frozen=True)
class Stored:
    bytes: int
    sha256: str


class Storage:
    def __init__(self, home: Path) -> None:
        self.home = home

    def prepare(self) -> None:
        """Make the folders. Each room sweeps its own of what a crash left half written."""
        for name in FOLDERS:
            (self.home / name).mkdir(parents=True, exist_ok=True)

    def path(self, kind: str, identifier: str) -> Path:
        """The one way from an id to a path. Raises RequestRefused for what is not an id."""
        if kind not in FOLDERS or not ID.fullmatch(identifier) or ".." in identifier:
            raise RequestRefused(f"{identifier!r} is not an id.", code="not_found")
        return self.home / kind / identifier

    def save_file(self, identifier: str, chunks: Iterable[bytes], limit_bytes: int) -> Stored:
        """Stream an upload to the disk; when this returns, it survives a power cut."""
        target = self.path("files", identifier)
        part = target.with_name(target.name + ".part")
        try:
            stored = write_stream(part, chunks, limit_bytes)
            part.replace(target)
            sync_folder(target.parent)
        finally:
            part.unlink(missing_ok=True)
        return stored

    def need_room(self, wanted_bytes: int) -> None:
        """Refuse early what would fill the disk."""
        free = shutil.disk_usage(self.home).free
        if free < wanted_bytes + RESERVE_BYTES:
            raise ServiceFailed(
                f"The disk has {free >> 20} MiB free; this needs {wanted_bytes >> 20} MiB and "
                f"{RESERVE_BYTES >> 20} MiB are kept in reserve.",
                code="disk_full",
                fix="Free some room; 'what takes room on the disk?' lists what may go.",
            )


def write_stream(path: Path, chunks: Iterable[bytes], limit_bytes: int) -> Stored:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise RequestRefused(
                    f"The file is larger than {limit_bytes >> 20} MiB.",
                    code="file_too_large",
                    param="file",
                    fix="Split it, or raise THIMBLE_MAX_UPLOAD_MB.",
                )
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Stored(size, digest.hexdigest())


def new_id(prefix: str) -> str:
    """An id that cannot be guessed, such as `file-3f…`."""
    return f"{prefix}-{secrets.token_hex(12)}"


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below; files that vanish meanwhile count nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total
