"""CSV and its relatives: comma, tab, semicolon, pipe. Strict: what does not fit is refused.

The quoting rules are those of Python's csv module in strict mode.
"""

import csv
import io
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import RequestRefused
from data.encoding import Decoded, decode
from data.formats import _header, _prose, _quotes
from data.formats.base import (
    Facts,
    Limits,
    Table,
    cell_too_long,
    place,
    too_many_columns,
    too_many_rows,
)

NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe", "@": "at sign"}
EXTENSIONS = {"tsv": "\t", "tab": "\t", "psv": "|"}
SAMPLE_ROWS = 500
ONE_COLUMN = "\x1f"
"""Splits nothing: the separator for a file that has one column only."""


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    why: str
    tie: tuple[str, ...] = ()
    """Other delimiters that fit as well."""
    quoting: bool = True

    def reader(self, text: str) -> Any:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE
        lines = io.StringIO(text, newline="")
        return csv.reader(lines, delimiter=self.delimiter, strict=True, quoting=quoting)


def matches(name: str, head: bytes) -> float:
    ending = name.rpartition(".")[2].lower()
    if ending in ("csv", "tsv", "tab", "psv", "txt"):
        return 0.7
    return 0.1


def read(path: Path, filename: str, limits: Limits) -> Table:
    """Raises RequestRefused for anything but a rectangle of text under a header."""
    decoded = decode(path.read_bytes())
    text = decoded.text
    refuse_nul(text)
    csv.field_size_limit(limits.cell_characters)
    ending = filename.rpartition(".")[2].lower()
    dialect = find_dialect(text, EXTENSIONS.get(ending))
    try:
        records, lines = collect(text, dialect, limits)
    except RequestRefused:
        plain = without_quoting(text, dialect, limits)
        if plain is None:
            if ending == "txt":
                _prose.refuse(text, filename)
            raise
        dialect, records, lines = plain
    return build(decoded, dialect, records, lines)


def refuse_nul(text: str) -> None:
    at = text.find("\x00")
    if at >= 0:
        raise RequestRefused(
            f"Line {text.count(chr(10), 0, at) + 1} holds a NUL character, so this is not a text "
            "file, or its encoding is UTF-16 without a byte order mark.",
            code="bad_encoding",
            param="file",
            fix="Save it as UTF-8 and upload it again.",
        )


def find_dialect(text: str, preferred: str | None) -> Dialect:
    """The delimiter that gives most rows as many columns as the header has, with the reason."""
    fits = {mark: fit(text, mark) for mark in NAMES}
    splitting = {mark: share for mark, (columns, share) in fits.items() if columns > 1}
    if not splitting:
        return Dialect(ONE_COLUMN, "no delimiter splits the first line, so there is one column")
    best = max(splitting.values())
    tied = [mark for mark, share in splitting.items() if share == best]
    chosen = preferred if preferred in tied else tied[0]
    columns = fits[chosen][0]
    why = (
        f"split at each {NAMES[chosen]}, {'all' if best == 1 else f'{best:.1%}'} of the first rows "
        f"have the header's {columns} columns"
    )
    others = tuple(NAMES[mark] for mark in tied if mark != chosen and mark != "@")
    return Dialect(chosen, why, others)


def fit(text: str, delimiter: str) -> tuple[int, float]:
    """Columns of the header, and the share of the first rows that have as many."""
    columns = seen = same = 0
    rows = Dialect(delimiter, "").reader(text)
    try:
        for record in rows:
            if not record:
                continue
            columns = columns or len(record)
            seen += 1
            same += len(record) == columns
            if seen >= SAMPLE_ROWS:
                break
    except csv.Error:
        seen += 1
    return columns, same / max(seen, 1)


def collect(text: str, dialect: Dialect, limits: Limits) -> tuple[list[list[str]], "array[int]"]:
    """All records with the header first, each as long as it, and the line each begins on."""
    records: list[list[str]] = []
    lines = array("I")
    width = 0
    for line, record in numbered(text, dialect, limits):
        width = width or len(record)
        if width > limits.columns:
            raise too_many_columns(width, limits)
        if len(record) != width:
            raise ragged(place(len(records), line), width, record, records[0])
        if len(records) > limits.rows:
            raise too_many_rows(limits)
        records.append(record)
        lines.append(line)
    return records, lines


