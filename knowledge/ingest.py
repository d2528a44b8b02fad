"""An upload, a file or a zip, to the documents in it, and to the reasons why others are not."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from core.errors import RequestRefused
from knowledge import archive
from knowledge.markup import READABLE, Page, kind_of, read_page

MAX_DOCUMENT_BYTES = 5 * 2**20
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
TAKEN = ", ".join(READABLE)


@dataclass(frozen=True)
class Source:
    """One document, read but not yet kept."""

    source: str
    sha256: str
    page: Page


@dataclass
class Upload:
    sources: list[Source] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)

    def take(self, name: str, content: bytes | None) -> None:
        """Add the document, or the reason why it is none."""
        reason = why_not(name, content)
        if reason is None and content is not None:
            try:
                page = read_page(name, content)
            except RequestRefused as refusal:
                reason = refusal.message
            else:
                reason = self.keep(name, content, page)
        if reason is not None:
            self.skipped.append({"source": name, "reason": reason})

    def keep(self, name: str, content: bytes, page: Page) -> str | None:
        if not page.text.strip():
            return "it holds no text"
        self.sources.append(Source(name, hashlib.sha256(content).hexdigest(), page))
        return None


def why_not(name: str, content: bytes | None) -> str | None:
    """Why a file is left out, by its name and size; None: it may be read."""
    path = PurePosixPath(name)
    if any(part in JUNK for part in path.parts):
        return "a file of the operating system, not a document"
    if kind_of(name) is None:
        return f"{path.suffix or 'a file without ending'} is not a type we read ({TAKEN})"
    if content is None or len(content) > MAX_DOCUMENT_BYTES:
        return f"it is larger than {MAX_DOCUMENT_BYTES >> 20} MiB"
    return None


def read_upload(path: Path, filename: str) -> Upload:
    """All documents of an uploaded file.

    Raises RequestRefused when the archive is broken or unsafe, or nothing in the upload can be
    read; the message names the reasons.
    """
    upload = Upload()
    if archive.is_zip(path) or filename.lower().endswith(".zip"):
        for name, content in archive.read_members(path, MAX_DOCUMENT_BYTES):
            upload.take(name, content)
    else:
        small = path.stat().st_size <= MAX_DOCUMENT_BYTES
        upload.take(PurePosixPath(filename).name, path.read_bytes() if small else None)
    if not upload.sources:
        raise nothing(filename, upload.skipped)
    return upload


def read_folder(folder: Path) -> Iterator[Source]:
    """The documents of a folder of ours, by their path in it; a broken one is an error."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and kind_of(name):
            content = path.read_bytes()
            yield Source(name, hashlib.sha256(content).hexdigest(), read_page(name, content))


def nothing(filename: str, skipped: list[dict[str, str]]) -> RequestRefused:
    reasons = [f"{one['source'][:80]!r}: {one['reason']}" for one in skipped[:3]]
    if len(skipped) > 3:
        reasons.append(f"and {len(skipped) - 3} more")
    return RequestRefused(
        f"There is no document to read in {filename[:80]!r} ({'; '.join(reasons)})."
        if reasons
        else f"There is no document to read in {filename[:80]!r}.",
        code="no_documents",
        param="file_id",
        fix=f"Upload a file of type {TAKEN}, or a zip of such files.",
    )
