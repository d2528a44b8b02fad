"""Uploads: their bytes under ids of our own, their names only as text to show."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import select

from core.errors import RequestRefused, not_found
from core.identity import Caller
from core.records import tables
from core.records.database import Database
from core.records.queries import get, owned, stamp
from core.storage import Storage, new_id

MAX_NAME_BYTES = 255
MIN_ROOM_BYTES = 2**20
BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make a name read differently from what it is, such as `gpj.exe` for `exe.jpg`."""
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows takes for a device, whatever their ending."""


def name_in_form(filename: str) -> str:
    """The name as it was before it was put into a form, where a quotation mark becomes %22."""
    for written, char in (("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        filename = filename.replace(written, char)
    return filename


def check_filename(filename: str) -> str:
    """The name itself. Raises RequestRefused for one that could mislead a person or a program.

    It never becomes part of a path here, but whoever downloads it will make one of it. Names that
    are merely odd are fine.
    """
    # Browsers write some characters as %22 and the like, so a name is judged in both readings.
    wrong = fault_of(filename) or fault_of(unquote(filename))
    if wrong:
        shown = filename.encode("ascii", "backslashreplace").decode()[:80]
        raise RequestRefused(
            f"The file name {shown!r} {wrong}.",
            code="bad_filename",
            param="file",
            fix="Rename the file, for example to data.csv, and upload it again.",
        )
    return filename


def fault_of(filename: str) -> str | None:
    """What is wrong with the name, as the end of a sentence."""
    if filename.strip() in ("", ".", ".."):
        return "is empty"
    if "/" in filename or "\\" in filename:
        return "has a path in it"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in filename):
        return "has a control character in it"
    if BIDI_OVERRIDES.intersection(filename):
        return "has a character in it that reverses the reading direction"
    if DEVICE.fullmatch(filename):
        return "is that of a device on Windows"
    if filename[-1] in ". ":
        return "ends with a dot or a space, which Windows drops"
    size = len(filename.encode())
    if size > MAX_NAME_BYTES:
        return f"is {size} bytes long; at most {MAX_NAME_BYTES} are taken"
    return None


class Files:
    """The uploads of everybody; each question names who asks."""

    def __init__(self, database: Database, storage: Storage, limit_bytes: int) -> None:
        self.database = database
        self.storage = storage
        self.limit_bytes = limit_bytes

    def save(
        self, caller: Caller, filename: str, chunks: Iterable[bytes], purpose: str = "user_data"
    ) -> tables.File:
        """The record of the new upload; when this returns, it survives a power cut.

        Raises RequestRefused for a bad name, an empty file and one over the limit; nothing is
        kept then.
        """
        check_filename(filename)
        self.storage.need_room(MIN_ROOM_BYTES)
        identifier = new_id("file")
        stored = self.storage.save_file(identifier, chunks, self.limit_bytes)
        if stored.bytes == 0:
            self._content(identifier).unlink()
            raise empty(filename)
        row = tables.File(
            id=identifier,
            filename=filename,
            purpose=purpose,
            bytes=stored.bytes,
            sha256=stored.sha256,
            **stamp(caller),
        )
        with self.database.write() as session:
            session.add(row)
        return row

    def save_bytes(
        self, caller: Caller, filename: str, content: bytes, purpose: str = "user_data"
    ) -> tables.File:
        """`save` of what is in memory already."""
        return self.save(caller, filename, [content], purpose)

    def get(self, caller: Caller, identifier: str) -> tables.File:
        with self.database.read() as session:
            return get(session, tables.File, caller, identifier)

    def path(self, caller: Caller, identifier: str) -> Path:
        """Where the bytes lie. Raises RequestRefused when the caller has no such file."""
        content = self._content(self.get(caller, identifier).id)
        if not content.is_file():
            raise not_found("file", identifier, [])
        return content

    def list(self, caller: Caller) -> list[tables.File]:
        """The caller's files, oldest first."""
        with self.database.read() as session:
            return list(session.scalars(owned(tables.File, caller)))

    def delete(self, caller: Caller, identifier: str) -> None:
        """Forget the upload. Datasets made from it stay: they are copies."""
        with self.database.write() as session:
            row = get(session, tables.File, caller, identifier)
            session.delete(row)
        self._content(identifier).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove contents that no record names, left by a crash; returns how many.

        Call it at start only: an upload in progress looks the same.
        """
        with self.database.read() as session:
            known = set(session.scalars(select(tables.File.id)))
        orphans = [p for p in (self.storage.home / "files").iterdir() if p.name not in known]
        for orphan in orphans:
            orphan.unlink()
        return len(orphans)

    def _content(self, identifier: str) -> Path:
        return self.storage.path("files", identifier)


def empty(filename: str) -> RequestRefused:
    return RequestRefused(
        f"The file {filename!r} is empty (0 bytes).",
        code="empty_file",
        param="file",
        fix="Upload a file with a header and at least 10 rows.",
    )
