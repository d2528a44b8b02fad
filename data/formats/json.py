"""JSON: one list of objects. Strict, and read object by object, so that places can be named."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import strict_json
from core.errors import RequestRefused
from data.encoding import decode
from data.formats.base import Facts, Limits, Table
from data.formats.jsonl import Gathered, refused

BLANK = re.compile(r"[ \t\r\n]*")
OBJECTS = re.compile(r"\[\s*\{")
SHAPE = "Write one list of objects, [{…}, {…}], or JSON Lines: one object a line."


def matches(name: str, head: bytes) -> float:
    text = head.decode("utf-8", "replace").lstrip("\ufeff").lstrip()
    if name.rpartition(".")[2].lower() != "json":
        return 0.4 if OBJECTS.match(text) else 0.0
    return 0.95 if text.startswith("[") or not begins_with_line(text) else 0.0


def begins_with_line(text: str) -> bool:
    """Whether the first line can be an object of its own: then it is JSON Lines."""
    line, end, _ = text.partition("\n")
    return not end or line.rstrip().endswith("}")


def read(path: Path, filename: str, limits: Limits) -> Table:
    """Raises RequestRefused with row and line of the first thing that is not a plain object."""
    decoded = decode(path.read_bytes())
    gathered = Gathered(limits)
    for line, record in records(decoded.text):
        gathered.add(line, record)
    facts = Facts(
        format="json",
        encoding=decoded.encoding,
        why=(decoded.why, "the file is one JSON list"),
        nested=gathered.nested(),
    )
    return Table(gathered.columns, facts, gathered.lines)


def records(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of the list with the line it begins on."""
    at = after_blanks(text, 0)
    if text[at : at + 1] != "[":
        refuse_other(text)
    at, line, row = at + 1, 1 + text.count("\n", 0, at), 0
    while True:
        start = after_blanks(text, at)
        line, row = line + text.count("\n", at, start), row + 1
        if text[start : start + 1] == "]" and row == 1:
            return
        record, end = parse(text, start, line, row)
        yield line, record
        following = after_blanks(text, end)
        at = following + 1
        if text[following:at] == "]":
            refuse_more(text, at, line + text.count("\n", start, at))
            return
        if text[following:at] != ",":
            raise broken(row, line, "a comma or the end of the list is missing after it.")
        line += text.count("\n", start, at)


def after_blanks(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def parse(text: str, start: int, line: int, row: int) -> tuple[dict[str, Any], int]:
    try:
        value, end = strict_json.parse_at(text, start)
    except RequestRefused as refusal:
        raise broken(row, line, refusal.message) from refusal
    if not isinstance(value, dict):
        shown = text[start:end][:40]
        raise broken(row, line, f"it is {shown!r}, not an object.")
    return value, end


def refuse_other(text: str) -> None:
    """Raises RequestRefused for a file that is valid JSON, but no list, and for a broken one."""
    value = strict_json.parse(text)
    what = f"one object with the keys {keys(value)}" if isinstance(value, dict) else "one value"
    raise refused(f"The file is {what}, not a list of rows.", "bare_object", SHAPE)


def keys(value: dict[str, Any]) -> str:
    shown = ", ".join(repr(key[:40]) for key in list(value)[:5])
    return shown + (f" and {len(value) - 5:,} more" if len(value) > 5 else "")


def refuse_more(text: str, at: int, line: int) -> None:
    rest = after_blanks(text, at)
    if rest < len(text):
        line += text.count("\n", at, rest)
        raise refused(f"Line {line}: something follows the end of the list.", "broken_line", SHAPE)


def broken(row: int, line: int, what: str) -> RequestRefused:
    return refused(f"Row {row} (line {line}): {what}", "broken_line", SHAPE)
