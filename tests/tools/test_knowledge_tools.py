"""The tools for documents, through the one door."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import knowledge
from core.errors import RequestRefused
from core.identity import ALL_SCOPES, Caller
from knowledge.search import HELP, Library
from tests.knowledge.conftest import zipped
from tests.small_embedder import SmallEmbedder
from tools import base

OWNER = Caller(scopes=ALL_SCOPES)
DOCUMENTS = {"cards.md": "# Cards\n\nA card arrives within five days.\n", "logo.png": "x"}


@pytest.fixture
def ctx(house: base.House) -> Iterator[base.ToolContext]:
    library = Library(house.database, house.storage, SmallEmbedder())
    library.add_folder(OWNER, Path(knowledge.__file__).parent / "docs" / "en", HELP)
    yield base.ToolContext(dataclasses.replace(house, library=library), OWNER)
    library.close()


def result(ctx: base.ToolContext, name: str, **arguments: Any) -> dict[str, Any]:
    outcome = base.call(ctx, name, arguments)
    assert outcome.result is not None
    return outcome.result


def upload(ctx: base.ToolContext, name: str, content: bytes) -> str:
    return ctx.house.files.save(ctx.caller, name, [content]).id


def test_an_uploaded_zip_can_be_asked_about(ctx: base.ToolContext) -> None:
    added = result(ctx, "add_documents", file_id=upload(ctx, "docs.zip", zipped(DOCUMENTS)))
    found = result(ctx, "search_docs", query="When does a card arrive?", k=3)

    assert (added["documents"], added["chunks"]) == (1, 1)
    assert added["skipped"][0]["source"] == "logo.png"
    assert (found["collection"], found["answerable"]) == ("docs", True)
    assert set(found["passages"][0]) == {
        "source", "title", "heading", "start", "end", "text", "score", "document_id", "collection",
        "address",
    }  # fmt: skip
    assert found["passages"][0]["text"] == "A card arrives within five days."


def test_without_documents_the_help_answers(ctx: base.ToolContext) -> None:
    found = result(ctx, "search_docs", query="How do I format data for fine-tuning?")

    assert found["collection"] == HELP
    assert found["passages"][0]["source"] == "data-formats.md"


def test_deleting_waits_for_approval_and_says_what_would_be_gone(ctx: base.ToolContext) -> None:
    result(ctx, "add_documents", file_id=upload(ctx, "docs.zip", zipped(DOCUMENTS)))

    asked = base.call(ctx, "delete_documents", {"collection": "docs"}).approval

    assert asked is not None
    assert asked["quote"]["documents"] == 1
    assert ctx.house.library.collections(OWNER) == {"docs": 1}
    decided = base.decide(ctx, asked["id"], "approve")
    assert (decided["state"], decided["result"]["sources"]) == ("done", ["cards.md"])
    assert ctx.house.library.collections(OWNER) == {}


@pytest.mark.parametrize(
    ("name", "arguments", "param"),
    [
        ("add_documents", {"file_id": "file-none"}, "file"),
        ("search_docs", {"query": ""}, "query"),
        ("search_docs", {"query": "a", "k": 10**9}, "k"),
        ("search_docs", {"query": "a", "collection": "nowhere"}, "collection"),
        ("delete_documents", {"collection": "nowhere"}, "collection"),
        ("delete_documents", {"collection": HELP}, "collection"),
    ],
)
def test_bad_arguments_are_refused_and_named(
    name: str, arguments: dict[str, Any], param: str, ctx: base.ToolContext
) -> None:
    with pytest.raises(RequestRefused) as refusal:
        base.call(ctx, name, arguments)
    assert refusal.value.param == param


def test_another_users_upload_cannot_be_taken_in(ctx: base.ToolContext) -> None:
    file_id = upload(ctx, "docs.zip", zipped(DOCUMENTS))
    stranger = dataclasses.replace(ctx, caller=Caller(user="eve"))

    with pytest.raises(RequestRefused, match="no file"):
        base.call(stranger, "add_documents", {"file_id": file_id})
