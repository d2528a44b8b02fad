"""JSON Lines: one object a line. Strict: what JSON does not define for certain is refused."""

import json
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import strict_json
from core.errors import RequestRefused
from data.encoding import decode
from data.formats.base import (
    Facts,
    Limits,
    Table,
    cell_too_long,
    too_many_columns,
    too_many_rows,
)

NESTED = "a list or object"
KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number"}


def matches(name: str, head: bytes) -> float:
    ending = name.rpartition(".")[2].lower()
    if ending in ("jsonl", "ndjson", "json"):
        return 0.9
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return 0.5 if start == b"{" else 0.0


def read(path: Path, filename: str, limits: Limits) -> Table:
    """Raises RequestRefused with the line of the first thing that is not a plain JSON object."""
    decoded = decode(path.read_bytes())
    gathered = Gathered(limits)
    for line, text in lines_of(decoded.text):
        gathered.add(line, parse(line, text))
    facts = Facts(
        format="jsonl", encoding=decoded.encoding, why=(decoded.why,), nested=gathered.nested()
    )
    return Table(gathered.columns, facts, gathered.lines)


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


@dataclass
class Gathered:
    """The rows so far, as columns; a key that a row lacks is None there."""

    limits: Limits
    columns: dict[str, list[str | None]] = field(default_factory=dict)
    kinds: dict[str, tuple[str, int]] = field(default_factory=dict)
    lines: "array[int]" = field(default_factory=lambda: array("I"))

    def add(self, line: int, record: dict[str, Any]) -> None:
        rows = len(self.lines)
        if rows >= self.limits.rows:
            raise too_many_rows(self.limits)
        for key, value in record.items():
            column = self.columns.setdefault(key, [])
            column.extend([None] * (rows - len(column)))
            column.append(self.cell(line, key, value))
        self.lines.append(line)
        if len(self.columns) > self.limits.columns:
            raise too_many_columns(len(self.columns), self.limits)
        for column in self.columns.values():
            if len(column) <= rows:
                column.append(None)

    def nested(self) -> tuple[str, ...]:
        """Columns of lists or objects."""
        return tuple(key for key, (kind, _) in self.kinds.items() if kind == NESTED)

    def cell(self, line: int, key: str, value: Any) -> str | None:
        if value is None:
            return None
        self.same_kind(line, key, KINDS.get(type(value), NESTED))
        if value in (math.inf, -math.inf):
            raise refused(f"{key!r} is too big a number on line {line}.", "broken_line", SHAPE)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) > self.limits.cell_characters:
            raise cell_too_long(f"line {line}, {key!r}", self.limits)
        return text

    def same_kind(self, line: int, key: str, kind: str) -> None:
        known, first = self.kinds.setdefault(key, (kind, line))
        if known != kind:
            raise refused(
                f"{key!r} is {known} on line {first} and {kind} on line {line}.",
                "mixed_types",
                'Write it the same way on every line, such as 5 or "5".',
            )


SHAPE = 'Write one object a line: {"text": "…", "label": "…"}.'


def parse(line: int, text: str) -> dict[str, Any]:
    if text.lstrip().startswith("["):
        raise refused(
            f"Line {line} begins a list ('['); JSON Lines has one object a line, and no list "
            "around them.",
            "bare_array",
            SHAPE,
        )
    try:
        value = strict_json.parse(text)
    except RequestRefused as refusal:
        raise refused(f"Line {line}: {refusal.message}", "broken_line", SHAPE) from refusal
    if not isinstance(value, dict):
        raise refused(f"Line {line} is {text.strip()[:40]!r}, not an object.", "broken_line", SHAPE)
    return value


def refused(message: str, code: str, fix: str) -> RequestRefused:
    return RequestRefused(message, code=code, param="file", fix=fix)
