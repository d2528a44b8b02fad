"""What a crash between two writes leaves is put right at the next start."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete

from core.records import tables
from core.records.database import Database
from core.storage import Storage
from knowledge import shelf
from knowledge.fts import Entry
from knowledge.passages import Chunk, Passage, Scope
from knowledge.search import Library
from tests.knowledge.conftest import MINE, zipped
from tests.small_embedder import SmallEmbedder

Write = Callable[[str | bytes], Path]

TEXTS = {
    "a.md": "# A\n\nred apples\n\n## More\n\ngreen pears\n",
    "b.rst": "B\n=\n\nblue\n\nSub\n---\n\nbricks\n",
    "c.html": "<h1>C</h1><p>yellow sand</p><h2>D</h2><p>white stone</p>",
}
QUESTIONS = ("red apples", "green pears", "bricks", "white stone", "yellow")


@pytest.fixture
def filled(library: Library, file_of: Write) -> Library:
    library.add(MINE, file_of(zipped(TEXTS)), "docs.zip")
    return library


def answers(library: Library) -> list[list[tuple[str, str, int, int, str, float]]]:
    """What is found for each question, the best first and the others in any order: the last bits
    of a cosine depend on what else was embedded with it."""
    found = [[seen(passage) for passage in library.search(MINE, one)] for one in QUESTIONS]
    return [[best, *sorted(others)] for best, *others in found]


def seen(one: Passage) -> tuple[str, str, int, int, str, float]:
    assert one.cosine is not None
    return (one.source, one.heading, one.start, one.end, one.text, round(one.cosine, 4))


def reopened(library: Library, storage: Storage, embedder: SmallEmbedder) -> Library:
    """A new process on the same home."""
    library.close()
    fresh = Library(library.database, storage, embedder)
    fresh.repair()
    fresh.shelf.finish()
    return fresh


def test_the_indexes_can_be_made_again_from_the_records(filled: Library) -> None:
    before = answers(filled)

    filled.rebuild()

    assert answers(filled) == before


def test_a_lost_or_broken_index_folder_is_made_again(
    filled: Library, storage: Storage, embedder: SmallEmbedder
) -> None:
    before = answers(filled)
    filled.close()
    (storage.home / "index" / "words.sqlite").unlink()
    (storage.home / "index" / "index.json").unlink()

    fresh = reopened(filled, storage, embedder)

    assert answers(fresh) == before
    fresh.close()


@pytest.mark.parametrize("name", ["words.sqlite", "vectors-*/chroma.sqlite3"])
def test_an_index_that_cannot_be_read_is_made_again(
    name: str, filled: Library, storage: Storage, embedder: SmallEmbedder
) -> None:
    before = answers(filled)
    filled.close()
    (broken,) = (storage.home / "index").glob(name)
    broken.write_bytes(b"garbage" * 1_000)

    fresh = reopened(filled, storage, embedder)

    assert answers(fresh) == before
    fresh.close()


def test_lost_vectors_are_made_again(
    filled: Library, storage: Storage, embedder: SmallEmbedder
) -> None:
    before = answers(filled)
    filled.shelf.vectors.clear()

    fresh = reopened(filled, storage, embedder)

    assert answers(fresh) == before
    fresh.close()


def test_another_embedder_gets_vectors_of_its_own(filled: Library, storage: Storage) -> None:
    other = SmallEmbedder("another")

    fresh = reopened(filled, storage, other)

    assert any("red apples" in text for text in other.embedded)
    assert fresh.search(MINE, "red apples")[0].source == "a.md"
    fresh.close()


def test_a_start_with_nothing_wrong_embeds_nothing(filled: Library, storage: Storage) -> None:
    embedder = SmallEmbedder()

    fresh = reopened(filled, storage, embedder)

    assert embedder.embedded == []
    fresh.close()


def test_words_without_a_record_are_never_found_and_swept(
    filled: Library, storage: Storage, embedder: SmallEmbedder
) -> None:
    text = "purple apples"
    orphan = Entry("document_99", Scope.of(MINE, "docs"), "X", text, [Chunk("X", 0, len(text))])
    filled.shelf.words.add([orphan])

    assert all(p.document_id != "document_99" for p in filled.search(MINE, "purple apples"))
    fresh = reopened(filled, storage, embedder)
    assert not fresh.shelf.words.has("document_99")
    fresh.close()


def test_a_record_deleted_before_its_index_is_gone_at_once(
    filled: Library, database: Database, storage: Storage, embedder: SmallEmbedder
) -> None:
    with database.write() as session:
        session.execute(delete(tables.Document).where(tables.Document.source == "a.md"))

    assert all(p.source != "a.md" for p in filled.search(MINE, "red apples"))
    fresh = reopened(filled, storage, embedder)
    assert fresh.shelf.vectors.count() == sum(fresh.shelf.words.documents().values()) == 4
    fresh.close()


def test_vectors_that_were_not_made_are_made_at_the_next_start(
    filled: Library, storage: Storage, embedder: SmallEmbedder
) -> None:
    before = answers(filled)
    gone = filled.documents(MINE, "docs")[0]["id"]
    filled.shelf.vectors.remove([gone])
    filled.shelf.words.set_vectors(gone, shelf.NO_VECTORS)
    assert filled.search(MINE, "red apples")[0].source == "a.md"

    fresh = reopened(filled, storage, embedder)

    assert answers(fresh) == before
    fresh.close()


def test_a_large_upload_returns_before_its_vectors_are_made(
    library: Library, file_of: Write
) -> None:
    many = "".join(f"## Part {number}\n\ntext {number}\n" for number in range(400))

    report = library.add(MINE, file_of("# Many\n" + many), "many.md")

    assert report["chunks"] == 400
    assert report["vectors"] == "in progress"
    assert library.search(MINE, "part 7 text 7")[0].heading == "Part 7"
    library.shelf.finish()
    assert library.shelf.waiting() == []
    assert library.shelf.vectors.count() == 400


def test_a_document_deleted_while_its_vectors_are_made_does_not_come_back(
    filled: Library,
) -> None:
    entries = filled.shelf.stored([one["id"] for one in filled.documents(MINE, "docs")])
    filled.delete(MINE, "docs")

    filled.shelf.make_vectors(entries)

    assert filled.shelf.vectors.count() == 0
