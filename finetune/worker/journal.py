"""What happens in a job, told as it happens: one JSON object a line in `events.jsonl`.

The file is only ever appended to, also by a later attempt. Readers may follow it live.
"""

import json
import time
from pathlib import Path
from typing import Any

from core.errors import ThimbleError
from core.job import EVENTS_FILE


class Journal:
    """Writes events and remembers how long each phase took."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS_FILE
        self._end_broken_line()

    def write(self, type_: str, **fields: Any) -> None:
        """Append one event; it is readable by others when this returns."""
        event = {"type": type_, "at": round(time.time(), 3), **fields}
        line = json.dumps(event, ensure_ascii=False, allow_nan=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def phase(self, name: str) -> None:
        self.write("phase", phase=name)

    def note(self, message: str) -> None:
        """Something a person should know that is no failure."""
        self.write("note", message=message)

    def error(self, failure: ThimbleError) -> None:
        self.write("error", code=failure.code, message=failure.message, fix=failure.fix)

    def _end_broken_line(self) -> None:
        """A kill in the middle of a line must not swallow the next event."""
        if not self._path.exists():
            return
        with self._path.open("rb+") as file:
            size = file.seek(0, 2)
            if size == 0:
                return
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
