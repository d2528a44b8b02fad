"""The library: documents in, cited passages out.

A hit whose document is not in the caller's records is dropped, so that no index can show what
was deleted or belongs to somebody else. How the records and the indexes keep in step is in
`knowledge.shelf`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from core.errors import RequestRefused, not_found
from core.identity import Caller
from core.names import check_name
from core.records import tables
from core.records.database import Database
from core.records.queries import owned
from core.storage import Storage
from knowledge import builtin, ranking
from knowledge.builtin import HELP, SYSTEM
from knowledge.embedder import Embeds, Vectors
from knowledge.ingest import read_folder, read_upload
from knowledge.passages import Chunk, Key, Passage, Scope
from knowledge.shelf import MIN_KNOWN, Shelf
from knowledge.words import terms as terms_of
from knowledge.words import without_seams

DOCS = "docs"

POOL = 100
"""Hits of each ranking that are fused."""
MAX_PASSAGES = 50
MAX_QUERY = 2_000
MAX_SHOWN = 50
"""Sources named in a result."""
TOP = 3
"""Passages that together should answer the question."""
ANSWERABLE = 1.1
"""Least evidence of an answer, 0 to 3 (measured, see Search in benchmarks/README.md)."""
COVERED = 0.6
"""Least coverage where there are only words to go by."""
HELP_COVERED = 0.45
"""The same for the Chinese help, which is small and written to be asked (measured likewise)."""


@dataclass(frozen=True)
class Findings:
    query: str
    collection: str
    """Where it was looked for in the end."""
    answerable: bool
    """Whether the passages are likely to hold the answer."""
    passages: list[Passage]

    def as_dict(self) -> dict[str, Any]:
        return {
            "query": self.query,
            "collection": self.collection,
            "answerable": self.answerable,
            "passages": [passage.as_dict() for passage in self.passages],
        }


class Library:
    """Everybody's documents; each question names who asks."""

    def __init__(self, database: Database, storage: Storage, embed: Embeds) -> None:
        self.database = database
        self.embed = embed
        self.shelf = Shelf(database, storage.home / "index", embed)

    # documents

    def add(
        self, caller: Caller, file_path: Path, filename: str, collection: str = DOCS
    ) -> dict[str, Any]:
        """Take in a document or a zip of them, and make it searchable.

        The same source again replaces the one before; unchanged, it is left alone.

        Returns:
            collection, documents (in the upload), chunks, added, replaced, unchanged, skipped
            ([{"source", "reason"}]) and vectors: `ready`, or `in progress` for a large upload,
            which until then is found by its words.

        Raises:
            RequestRefused: Nothing in it can be read, or the archive is unsafe.
        """
        scope = Scope.of(caller, writable(collection))
        upload = read_upload(file_path, filename)
        counts = self.shelf.put(scope, upload.sources)
        return {"collection": collection, **counts._asdict(), "skipped": upload.skipped}

    def add_folder(self, caller: Caller, folder: Path, collection: str) -> dict[str, Any]:
        """Make a collection the same as a folder of ours; quick where nothing has changed.

        Meant for the start: `repair` comes first. The collection `help` belongs to Thimble,
        whoever calls.
        """
        self.repair()
        owner = SYSTEM if builtin.is_help(collection) else caller
        sources = list(read_folder(folder))
        counts = self.shelf.put(Scope.of(owner, collection), sources, wait=True)
        names = {source.source for source in sources}
        gone = [one for one in self.documents(owner, collection) if one["source"] not in names]
        self.shelf.take_away(Scope.of(owner, collection), [one["id"] for one in gone])
        return {"collection": collection, **counts._asdict(), "removed": len(gone)}

    def document(self, caller: Caller, document_id: str) -> tables.Document:
        """The document of a citation, its text included: one's own, or a page of the help."""
        with self.database.read() as session:
            for reader in (caller, SYSTEM):
                wanted = owned(tables.Document, reader)
                row = session.scalar(wanted.where(tables.Document.id == document_id))
                if row is not None:
                    return row
        raise not_found("document", document_id, [])

    def documents(self, caller: Caller, collection: str) -> list[dict[str, Any]]:
        """id, source, title and chunks of each document, oldest first."""
        table = tables.Document
        columns = (table.id, table.source, table.title, table.chunks)
        wanted = owned(table, caller).with_only_columns(*columns)
        with self.database.read() as session:
            rows = session.execute(wanted.where(table.collection == collection))
            return [dict(row._mapping) for row in rows]

    def collections(self, caller: Caller) -> dict[str, int]:
        """The caller's collections and how many documents each holds."""
        table = tables.Document
        wanted = (
            select(table.collection, func.count())
            .where(table.owner == caller.user, table.project == caller.project)
            .group_by(table.collection)
            .order_by(table.collection)
        )
        with self.database.read() as session:
            return {name: number for name, number in session.execute(wanted)}  # noqa: C416

    def chosen(self, caller: Caller, collection: str, source: str = "") -> dict[str, Any]:
        """What `delete` would remove. Raises RequestRefused where there is nothing to."""
        known = list(self.collections(caller))
        if writable(collection) not in known:
            raise not_found("collection", collection, known)
        documents = self.documents(caller, collection)
        found = chosen_of(documents, source)
        if not found:
            raise not_found("source", source, [document["source"] for document in documents])
        return summary(collection, found)

    def delete(self, caller: Caller, collection: str, source: str = "") -> dict[str, Any]:
        """Remove a collection, or one document of it; says what is gone.

        What is gone already is no error, so that doing it twice is the same as once.
        """
        found = chosen_of(self.documents(caller, writable(collection)), source)
        self.shelf.take_away(Scope.of(caller, collection), [document["id"] for document in found])
        return summary(collection, found)

    # the indexes

    def repair(self) -> None:
        """Bring the indexes in step with the records; quick where nothing is wrong."""
        self.shelf.repair()

    def rebuild(self) -> None:
        """Throw the indexes away and make them again from the records."""
        self.shelf.rebuild()

    def ready(self) -> bool:
        """Whether the built-in help can be searched, in every language."""
        scopes = [Scope.of(SYSTEM, collection) for collection in builtin.COLLECTIONS.values()]
        return all(self.shelf.words.count(scope) > 0 for scope in scopes)

    def close(self) -> None:
        """Stop making vectors, which go on at the next start, and close the files."""
        self.shelf.close()

    # questions

    def answer(self, caller: Caller, query: str, collection: str = DOCS, k: int = 10) -> Findings:
        """The passages for a question, and whether they are likely to answer it.

        Who asks in `docs` and has nothing there that answers gets the built-in help, when that
        answers; `collection` in the result says where the passages are from.
        """
        known = self.collections(caller)
        if collection not in (DOCS, HELP) and collection not in known:
            raise not_found("collection", collection, [*known, HELP])
        found = self.find(caller, query, collection, k)
        if collection != DOCS or found.answerable:
            return found
        helped = self.find(caller, query, HELP, k)
        return helped if helped.answerable or DOCS not in known else found

    def find(self, caller: Caller, query: str, collection: str, k: int) -> Findings:
        passages = self.search(caller, query, collection, k)
        return Findings(query, collection, self.answerable(caller, query, passages), passages)

    def search(
        self, caller: Caller, query: str, collection: str = DOCS, k: int = 10
    ) -> list[Passage]:
        """At most k passages, best first; none where the collection is empty.

        Words in whole documents, words in chunks and vectors of chunks each rank them; the three
        rankings are fused by rank.

        Raises:
            RequestRefused: The query is blank or too long, or k is not 1 to 50.
        """
        check_question(query, k)
        reader, scope = read_as(caller, collection, query)
        cosines = self._nearest(scope, query)
        scores = self._fused(scope, terms_of(query), list(cosines))
        if builtin.is_help(scope.collection) and not builtin.names_code(query):
            scores = self._behind(scope, scores)
        return self._passages(reader, scores, cosines)[:k]

    def answerable(self, caller: Caller, query: str, passages: Sequence[Passage]) -> bool:
        """Whether the passages are likely to answer the question, by meaning and by words; by
        words alone where the encoder does not know the language."""
        if not any(passage.cosine is not None for passage in passages):
            helped = any(builtin.is_help(passage.collection) for passage in passages)
            least = HELP_COVERED if helped else COVERED
            return self.coverage(caller, query, passages) >= least
        return self.evidence(caller, query, passages) >= ANSWERABLE

    def evidence(self, caller: Caller, query: str, passages: Sequence[Passage]) -> float:
        """How much speaks for an answer in the passages: 0 (nothing) to 3.

        Twice the best cosine, and the share of the question's telling words (by IDF) that the
        first passages hold; of the weights 0.5 to 4, 2 told answerable questions apart best.
        """
        cosines = [passage.cosine for passage in passages if passage.cosine is not None]
        return 2 * max([0.0, *cosines]) + self.coverage(caller, query, passages)

    def coverage(self, caller: Caller, query: str, passages: Sequence[Passage]) -> float:
        """Share, 0 to 1, of the query's IDF weight that the first passages hold together."""
        if not passages:
            return 0.0
        words = self.shelf.words
        _, scope = read_as(caller, passages[0].collection, query)
        whole = words.count(scope)
        counts = {term: words.count(scope, term) for term in terms_of(query)}
        weights = {t: ranking.idf(whole, counts[t]) for t in without_seams(counts)}
        keys = [Key(passage.document_id, passage.number) for passage in passages[:TOP]]
        held = [term for term in weights if any(words.holds(key, term) for key in keys)]
        return ranking.coverage(weights, held)

    def _nearest(self, scope: Scope, query: str) -> dict[Key, float]:
        """Chunk to cosine, nearest first; nothing where the encoder does not know the words."""
        unread = scope.collection in builtin.WORDS_ONLY
        if unread or self.embed.known_share(query) < MIN_KNOWN:
            return {}
        vector: Vectors = self.embed.embed([query])[0]
        return dict(self.shelf.vectors.rank(scope, vector, POOL))

    def _fused(self, scope: Scope, terms: Sequence[str], near: Sequence[Key]) -> dict[Key, float]:
        """Chunk to score, best first. A chunk has its document's rank beside its own two."""
        words = self.shelf.words
        by_words = words.rank_chunks(scope, terms, POOL)
        documents = ranking.reciprocal(words.rank_documents(scope, terms, POOL))
        by_document = {
            key: documents[key.document_id]
            for key in (*by_words, *near)
            if key.document_id in documents
        }
        rankings = [ranking.reciprocal(by_words), by_document]
        if near:
            rankings.append(ranking.reciprocal(near))
        return ranking.fuse(rankings)

    def _behind(self, scope: Scope, scores: dict[Key, float]) -> dict[Key, float]:
        """The scores with the list of error codes behind the pages that explain."""
        pages = self.documents(SYSTEM, scope.collection)
        listing = {one["id"] for one in pages if one["source"] == builtin.CODES_PAGE}
        lowered = {
            key: score * (builtin.CODES_BEHIND if key.document_id in listing else 1.0)
            for key, score in scores.items()
        }
        return dict(sorted(lowered.items(), key=lambda pair: -pair[1]))

    def _passages(
        self, reader: Caller, scores: dict[Key, float], cosines: dict[Key, float]
    ) -> list[Passage]:
        best = list(scores)[: 2 * MAX_PASSAGES]
        chunks = self.shelf.words.chunks(best)
        documents = self._rows(reader, {key.document_id for key in chunks})
        return [
            cited(documents[key.document_id], key, chunks[key], scores[key], cosines.get(key))
            for key in best
            if key in chunks and key.document_id in documents
        ]

    def _rows(self, reader: Caller, ids: set[str]) -> dict[str, tables.Document]:
        wanted = owned(tables.Document, reader).where(tables.Document.id.in_(ids))
        with self.database.read() as session:
            return {row.id: row for row in session.scalars(wanted)}


