"""Locks that the kernel gives back when their holder dies, however it dies.

They belong to the open file, so a child that inherits the file holds the same lock.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PROBE_S = 1.0
"""Whoever looks at a lock holds it for an instant; that is waited out before giving up."""


def take(path: Path, patience_s: float = PROBE_S) -> IO[bytes] | None:
    """The open file that holds the lock, or None when somebody else keeps it."""
    file = path.open("ab")
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                return None
            time.sleep(0.02)


def is_held(path: Path) -> bool:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for the lock and keep it for the block; for work of milliseconds."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
