"""What we ask a launcher to do, and how processes hand files to each other.

Only the standard library here: the training worker imports this file on a bare machine.

A job's folder is the truth of the job:

    job.json        what to do (read by the worker)
    events.jsonl    what happens, one JSON object a line (written by the worker)
    result.json     what came out (written last)
    attempts/N/     one start of it: state.json, exit.json, log.txt (written by the launcher)
    address.json    where a service listens (written by the service when it is ready)
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

JOB_FILE = "job.json"
EVENTS_FILE = "events.jsonl"
RESULT_FILE = "result.json"
ADDRESS_FILE = "address.json"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """It was started and its runner is gone without a word, for example after a power cut."""

    @property
    def ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One start of one program in one folder."""

    id: str
    """Unique among jobs, such as `run_7`."""
    argv: tuple[str, ...]
    """Program and arguments; never a shell line."""
    folder: Path
    attempt: int = 1
    """1 for the first start; a relaunch after a loss counts up."""
    cpus: int = 1
    """Processor cores it may keep busy."""
    gpus: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the launcher's allow-listed environment."""
    service: bool = False
    """A service runs until it is stopped, and ends when the process that started it ends."""

    @property
    def attempt_folder(self) -> Path:
        return self.folder / "attempts" / str(self.attempt)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` as a whole: after a crash it holds the old content or the new, never a mix."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, content: Any) -> None:
    """`write_bytes` of the content as JSON. NaN is refused: no reader of ours accepts it."""
    write_bytes(path, json.dumps(content, ensure_ascii=False, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """The content, or None when the file does not exist."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def sync_folder(folder: Path) -> None:
    """Make names created in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
