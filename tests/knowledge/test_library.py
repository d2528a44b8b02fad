from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import RequestRefused
from core.identity import Caller
from knowledge.builtin import COLLECTIONS, HELP
from knowledge.search import Library
from tests.knowledge.conftest import MINE, zipped

Write = Callable[[str | bytes], Path]

CARDS = """# Cards

About cards.

## Delivery

A card arrives within five days.

## Loss

Block a lost card.
"""
LOANS = "# Loans\n\n## Rates\n\nThe interest rate of a loan is fixed for a year.\n"
BOTH = {"cards.md": CARDS, "guide/loans.md": LOANS}


def add(library: Library, path: Path, name: str = "docs.zip", caller: Caller = MINE) -> None:
    library.add(caller, path, name)


def test_a_zip_of_documents_is_counted_and_found(library: Library, file_of: Write) -> None:
    report = library.add(MINE, file_of(zipped({**BOTH, "logo.png": "x"})), "docs.zip")

    assert {name: report[name] for name in ("documents", "chunks", "added", "vectors")} == {
        "documents": 2,
        "chunks": 4,
        "added": 2,
        "vectors": "ready",
    }
    assert [one["source"] for one in report["skipped"]] == ["logo.png"]
    best = library.search(MINE, "how long until my card arrives?")[0]
    assert (best.source, best.title, best.heading) == ("cards.md", "Cards", "Delivery")
    assert best.text == "A card arrives within five days."


def test_a_citation_opens_the_very_passage(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))

    for passage in library.search(MINE, "interest rate of a card"):
        document = library.document(MINE, passage.document_id)
        assert document.text[passage.start : passage.end] == passage.text
        assert document.source == passage.source


def test_passages_come_best_first_and_no_more_than_asked(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))

    found = library.search(MINE, "card", k=2)

    assert len(found) == 2
    assert 1.0 >= found[0].score >= found[1].score > 0.0


def test_the_same_upload_again_changes_nothing(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))
    before = library.documents(MINE, "docs")

    report = library.add(MINE, file_of(zipped(BOTH)), "docs.zip")

    assert (report["unchanged"], report["added"], report["chunks"]) == (2, 0, 4)
    assert library.documents(MINE, "docs") == before


def test_a_changed_document_replaces_the_one_before(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))

    report = library.add(MINE, file_of("# Cards\n\nCards are gone; pay by phone.\n"), "cards.md")

    assert (report["replaced"], report["added"]) == (1, 0)
    texts = [one.text for one in library.search(MINE, "card arrives within days")]
    assert "Cards are gone; pay by phone." in texts
    assert not any("five days" in text for text in texts)


def test_another_owner_or_project_finds_and_opens_nothing(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))
    document_id = library.search(MINE, "card")[0].document_id

    for stranger in (Caller(user="eve"), replace(MINE, project="other")):
        assert library.search(stranger, "card") == []
        assert library.collections(stranger) == {}
        with pytest.raises(RequestRefused, match="no document"):
            library.document(stranger, document_id)
        assert library.delete(stranger, "docs")["documents"] == 0
    assert library.search(MINE, "card")


def test_two_owners_keep_the_same_source_apart(library: Library, file_of: Write) -> None:
    eve = Caller(user="eve")
    add(library, file_of("# A\n\nAda's card secret."), "a.md")
    add(library, file_of("# A\n\nEve's card secret."), "a.md", eve)

    assert [one.text for one in library.search(eve, "card secret")] == ["Eve's card secret."]


def test_collections_are_searched_apart(library: Library, file_of: Write) -> None:
    library.add(MINE, file_of("# A\n\nred apples"), "a.md", "fruit")
    library.add(MINE, file_of("# B\n\nred bricks"), "b.md", "stones")

    assert [one.source for one in library.search(MINE, "red", "fruit")] == ["a.md"]
    assert library.collections(MINE) == {"fruit": 1, "stones": 1}


def test_chinese_is_found_by_its_words_and_gets_no_vector(library: Library, file_of: Write) -> None:
    texts = {
        "停止.md": "# 停止\n\n停止训练以后，检查点仍然保留。",
        "继续.md": "# 继续\n\n继续训练从最新的检查点开始。",
    }
    add(library, file_of(zipped(texts)))

    found = library.find(MINE, "怎么停止训练？", "docs", 5)

    assert found.passages[0].source == "停止.md"
    assert found.passages[0].cosine is None
    assert found.answerable
    assert library.shelf.vectors.count() == 0
    assert library.search(MINE, "停")[0].source == "停止.md"


def test_a_question_about_something_else_is_not_answerable(
    library: Library, file_of: Write
) -> None:
    add(library, file_of(zipped(BOTH)))

    assert library.find(MINE, "When does a card arrive?", "docs", 5).answerable
    assert not library.find(MINE, "Who painted Guernica in Paris?", "docs", 5).answerable


@pytest.mark.parametrize(
    "query",
    ['"', "AND OR NOT", "NEAR(a b)", "card*", "title:card", "a'; DROP TABLE pages; --", "^"],
)
def test_the_words_of_a_question_are_never_read_as_operators(
    query: str, library: Library, file_of: Write
) -> None:
    add(library, file_of(zipped(BOTH)))

    library.search(MINE, query)

    assert library.search(MINE, "lost card")[0].heading == "Loss"


