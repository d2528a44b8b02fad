"""What every file format gives: a table of texts, and how it was read.

Each format is one file beside this one, and offers

    matches(name: str, head: bytes) -> float    0 to 1: how sure it is that the file is its own
    read(path, filename, limits) -> Table       raises RequestRefused, naming row and column
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.errors import RequestRefused

HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a file may hold; beyond it the file is refused instead of filling the memory."""

    columns: int = 1_000
    rows: int = 2_000_000
    cells: int = 20_000_000
    """For compressed formats: rows times columns."""
    cell_characters: int = 1_000_000
    decoded_bytes: int = 2**30
    """For compressed formats: bytes after decompression."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """How a file was read, to show to whoever sent it."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    why: tuple[str, ...] = ()
    """A sentence for each thing that was found out and not given."""
    notes: tuple[dict[str, Any], ...] = ()
    """Problems found on the way, shaped like those of a dataset."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Columns that cannot be read as text, with the reason."""
    nested: tuple[str, ...] = ()
    """Columns that hold lists or objects, written as JSON."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length. A missing value is None, or empty text where the format cannot tell.

    Row numbers count data rows from 1, without the header and without blank lines.
    """

    columns: dict[str, list[str | None]]
    facts: Facts
    lines: Sequence[int] = ()
    """The line in the file on which each row begins, for formats that have lines."""

    @property
    def rows(self) -> int:
        return max((len(values) for values in self.columns.values()), default=0)

    def place(self, row: int) -> str:
        """`row 3 (line 4)` for row 3, so that a person finds it in an editor."""
        return place(row, self.lines[row - 1] if self.lines else None)


class Format(Protocol):
    def matches(self, name: str, head: bytes) -> float: ...

    def read(self, path: Path, filename: str, limits: Limits) -> Table: ...


def place(row: int, line: int | None) -> str:
    return f"row {row}" if line is None else f"row {row} (line {line})"


def too_many_columns(count: int, limits: Limits) -> RequestRefused:
    return RequestRefused(
        f"The file has {count:,} columns; at most {limits.columns:,} are taken.",
        code="too_many_columns",
        param="file",
        fix="Keep the text and the label column and leave out the others.",
    )


def too_many_rows(limits: Limits) -> RequestRefused:
    return RequestRefused(
        f"The file has more than {limits.rows:,} rows.",
        code="too_many_rows",
        param="file",
        fix="Upload a part of it.",
    )


def cell_too_long(where: str, limits: Limits) -> RequestRefused:
    return RequestRefused(
        f"A cell in {where} is longer than {limits.cell_characters:,} characters.",
        code="cell_too_long",
        param="file",
        fix="Shorten it, or look for a quote that is opened there and never closed.",
    )
