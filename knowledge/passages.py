"""The words the knowledge room shares: whose collection, which chunk, which passage."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from core.identity import Caller


@dataclass(frozen=True)
class Scope:
    """One collection of one owner: every question to an index names all three."""

    owner: str
    project: str
    collection: str

    @staticmethod
    def of(caller: Caller, collection: str) -> "Scope":
        return Scope(caller.user, caller.project, collection)


class Key(NamedTuple):
    """One chunk of one document, counted from 0."""

    document_id: str
    number: int


@dataclass(frozen=True)
class Chunk:
    """A piece of a document that is found as one."""

    heading: str
    """The headings above it, outermost first, joined by " > "; the title where there are none."""
    start: int
    end: int
    """Offsets in characters into the document's text: `text[start:end]` is the chunk."""


@dataclass(frozen=True)
class Passage:
    """A found chunk, as a citation that can be opened."""

    source: str
    """Path inside the upload."""
    title: str
    heading: str
    start: int
    end: int
    text: str
    score: float
    """1.0 is first in every ranking; it orders one answer and is no measure across questions."""
    document_id: str
    collection: str
    cosine: float | None = None
    """Similarity to the question, -1 to 1; None where only words were compared."""
    number: int = 0
    page: str = ""
    """Of the built-in help: the address of its page, such as `/help/zh/endpoints`."""

    @property
    def address(self) -> str:
        """Where the passage is shown, marked, on our own server."""
        place = self.page or f"/help/{self.document_id}"
        return f"{place}?start={self.start}&end={self.end}#passage"

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "title": self.title,
            "heading": self.heading,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "score": round(self.score, 4),
            "document_id": self.document_id,
            "collection": self.collection,
            "address": self.address,
        }
