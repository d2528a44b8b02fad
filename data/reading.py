"""One way from a file to a table: picks the format, says why, and refuses what is none."""

from pathlib import Path
from typing import cast

from core import plugins
from core.errors import RequestRefused
from data import formats
from data.formats.base import HEAD_BYTES, Format, Limits, Table

SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"SQLite format 3": "a SQLite database",
    b"\x80\x04\x95": "a Python pickle",
    b"ARROW1": "an Arrow file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}


DOCUMENTS = {
    "md": "a document",
    "rst": "a document",
    "html": "a web page",
    "htm": "a web page",
    "xml": "an XML file",
    "yaml": "a file of settings",
    "yml": "a file of settings",
    "toml": "a file of settings",
    "ini": "a file of settings",
}
"""What such a name ends with that is never a table."""


def read_table(path: Path, filename: str, limits: Limits | None = None) -> Table:
    """The table in the file.

    Args:
        path: Where the bytes lie; its name says nothing.
        filename: As the client named it: its ending is a hint.

    Raises:
        RequestRefused: It is empty, of no known format, or broken; the message names the place.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise RequestRefused(
            f"The file {filename!r} is empty (0 bytes).",
            code="empty_file",
            param="file",
            fix="Upload a file with a header and at least 10 rows.",
        )
    refuse_foreign(head, filename)
    return pick(filename, head).read(path, filename, limits or Limits())


def refuse_foreign(head: bytes, filename: str) -> None:
    for signature, what in SIGNATURES.items():
        if head.startswith(signature):
            raise RequestRefused(
                f"{filename!r} is {what}, which cannot be read as a table.",
                code="unsupported_format",
                param="file",
                fix="Export it as CSV (UTF-8), TSV, JSON Lines or Parquet and upload that.",
            )
    ending = filename.rpartition(".")[2].lower()
    if ending in DOCUMENTS:
        raise RequestRefused(
            f"{filename!r} is {DOCUMENTS[ending]}, which is no table.",
            code="unsupported_format",
            param="file",
            fix="Upload rows as CSV, TSV, JSON, JSON Lines or Parquet. Documents can be added to "
            "the documents that answers are found in.",
        )


def pick(filename: str, head: bytes) -> Format:
    choices = [cast(Format, plugins.load(formats, name)) for name in plugins.names(formats)]
    return max(choices, key=lambda choice: choice.matches(filename, head))
