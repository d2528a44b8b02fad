"""One registered base model, and whether its files are still those that were registered."""

import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.job import read_json, write_json
from core.weights import INDEX, WEIGHTS, file_sha256, joined_sha256, weight_files

PLAIN = ("*.json", "*.txt", "*.jinja")
"""What is copied or downloaded beside the weights."""
RECORD = "base.json"


@dataclass(frozen=True, kw_only=True)
class Base:
    """One registered base model."""

    name: str
    path: Path
    source: str
    """Where it was taken from: a folder, or `hub-id@revision`."""
    model_type: str
    kind: str = "encoder"
    """`encoder`: for classification; `causal`: for chat."""
    hidden_size: int
    layers: int
    max_positions: int
    """How many tokens it can read at once."""
    vocabulary: int = 0
    """How many tokens it knows."""
    parameters: int = 0
    bytes: int = 0
    """Of its weights."""
    sha256: str
    """Of its weights (core.weights); empty as long as they are not made."""
    template_sha256: str = ""
    """Of its chat template; empty for an encoder."""
    tokenizer_sha256: str = ""
    added: float = 0.0
    """When it was registered, in seconds since 1970."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """File name to sha256, bytes and mtime_ns."""
    default: bool = False
    """Whether it is the one that `auto` means for its kind, just now."""

    @property
    def ready(self) -> bool:
        """False for a base whose weights still have to be made on this machine."""
        return bool(self.sha256)

    def as_dict(self) -> dict[str, Any]:
        """What users are shown."""
        shown = asdict(self) | {"ready": self.ready}
        for name in ("path", "files", "added"):
            del shown[name]
        return shown


def make(name: str, folder: Path, source: str, facts: dict[str, Any]) -> Base:
    """A base with the hash of every file in its folder."""
    files = {path.name: fingerprint(path) for path in model_files(folder)}
    weights = {path.name: files[path.name] for path in weight_files(folder)}
    hashes = {name: known["sha256"] for name, known in weights.items()}
    return Base(
        name=name,
        path=folder,
        source=source,
        sha256=joined_sha256(hashes) if hashes else "",
        bytes=sum(known["bytes"] for known in weights.values()),
        tokenizer_sha256=files["tokenizer.json"]["sha256"],
        added=time.time(),
        files=files,
        **facts,
    )


def write_record(folder: Path, base: Base) -> None:
    stored = {key: value for key, value in asdict(base).items() if key not in ("path", "default")}
    write_json(folder / RECORD, stored)


def read_record(folder: Path, files: Path | None = None) -> Base | None:
    """The base that is recorded in a folder; its files may lie in another."""
    known = read_json(folder / RECORD)
    return None if known is None else Base(**known, path=files or folder)


def model_files(folder: Path) -> list[Path]:
    """The files that make the model, by name; our own record is not one of them."""
    found = {path for pattern in PLAIN for path in folder.glob(pattern)}
    weights = weight_files(folder)
    beside = {path for path in found if path.name not in (RECORD, INDEX)}
    if weights and weights != [folder / WEIGHTS]:
        beside.add(folder / INDEX)
    return sorted(beside | set(weights))


def fingerprint(path: Path) -> dict[str, Any]:
    stat = path.stat()
    return {"sha256": file_sha256(path), "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def changed_files(base: Base) -> list[str]:
    """Files that are not what the record says. Cheap, so it runs before every job."""
    return [name for name, known in base.files.items() if differs(base.path / name, known)]


def differs(path: Path, known: dict[str, Any]) -> bool:
    """Whether the content is another one; it is read only where size or time leave a doubt."""
    if not path.is_file():
        return True
    return moved(path, known) and fingerprint(path)["sha256"] != known["sha256"]


def moved(path: Path, known: dict[str, Any]) -> bool:
    """Whether the file was written since: perhaps only copied, or restored from a backup."""
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns) != (known["bytes"], known["mtime_ns"])


def touched(base: Base) -> Base:
    """The same base, hashed anew only once after its files were copied or restored."""
    if not any(moved(base.path / name, known) for name, known in base.files.items()):
        return base
    files = {name: fingerprint(base.path / name) for name in base.files}
    known = replace(base, files=files)
    write_record(base.path, known)
    return known