def numbered(text: str, dialect: Dialect, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, with the line it begins on."""
    reader = dialect.reader(text)
    line, row = 1, 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = place(row, line) if row else "the header"
            raise broken(error, where, text, line, dialect, limits) from error
        if record:
            yield line, record
            row += 1
        line = reader.line_num + 1


def ragged(where: str, width: int, record: list[str], header: list[str]) -> RequestRefused:
    names = ", ".join(header[:5])[:80]
    return RequestRefused(
        f"The header has {width} columns ({names}), but {where} has {len(record)}. "
        f"The last cell there is {record[-1][:40]!r}.",
        code="ragged_row",
        param="file",
        fix="Put quotes around a cell that holds the delimiter, or add the missing cell.",
    )


def broken(
    error: csv.Error, where: str, text: str, line: int, dialect: Dialect, limits: Limits
) -> RequestRefused:
    if "field larger" in str(error):
        return cell_too_long(where, limits)
    column, closed = _quotes.fault(text, line, dialect.delimiter)
    if not closed:
        return RequestRefused(
            f"The quote opened in {where}, column {column}, is never closed.",
            code="unclosed_quote",
            param="file",
            fix='Close it, or double it ("") when it belongs to the text.',
        )
    return RequestRefused(
        f"In {where}, column {column}, there is text after a closing quote; the delimiter "
        f"({NAMES.get(dialect.delimiter, 'none')}) or the end of the line was expected.",
        code="bad_quote",
        param="file",
        fix='Double each quote that belongs to the text: "she said ""hello""".',
    )


def without_quoting(
    text: str, dialect: Dialect, limits: Limits
) -> tuple[Dialect, list[list[str]], "array[int]"] | None:
    """The file with quotes as ordinary characters, where that makes it a clean rectangle.

    Only for tabs: tab-separated corpora are often written without any quoting, and a tab inside
    a cell is rare, while a comma is not.
    """
    if dialect.delimiter != "\t":
        return None
    why = f"{dialect.why}; quotes are ordinary characters, since they do not pair up"
    plain = Dialect("\t", why, dialect.tie, quoting=False)
    try:
        records, lines = collect(text, plain, limits)
    except RequestRefused:
        return None
    return plain, records, lines


def build(
    decoded: Decoded, dialect: Dialect, records: list[list[str]], lines: "array[int]"
) -> Table:
    if not records:
        raise RequestRefused(
            "The file holds nothing but blank lines.",
            code="empty_file",
            param="file",
            fix="Upload a file with a header and at least 10 rows.",
        )
    header = _header.find(records)
    if header.present:
        records, lines = records[1:], lines[1:]
    columns: dict[str, list[str | None]]
    columns = {name: [] for name in header.names}
    if records:
        columns = dict(zip(header.names, map(list, zip(*records, strict=True)), strict=True))
    facts = Facts(
        format="tsv" if dialect.delimiter == "\t" else "csv",
        encoding=decoded.encoding,
        delimiter=None if dialect.delimiter == ONE_COLUMN else dialect.delimiter,
        header=header.present,
        why=(decoded.why, dialect.why, *header.why),
        notes=tuple(notes(decoded, dialect, header.present)),
    )
    return Table(columns, facts, lines)


def notes(decoded: Decoded, dialect: Dialect, header: bool) -> Iterator[dict[str, Any]]:
    if decoded.guessed:
        yield note(
            "encoding_guessed",
            f"The encoding was not stated: {decoded.why}.",
            "Look whether accents and foreign letters look right; otherwise save it as UTF-8.",
        )
    if dialect.tie:
        yield note(
            "delimiter_tie",
            f"The file can be split at each {NAMES[dialect.delimiter]}, and just as well at each "
            f"{' or '.join(dialect.tie)}; {NAMES[dialect.delimiter]} was taken.",
            "If that is wrong, save it with one delimiter only.",
        )
    if not header:
        yield note(
            "no_header",
            "The first line looks like data, so the columns are named column_1, column_2, …",
            "If it is the header, give its columns names that do not occur as values.",
        )


def note(code: str, message: str, fix: str) -> dict[str, Any]:
    return {
        "code": code,
        "severity": "note",
        "message": message,
        "fix": fix,
        "rows": [],
        "count": 0,
    }
