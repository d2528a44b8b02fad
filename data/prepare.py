"""From uploaded files to the content of a dataset version. Everything here may run in a child."""

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
from data import columns, problems, profile, rows, splits
from data.columns import Role
from data.formats.base import Limits, Table
from data.reading import read_table
from data.rows import Rows

MIN_ROWS = 10
MAX_CLASSES = 2_000
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

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Request":
        files = {
            name: Source(**given[name]) if given[name] else None
            for name in ("main", "validation", "test")
        }
        return cls(**{**given, **files})


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the record of the dataset says."""

    columns: dict[str, str]
    rows: int
    splits: dict[str, int]
    profile: dict[str, Any]
    problems: list[dict[str, Any]]
    fingerprint: str


def prepare(request: Request, limits: Limits | None = None) -> Prepared:
    """Read, check, split and write the files; `meta.json` is written last.

    Raises RequestRefused for anything wrong with a file, naming the place.
    """
    limits = limits or Limits()
    table = load(request.main, limits)
    refuse_header_only(table, request.main.param)
    roles = choose(table, request)
    main = rows.extract(table, roles, request.main.param)
    check_classes(main, roles["label"].column, request.main.param)
    made = splits.make(
        main,
        other(request.validation, roles, limits),
        other(request.test, roles, limits),
        request.seed,
    )
    prepared = summary(request, table, roles, main, made)
    write(Path(request.folder), made, prepared)
    return prepared


def load(source: Source, limits: Limits) -> Table:
    try:
        return read_table(Path(source.path), source.filename, limits)
    except RequestRefused as refusal:
        refusal.param = source.param
        raise


def choose(table: Table, request: Request) -> dict[str, Role]:
    try:
        return columns.choose(table, request.columns)
    except RequestRefused as refusal:
        refusal.param = request.main.param if refusal.param == "file" else refusal.param
        raise


def refuse_header_only(table: Table, param: str) -> None:
    if table.columns and not table.rows:
        names = ", ".join(repr(name[:40]) for name in list(table.columns)[:10])
        raise RequestRefused(
            f"The file has a header ({names}) and no rows.",
            code="no_rows",
            param=param,
            fix=f"Upload a file with at least {MIN_ROWS} rows.",
        )


def other(source: Source | None, roles: dict[str, Role], limits: Limits) -> Rows | None:
    """The rows of a validation or test file, which must have the same columns."""
    if source is None:
        return None
    table = load(source, limits)
    for role in roles.values():
        columns.require(table, role.column, source.param)
    return rows.extract(table, roles, source.param)


def check_classes(main: Rows, column: str, param: str) -> None:
    if len(main.classes) == 1:
        raise RequestRefused(
            f"Every row has the same label, {main.labels[0]!r} in column {column!r}; there is "
            "nothing to tell apart.",
            code="one_class",
            param=param,
            fix='Give rows of two classes at least, or another column: columns={"label": "…"}.',
        )
    if len(main) < MIN_ROWS:
        raise RequestRefused(
            f"The file has {len(main)} usable rows; at least {MIN_ROWS} are needed.",
            code="too_few_rows",
            param=param,
            fix="Add rows.",
        )
    if len(main.classes) > min(MAX_CLASSES, len(main) // 2):
        raise RequestRefused(
            f"The column {column!r} has {len(main.classes):,} different values in {len(main):,} "
            f"rows. Classes need 2 rows on average; at most {MAX_CLASSES:,} are taken.",
            code="too_many_classes",
            param="columns",
            fix='Name the column with the classes: columns={"label": "…"}.',
        )


def summary(
    request: Request, table: Table, roles: dict[str, Role], main: Rows, made: splits.Splits
) -> Prepared:
    facts = table.facts
    described = {
        "format": facts.format,
        "encoding": facts.encoding,
        "delimiter": facts.delimiter,
        "header": facts.header,
        "why": list(facts.why),
        "columns": {name: role.as_dict() for name, role in roles.items()},
        "other_columns": [
            name for name in table.columns if name not in {r.column for r in roles.values()}
        ],
        "source_rows": table.rows,
        **profile.describe(main, made),
    }
    chosen = {name: role.column for name, role in roles.items()}
    return Prepared(
        columns=chosen,
        rows=described["rows"],
        splits=made.sizes(),
        profile=described,
        problems=[*problems.find(main, made), *facts.notes],
        fingerprint=fingerprint(request, chosen),
    )


def fingerprint(request: Request, chosen: Mapping[str, str]) -> str:
    """Hash of everything that decides the content."""
    sources = (request.main, request.validation, request.test)
    content = {
        "version": CONTENT_VERSION,
        "files": [source.sha256 if source else None for source in sources],
        "columns": dict(sorted(chosen.items())),
        "seed": request.seed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write(folder: Path, made: splits.Splits, prepared: Prepared) -> None:
    for name, part in made.parts.items():
        table = pa.table(
            {
                "row": pa.array(part.numbers, pa.int32()),
                "text": pa.array(part.texts, pa.large_string()),
                "label": pa.array(part.labels, pa.large_string()),
            }
        )
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
