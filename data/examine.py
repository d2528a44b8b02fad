"""What a file would be as a dataset, without a home, a record or a server."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import RequestRefused
from data import child
from data.request import Request, Source

Look = Callable[[Path, dict[str, Any]], dict[str, Any]]
"""Gets the folder with the splits and what was found; gives what is to be added."""


def examine(
    path: Path,
    columns: Mapping[str, str] | None = None,
    task: str = "auto",
    look: Look | None = None,
) -> dict[str, Any]:
    """Columns, rows, splits, profile, problems and fingerprint; nothing is kept.

    Args:
        look: Sees the splits as long as they are there.

    Raises RequestRefused for anything wrong with the file, naming the place.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RequestRefused(
            f"{str(path)!r} cannot be read: {error.strerror}.",
            code="not_found",
            param="file",
            fix="Give the path of a file.",
        ) from error
    source = Source(path=str(path.absolute()), filename=path.name, sha256=digest, param="file")
    with tempfile.TemporaryDirectory(prefix="thimble-") as folder:
        request = Request(
            folder=folder,
            main=source,
            validation=None,
            test=None,
            columns=dict(columns or {}),
            seed=0,
            task=task,
        )
        found = asdict(child.run(request))
        return found | (look(Path(folder), found) if look else {})