def read_as(caller: Caller, collection: str, query: str) -> tuple[Caller, Scope]:
    """Whose documents a question is looked for in, and where: of the help, the pages in the
    question's language."""
    if builtin.is_help(collection):
        return SYSTEM, Scope.of(SYSTEM, builtin.collection_for(query))
    return caller, Scope.of(caller, collection)


def cited(
    document: tables.Document, key: Key, chunk: Chunk, score: float, cosine: float | None
) -> Passage:
    text, helped = document.text[chunk.start : chunk.end], builtin.is_help(document.collection)
    return Passage(
        source=document.source,
        title=document.title,
        heading=chunk.heading,
        start=chunk.start,
        end=chunk.end,
        text=builtin.readable(text).strip() if helped else text,
        score=score,
        document_id=document.id,
        collection=HELP if helped else document.collection,
        cosine=cosine,
        number=key.number,
        page=builtin.address_of(document.collection, document.source) if helped else "",
    )


def chosen_of(documents: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """All of them, or the one from a source."""
    return [one for one in documents if not source or one["source"] == source]


def summary(collection: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "collection": collection,
        "documents": len(documents),
        "chunks": sum(one["chunks"] for one in documents),
        "sources": [one["source"] for one in documents[:MAX_SHOWN]],
    }


def writable(collection: str) -> str:
    """The name itself, when a caller may keep documents under it."""
    if check_name(collection, "collection") == HELP:
        raise RequestRefused(
            "The collection 'help' is Thimble's own and cannot be changed.",
            code="bad_name",
            param="collection",
            fix="Use another name, such as 'docs'.",
        )
    return collection


def check_question(query: str, k: int) -> None:
    if not query.strip():
        raise RequestRefused(
            "The question is empty.", code="missing_argument", param="query", fix="Ask something."
        )
    if len(query) > MAX_QUERY:
        raise RequestRefused(
            f"The question has {len(query):,} characters.",
            code="too_long",
            param="query",
            fix=f"Ask in at most {MAX_QUERY:,}.",
        )
    if not 1 <= k <= MAX_PASSAGES:
        raise RequestRefused(
            f"k={k} is out of range.",
            code="invalid_argument",
            param="k",
            fix=f"Ask for 1 to {MAX_PASSAGES} passages.",
        )
