"""What an engine promises. An engine is a module here with a function `load` or `host`.

    load(folder: Path, threads: int) -> Model    one that classifies
    host(threads: int) -> Hosting                one with a host of its own (see `_host.py`)

`load` reads an artifact that training exported and nothing else; it raises RequestRefused for one
that it cannot serve. Artifacts hold numbers, words and settings only: loading one runs no code of
whoever made it.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from core.errors import RequestRefused
from core.job import read_json

FORMAT = 1
META_FILE = "meta.json"


class Model(Protocol):
    """A loaded model. It may be used from several threads at once."""

    @property
    def labels(self) -> list[str]: ...

    def classify(self, texts: list[str]) -> list[list[float]]:
        """For each text a probability for each label, in the order of `labels`, adding up to 1.

        The answer for a text does not depend on the texts around it.
        """


def read_meta(folder: Path) -> dict[str, Any]:
    """The artifact's description. Raises RequestRefused when it is not one that we know."""
    meta = read_json(folder / META_FILE)
    if not isinstance(meta, dict):
        raise unusable(f"it has no {META_FILE}")
    if meta.get("format") != FORMAT or meta.get("task") != "classify":
        raise unusable(
            f"it has format {meta.get('format')!r} for the task {meta.get('task')!r}; known is "
            f"format {FORMAT} for 'classify'"
        )
    labels = meta.get("labels")
    if not isinstance(labels, list) or len(labels) < 2 or len(set(labels)) < len(labels):
        raise unusable("its labels are not a list of two or more different names")
    return meta


def verify(folder: Path, sha256: Mapping[str, str]) -> None:
    """Raises RequestRefused when a file is not, byte for byte, the one that training left."""
    for name, expected in sha256.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unusable(f"{name} cannot be read: {error.strerror}") from None
        if found != expected:
            raise unusable(f"{name} changed since it was trained")


def prove(model: Model) -> None:
    """Let it answer once. Raises RequestRefused when the answer is not a share for each label."""
    scores = model.classify(["hello"])[0]
    if len(scores) != len(model.labels):
        raise unusable(f"it has {len(model.labels)} labels and {len(scores)} outputs")
    if not all(map(math.isfinite, scores)):
        raise unusable("its answers are not numbers, so its weights are broken")


def unusable(why: str) -> RequestRefused:
    return RequestRefused(
        f"The model's files cannot be served: {why}.",
        code="bad_artifact",
        fix="Train it again.",
    )
