"""The vector index: Chroma in a folder of its own. The only module that knows Chroma.

Chroma is given our vectors and keeps no texts; it calls nobody (its telemetry is off, and its
default embedding function, which would download a model, is never used).
"""

import secrets
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import ServiceFailed
from knowledge.embedder import Vectors
from knowledge.passages import Key, Scope

FOLDER = "vectors"
BATCH = 1_000
"""Vectors a call; Chroma's own limit is 5,461."""


class VectorIndex:
    """Opened at the first use: importing and opening Chroma takes a second.

    Every method raises ServiceFailed where Chroma fails.
    """

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self._opening = threading.Lock()
        self._client: Any = None
        self._opened: Any = None

    @property
    def _passages(self) -> Any:
        with self._opening:
            if self._opened is None:
                self._open()
            return self._opened

    def _open(self) -> None:
        import chromadb
        from chromadb.config import Settings

        folders = sorted(self.parent.glob(f"{FOLDER}*"))
        # A new name each time: Chroma remembers, by path, that it once failed to open a folder.
        folder = folders[0] if folders else self.parent / f"{FOLDER}-{secrets.token_hex(4)}"
        self._client = chromadb.PersistentClient(
            path=str(folder), settings=Settings(anonymized_telemetry=False)
        )
        self._opened = self._client.get_or_create_collection(
            "passages", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def add(self, scope: Scope, document_id: str, numbers: Sequence[int], vectors: Vectors) -> None:
        """Put vectors of a document's chunks in; those that are there already are replaced."""
        for first in range(0, len(numbers), BATCH):
            batch = numbers[first : first + BATCH]
            with chroma_failures():
                self._passages.upsert(
                    ids=[f"{document_id}:{number}" for number in batch],
                    embeddings=vectors[first : first + BATCH],
                    metadatas=[stamped(scope, document_id) for _ in batch],
                )

    def remove(self, document_ids: Sequence[str]) -> None:
        with chroma_failures():
            for document_id in document_ids:
                self._passages.delete(where={"document_id": document_id})

    def rank(self, scope: Scope, vector: Vectors, limit: int) -> list[tuple[Key, float]]:
        """(chunk, cosine) of the nearest chunks in the collection, nearest first."""
        with chroma_failures():
            found = self._passages.query(
                query_embeddings=[vector],
                n_results=limit,
                where=in_scope(scope),
                include=["distances"],
            )
        return [
            (key_of(identifier), 1.0 - float(distance))
            for identifier, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def count(self) -> int:
        """All vectors, of all owners."""
        with chroma_failures():
            return int(self._passages.count())

    def clear(self) -> None:
        """Remove all of it, also a folder that Chroma can no longer open."""
        self.close()
        for folder in self.parent.glob(f"{FOLDER}*"):
            shutil.rmtree(folder)

    def close(self) -> None:
        with self._opening:
            if self._client is not None:
                self._client.close()
            self._client = self._opened = None


@contextmanager
def chroma_failures() -> Iterator[None]:
    from chromadb.errors import ChromaError

    try:
        yield
    except ChromaError as error:
        raise ServiceFailed(
            f"The search index cannot be used ({type(error).__name__}).",
            code="index_broken",
            fix="Restart Thimble: the index is made again from the records.",
        ) from error


def stamped(scope: Scope, document_id: str) -> dict[str, str]:
    return {
        "owner": scope.owner,
        "project": scope.project,
        "collection": scope.collection,
        "document_id": document_id,
    }


def in_scope(scope: Scope) -> dict[str, Any]:
    return {
        "$and": [
            {"owner": scope.owner},
            {"project": scope.project},
            {"collection": scope.collection},
        ]
    }


def key_of(identifier: str) -> Key:
    document_id, _, number = identifier.rpartition(":")
    return Key(document_id, int(number))
