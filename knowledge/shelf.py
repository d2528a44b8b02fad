"""Keeps the records and the two indexes in step, also across a crash.

The order of writing: words, records, vectors. A document exists when the records say so; words
without a record are swept, and a record without words or vectors gets them, both by `repair` at
the next start. Everything in the indexes can be made again from the records.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, select

from core.errors import ServiceFailed
from core.job import read_json, write_json
from core.records.database import Database, next_id
from core.records.tables import Document
from knowledge.builtin import WORDS_ONLY
from knowledge.chunks import chunks
from knowledge.embedder import Embeds, Vectors
from knowledge.fts import NO_VECTORS, Entry, WordIndex
from knowledge.index import VectorIndex
from knowledge.ingest import Source
from knowledge.markup import Page, headings_of
from knowledge.passages import Scope

log = logging.getLogger(__name__)

FORMAT = 2
"""Of chunks and words; with another number every index is built anew."""
WAIT_CHUNKS = 300
"""An upload up to this size has its vectors when the call returns: 5 to 10 s on two cores."""
BATCH_CHUNKS = 64
"""Chunks embedded together; the most that a crash loses."""
MIN_KNOWN = 0.5
"""Below this share of known tokens a text is found by its words alone: an English encoder gives
most Chinese sentences nearly the same vector."""


class Kept(NamedTuple):
    """What the records say of a document, without its text."""

    id: str
    sha256: str
    chunks: int


class Counts(NamedTuple):
    documents: int
    chunks: int
    added: int
    replaced: int
    unchanged: int
    vectors: str
    """`ready`, or `in progress`: until then these documents are found by their words."""


class Shelf:
    def __init__(self, database: Database, folder: Path, embed: Embeds) -> None:
        self.database = database
        self.folder = folder
        self.embed = embed
        self.vectors = VectorIndex(folder)
        self._changing = threading.Lock()
        self._storing = threading.Lock()
        self._stopping = threading.Event()
        self._background: threading.Thread | None = None

    @cached_property
    def words(self) -> WordIndex:
        self.folder.mkdir(parents=True, exist_ok=True)
        return WordIndex(self.folder / "words.sqlite")

    # documents

    def put(self, scope: Scope, sources: Sequence[Source], wait: bool = False) -> Counts:
        """Keep the documents that are new or changed.

        Args:
            wait: Return when the vectors are made, however many there are.
        """
        with self._changing:
            known = self._known(scope)
            fresh = [one for one in sources if is_new(one, known)]
            replaced = [known[one.source].id for one in fresh if one.source in known]
            entries = self._entries(scope, fresh)
            self.words.add(entries)
            self._record(entries, fresh, replaced)
            self._drop(replaced)
        made = sum(len(entry.chunks) for entry in entries)
        same = sum(known[one.source].chunks for one in sources if not is_new(one, known))
        return Counts(
            documents=len(sources),
            chunks=made + same,
            added=len(fresh) - len(replaced),
            replaced=len(replaced),
            unchanged=len(sources) - len(fresh),
            vectors=self._vectors_for(entries, wait or made <= WAIT_CHUNKS),
        )

    def take_away(self, scope: Scope, document_ids: Sequence[str]) -> None:
        """Remove documents: from now on nobody finds them."""
        with self._changing:
            with self.database.write() as session:
                session.execute(delete(Document).where(Document.id.in_(document_ids), *of(scope)))
            self._drop(document_ids)

    def _known(self, scope: Scope) -> dict[str, Kept]:
        """Source to what is kept of it."""
        columns = (Document.source, Document.id, Document.sha256, Document.chunks)
        with self.database.read() as session:
            rows = session.execute(select(*columns).where(*of(scope)))
            return {row.source: Kept(row.id, row.sha256, row.chunks) for row in rows}

    def _entries(self, scope: Scope, sources: Sequence[Source]) -> list[Entry]:
        with self.database.write() as session:
            ids = [next_id(session, "document") for _ in sources]
        return [
            self._entry(document_id, scope, source.page)
            for document_id, source in zip(ids, sources, strict=True)
        ]

    def _entry(self, document_id: str, scope: Scope, page: Page) -> Entry:
        pieces = chunks(page, self.embed.token_starts(page.text))
        return Entry(document_id, scope, page.title, page.text, pieces)

    def _record(
        self, entries: Sequence[Entry], sources: Sequence[Source], replaced: Sequence[str]
    ) -> None:
        with self.database.write() as session:
            session.execute(delete(Document).where(Document.id.in_(replaced)))
            for entry, source in zip(entries, sources, strict=True):
                session.add(row_of(entry, source))

    def _drop(self, document_ids: Sequence[str]) -> None:
        """Remove documents from the indexes; their records are gone already."""
        if document_ids:
            self.words.remove(document_ids)
            with self._storing:
                self.vectors.remove(document_ids)

    # vectors

    def _vectors_for(self, entries: Sequence[Entry], wait: bool) -> str:
        if wait:
            self.make_vectors(entries)
            return "ready"
        self.finish_in_background()
        return "in progress"

    def finish_in_background(self) -> None:
        """Make the vectors that are still missing, without holding anybody up."""
        if self._background is None or not self._background.is_alive():
            self._background = threading.Thread(
                target=self._finish_quietly, name="thimble-vectors", daemon=True
            )
            self._background.start()

    def _finish_quietly(self) -> None:
        try:
            self.finish()
        except ServiceFailed:
            log.exception("vectors are missing; the next start makes them")

    def finish(self) -> None:
        """Make all missing vectors; an upload may come in meanwhile."""
        while (waiting := self.waiting()) and not self._stopping.is_set():
            for document_id in waiting:
                if self._stopping.is_set():
                    return
                self.make_vectors(self.stored([document_id]))

    def waiting(self) -> list[str]:
        """Ids of the documents whose vectors are still to be made."""
        return [one for one, made in self.words.documents().items() if made == NO_VECTORS]

    def make_vectors(self, entries: Sequence[Entry]) -> None:
        for batch in batches(entries):
            understood = [self._understood(entry) for entry in batch]
            made = self.embed.embed([text for texts in understood for text in texts.values()])
            first = 0
            for entry, texts in zip(batch, understood, strict=True):
                self._store(entry, list(texts), made[first : first + len(texts)])
                first += len(texts)

    def _understood(self, entry: Entry) -> dict[int, str]:
        """Number and text of each chunk in a language that the encoder knows."""
        if entry.scope.collection in WORDS_ONLY:
            return {}
        texts = {number: entry.passage(chunk) for number, chunk in enumerate(entry.chunks)}
        return {
            number: text
            for number, text in texts.items()
            if text.isascii() or self.embed.known_share(text) >= MIN_KNOWN
        }

    def _store(self, entry: Entry, numbers: Sequence[int], vectors: Vectors) -> None:
        with self._storing:
            # Deleted while its vectors were made: they must not come back.
            if not self.words.has(entry.document_id):
                return
            self.vectors.add(entry.scope, entry.document_id, numbers, vectors)
            self.words.set_vectors(entry.document_id, len(numbers))

    # start, repair and end

    def repair(self) -> None:
        """Sweep and complete what a crash, or another embedder, left behind; quick where nothing
        is wrong. Missing vectors are made in the background."""
        marker = {"format": FORMAT, "embedder": self.embed.fingerprint}
        if read_json(self.folder / "index.json") != marker:
            self._clear()
            write_json(self.folder / "index.json", marker)
        self._match_vectors()
        self._match_words()
        if self.waiting():
            self.finish_in_background()

    def rebuild(self) -> None:
        """Throw both indexes away and make them again from the records."""
        with self._changing:
            self._clear()
            self._match_words()
        self.finish()

    def _clear(self) -> None:
        with self._storing:
            self.vectors.clear()
            self.words.clear()

    def _match_words(self) -> None:
        with self.database.read() as session:
            kept = set(session.scalars(select(Document.id)))
        indexed = set(self.words.documents())
        self._drop(sorted(indexed - kept))
        for document_id in sorted(kept - indexed):
            self.words.add(self.stored([document_id]))

    def _match_vectors(self) -> None:
        """Without as many vectors as the words count on, all are made again."""
        expected = sum(max(0, made) for made in self.words.documents().values())
        if self._counted_vectors() != expected:
            log.warning("the vector index does not fit the records; it is made again")
            with self._storing:
                self.vectors.clear()
                self.words.forget_vectors()

    def _counted_vectors(self) -> int | None:
        """None where they cannot be counted."""
        try:
            return self.vectors.count()
        except ServiceFailed:
            log.exception("the vector index cannot be read")
            return None

    def stored(self, document_ids: Iterable[str]) -> list[Entry]:
        """Documents as they are in the records, cut as when they came in."""
        with self.database.read() as session:
            rows = session.scalars(select(Document).where(Document.id.in_(document_ids)))
            return [self._entry(row.id, scope_of(row), page_of(row)) for row in rows]

    def close(self) -> None:
        """Stop after the batch at work; `repair` at the next start goes on."""
        self._stopping.set()
        if self._background is not None:
            self._background.join()
        self.vectors.close()


def is_new(source: Source, known: dict[str, Kept]) -> bool:
    return source.source not in known or known[source.source].sha256 != source.sha256


def of(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """The conditions that keep to one collection of one owner."""
    return (
        Document.owner == scope.owner,
        Document.project == scope.project,
        Document.collection == scope.collection,
    )


def row_of(entry: Entry, source: Source) -> Document:
    return Document(
        id=entry.document_id,
        owner=entry.scope.owner,
        project=entry.scope.project,
        collection=entry.scope.collection,
        source=source.source,
        sha256=source.sha256,
        title=entry.title,
        text=entry.text,
        chunks=len(entry.chunks),
    )


def scope_of(row: Document) -> Scope:
    return Scope(row.owner, row.project, row.collection)


def page_of(row: Document) -> Page:
    return Page(row.title, row.text, headings_of(row.source, row.text))


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Neighbours with about BATCH_CHUNKS chunks together; a document is never divided."""
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if sum(len(one.chunks) for one in batch) >= BATCH_CHUNKS:
            yield batch
            batch = []
    if batch:
        yield batch