@pytest.mark.parametrize(
    ("query", "k", "param"),
    [("  ", 5, "query"), ("x" * 2_001, 5, "query"), ("a", 0, "k"), ("a", 51, "k")],
)
def test_a_question_out_of_range_is_refused(
    query: str, k: int, param: str, library: Library
) -> None:
    with pytest.raises(RequestRefused) as refusal:
        library.search(MINE, query, k=k)
    assert refusal.value.param == param


def test_deleted_documents_are_not_found_any_more(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))

    gone = library.delete(MINE, "docs", "cards.md")

    assert gone == {"collection": "docs", "documents": 1, "chunks": 3, "sources": ["cards.md"]}
    assert {one.source for one in library.search(MINE, "card loan rate")} == {"guide/loans.md"}
    assert library.delete(MINE, "docs")["documents"] == 1
    assert library.search(MINE, "card loan rate") == []
    assert library.shelf.vectors.count() == 0


def test_what_is_to_be_deleted_is_named_before(library: Library, file_of: Write) -> None:
    add(library, file_of(zipped(BOTH)))

    assert library.chosen(MINE, "docs")["documents"] == 2
    with pytest.raises(RequestRefused, match=r"no source 'x.md'.*cards.md"):
        library.chosen(MINE, "docs", "x.md")
    with pytest.raises(RequestRefused, match=r"no collection 'doc'.*docs"):
        library.chosen(MINE, "doc")


def test_the_help_can_be_read_by_all_and_changed_by_none(
    library: Library, file_of: Write, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "start.md").write_text("# Start\n\nDrop a file into the chat.\n")
    library.add_folder(Caller(user="whoever"), pages, HELP)
    assert not library.ready()
    library.add_folder(Caller(user="whoever"), pages, COLLECTIONS["zh"])

    found = library.search(MINE, "where do I drop a file?", HELP)

    assert found[0].source == "start.md"
    assert library.document(MINE, found[0].document_id).title == "Start"
    assert library.ready()
    for change in (
        lambda: library.add(MINE, file_of("# X\n\ny"), "x.md", HELP),
        lambda: library.delete(MINE, HELP),
        lambda: library.chosen(MINE, HELP),
    ):
        with pytest.raises(RequestRefused, match="Thimble's own"):
            change()


def test_the_help_follows_its_folder(library: Library, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.md").write_text("# A\n\nfirst\n")
    (pages / "b.md").write_text("# B\n\nsecond\n")
    library.add_folder(MINE, pages, HELP)
    (pages / "a.md").unlink()
    (pages / "b.md").write_text("# B\n\nthird\n")

    report = library.add_folder(MINE, pages, HELP)

    assert (report["removed"], report["replaced"]) == (1, 1)
    assert [one.text for one in library.search(MINE, "first second third", HELP)] == ["third"]


def test_who_has_no_documents_is_answered_from_the_help(
    library: Library, file_of: Write, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "start.md").write_text("# Start\n\nDrop a file into the chat window.\n")
    library.add_folder(MINE, pages, HELP)

    assert library.answer(MINE, "drop a file into the chat window").collection == HELP
    add(library, file_of(zipped(BOTH)))
    assert library.answer(MINE, "When does a card arrive?").collection == "docs"
    assert library.answer(MINE, "drop a file into the chat window").collection == HELP
    assert library.answer(MINE, "Guernica?").collection == "docs"


def test_an_unknown_collection_is_refused_naming_the_known(library: Library) -> None:
    with pytest.raises(RequestRefused, match=r"no collection 'dcos'.*help"):
        library.answer(MINE, "card", "dcos")


@pytest.mark.parametrize("collection", ["", "../x", "Docs", "a b", "x" * 65])
def test_a_collection_has_a_plain_name(collection: str, library: Library, file_of: Write) -> None:
    with pytest.raises(RequestRefused) as refusal:
        library.add(MINE, file_of("# T\n\ntext"), "a.md", collection)
    assert refusal.value.param == "collection"
    assert library.collections(MINE) == {}


def test_the_help_answers_in_the_language_of_the_question(library: Library, tmp_path: Path) -> None:
    texts = {
        HELP: "# Stop\n\nStop the endpoint.\n",
        f"{HELP}/zh": "# 停止\n\n停止端点 endpoint。\n",
    }
    for collection, text in texts.items():
        folder = tmp_path / collection
        folder.mkdir()
        (folder / "stop.md").write_text(text, "utf-8")
        library.add_folder(MINE, folder, collection)
        (folder / "stop.md").unlink()

    english = library.answer(MINE, "stop the endpoint", HELP)
    chinese = library.answer(MINE, "怎么停止 endpoint？", HELP)

    assert [one.text for one in english.passages] == ["Stop the endpoint."]
    assert [one.text for one in chinese.passages] == ["停止端点 endpoint。"]
    assert english.answerable
    assert chinese.answerable
    assert {one.collection for one in (*english.passages, *chinese.passages)} == {HELP}
    with pytest.raises(RequestRefused, match="no collection"):
        library.answer(MINE, "停止", COLLECTIONS["zh"])
