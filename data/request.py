"""What a dataset version is made from and what comes out; plain data on its way to a child."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import RequestRefused
from core.job import sync_folder, write_json
from data.formats.base import Limits, Table
from data.reading import read_table

MIN_ROWS = 10
CONTENT_VERSION = 1
"""Count up when the same files would be split or cleaned differently."""
META = "meta.json"
ROWS_OF_A_GROUP = 8_192
"""Rows that are read together, at least, when some rows are shown."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One uploaded file."""

    path: str
    filename: str
    sha256: str
    param: str
    """The argument it came as, for error messages."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to make; plain data, so that it can be handed to another process."""

    folder: str
    """Where the splits are written; it exists and is empty."""
    main: Source
    validation: Source | None
    test: Source | None
    columns: Mapping[str, str]
    seed: int
    task: str = "auto"
    """`auto`, `classification` or `chat`."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Request":
        files = {
            name: Source(**given[name]) if given[name] else None
            for name in ("main", "validation", "test")
        }
        return cls(**{**given, **files})

    @property
    def sources(self) -> tuple[Source | None, ...]:
        return (self.main, self.validation, self.test)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the record of the dataset says."""

    task: str
    columns: dict[str, str]
    rows: int
    splits: dict[str, int]
    profile: dict[str, Any]
    problems: list[dict[str, Any]]
    fingerprint: str


def load(source: Source, limits: Limits) -> Table:
    """The file as a table. A refusal names the argument that the file came as."""
    try:
        return read_table(Path(source.path), source.filename, limits)
    except RequestRefused as refusal:
        refusal.param = source.param
        raise


def fingerprint(request: Request, chosen: Mapping[str, str], **more: str) -> str:
    """Hash of everything that decides the content."""
    content = {
        "version": CONTENT_VERSION,
        "files": [source.sha256 if source else None for source in request.sources],
        "columns": dict(sorted(chosen.items())),
        "seed": request.seed,
        **more,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write(folder: Path, parts: Mapping[str, pa.Table], prepared: Prepared) -> None:
    """`train.parquet`, `validation.parquet` and `test.parquet`; `meta.json` is written last."""
    for name, table in parts.items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=ROWS_OF_A_GROUP)
        sync_file(path)
    write_json(folder / META, asdict(prepared))
    sync_folder(folder)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
