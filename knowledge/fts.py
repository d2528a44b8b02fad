"""The word index: SQLite FTS5 over whole documents and over chunks, in a file of its own.

It also knows which documents are indexed, and which still wait for their vectors. Everything in
it can be made again from the records.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.passages import Chunk, Key, Scope
from knowledge.words import indexable

log = logging.getLogger(__name__)

BUSY_S = 10
SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY, document_id TEXT UNIQUE, owner TEXT, project TEXT, collection TEXT,
    vectors INTEGER);
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY, page INTEGER, number INTEGER, heading TEXT, start INTEGER,
    stop INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS chunks_of_page ON chunks (page, number);
CREATE INDEX IF NOT EXISTS pages_of_scope ON pages (owner, project, collection);
CREATE VIRTUAL TABLE IF NOT EXISTS page_words
    USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE IF NOT EXISTS chunk_words
    USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2');
"""
IN_SCOPE = "pages.owner = ? AND pages.project = ? AND pages.collection = ?"
NO_VECTORS = -1
"""In the column `vectors`: not made yet. Otherwise how many the vector index holds."""


@dataclass(frozen=True)
class Entry:
    """One document as it goes into the index."""

    document_id: str
    scope: Scope
    title: str
    text: str
    chunks: Sequence[Chunk]

    def passage(self, chunk: Chunk) -> str:
        """What is indexed of a chunk: title and headings in front (+0.06 nDCG@10, measured)."""
        heading = "" if chunk.heading == self.title else chunk.heading
        return f"{self.title}\n{heading}\n{self.text[chunk.start : chunk.end]}"


class WordIndex:
    """One connection for each use: any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with self._open() as connection:
                connection.executescript(SCHEMA)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            log.exception("the word index cannot be read; it is made again")
            self.clear()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=BUSY_S)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    # writing

    def add(self, entries: Iterable[Entry]) -> None:
        """All of them or none; one that is there already is replaced."""
        with self._open() as connection:
            for entry in entries:
                remove_page(connection, entry.document_id)
                add_page(connection, entry)

    def remove(self, document_ids: Iterable[str]) -> None:
        with self._open() as connection:
            for document_id in document_ids:
                remove_page(connection, document_id)

    def set_vectors(self, document_id: str, vectors: int) -> None:
        """Remember that the vector index holds so many of this document's chunks."""
        with self._open() as connection:
            connection.execute(
                "UPDATE pages SET vectors = ? WHERE document_id = ?", (vectors, document_id)
            )

    def forget_vectors(self) -> None:
        """All documents wait for their vectors again."""
        with self._open() as connection:
            connection.execute("UPDATE pages SET vectors = ?", (NO_VECTORS,))

    def clear(self) -> None:
        """Begin with an empty file, also where the old one can no longer be read."""
        self.path.unlink(missing_ok=True)
        self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
        with self._open() as connection:
            connection.executescript(SCHEMA)

    # what is there

    def documents(self) -> dict[str, int]:
        """Document id to number of vectors, NO_VECTORS where they are still to be made."""
        with self._open() as connection:
            return dict(connection.execute("SELECT document_id, vectors FROM pages"))

    def has(self, document_id: str) -> bool:
        with self._open() as connection:
            found = connection.execute("SELECT 1 FROM pages WHERE document_id = ?", (document_id,))
            return found.fetchone() is not None

    def chunks(self, keys: Iterable[Key]) -> dict[Key, Chunk]:
        with self._open() as connection:
            return {key: chunk for key in keys if (chunk := read_chunk(connection, key))}

    # asking

    def rank_documents(self, scope: Scope, terms: Sequence[str], limit: int) -> list[str]:
        """Documents in the order of BM25, best first."""
        rows = self._rank(
            "SELECT document_id FROM page_words JOIN pages ON pages.id = page_words.rowid"
            f" WHERE page_words MATCH ? AND {IN_SCOPE} ORDER BY bm25(page_words) LIMIT ?",
            scope,
            terms,
            limit,
        )
        return [str(document_id) for (document_id,) in rows]

    def rank_chunks(self, scope: Scope, terms: Sequence[str], limit: int) -> list[Key]:
        """Chunks in the order of BM25, best first."""
        rows = self._rank(
            "SELECT document_id, number FROM chunk_words"
            " JOIN chunks ON chunks.id = chunk_words.rowid JOIN pages ON pages.id = chunks.page"
            f" WHERE chunk_words MATCH ? AND {IN_SCOPE} ORDER BY bm25(chunk_words) LIMIT ?",
            scope,
            terms,
            limit,
        )
        return [Key(*row) for row in rows]

    def _rank(
        self, statement: str, scope: Scope, terms: Sequence[str], limit: int
    ) -> list[tuple[Any, ...]]:
        if not terms:
            return []
        values = (" OR ".join(terms), scope.owner, scope.project, scope.collection, limit)
        with self._open() as connection:
            return connection.execute(statement, values).fetchall()

    def count(self, scope: Scope, term: str | None = None) -> int:
        """Chunks in the collection; with a term: those that hold it."""
        owned = (scope.owner, scope.project, scope.collection)
        chunks = "SELECT count(*) FROM chunks JOIN pages ON pages.id = chunks.page"
        words = " JOIN chunk_words ON chunk_words.rowid = chunks.id"
        with self._open() as connection:
            if term is None:
                row = connection.execute(f"{chunks} WHERE {IN_SCOPE}", owned).fetchone()
            else:
                row = connection.execute(
                    f"{chunks}{words} WHERE {IN_SCOPE} AND chunk_words MATCH ?", (*owned, term)
                ).fetchone()
            return int(row[0])

    def holds(self, key: Key, term: str) -> bool:
        """Whether this chunk, title and headings included, holds the term."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT chunks.id FROM chunks JOIN pages ON pages.id = chunks.page"
                " WHERE document_id = ? AND number = ?",
                key,
            ).fetchone()
            found = (
                row
                and connection.execute(
                    "SELECT 1 FROM chunk_words WHERE chunk_words MATCH ? AND rowid = ?",
                    (term, row[0]),
                ).fetchone()
            )
            return bool(found)


def add_page(connection: sqlite3.Connection, entry: Entry) -> None:
    scope = entry.scope
    page = connection.execute(
        "INSERT INTO pages (document_id, owner, project, collection, vectors)"
        " VALUES (?, ?, ?, ?, ?)",
        (entry.document_id, scope.owner, scope.project, scope.collection, NO_VECTORS),
    ).lastrowid
    words = indexable(f"{entry.title}\n{entry.text}")
    connection.execute("INSERT INTO page_words (rowid, text) VALUES (?, ?)", (page, words))
    for number, chunk in enumerate(entry.chunks):
        row = connection.execute(
            "INSERT INTO chunks (page, number, heading, start, stop) VALUES (?, ?, ?, ?, ?)",
            (page, number, chunk.heading, chunk.start, chunk.end),
        ).lastrowid
        connection.execute(
            "INSERT INTO chunk_words (rowid, text) VALUES (?, ?)",
            (row, indexable(entry.passage(chunk))),
        )


def remove_page(connection: sqlite3.Connection, document_id: str) -> None:
    found = connection.execute("SELECT id FROM pages WHERE document_id = ?", (document_id,))
    for (page,) in found.fetchall():
        rows = connection.execute("SELECT id FROM chunks WHERE page = ?", (page,)).fetchall()
        connection.executemany("DELETE FROM chunk_words WHERE rowid = ?", rows)
        connection.execute("DELETE FROM chunks WHERE page = ?", (page,))
        connection.execute("DELETE FROM page_words WHERE rowid = ?", (page,))
        connection.execute("DELETE FROM pages WHERE id = ?", (page,))


def read_chunk(connection: sqlite3.Connection, key: Key) -> Chunk | None:
    row = connection.execute(
        "SELECT heading, start, stop FROM chunks JOIN pages ON pages.id = chunks.page"
        " WHERE document_id = ? AND number = ?",
        key,
    ).fetchone()
    return Chunk(*row) if row else None
