"""Where citations lead."""

from pathlib import Path

import httpx
import pytest

from core.records.tables import Document
from knowledge.search import HELP, SYSTEM
from server.help_pages import render
from server.setup import index_help
from tools.base import House


def document(text: str) -> Document:
    return Document(title="A page", source="page.md", text=text)


def test_the_cited_passage_is_marked_and_the_rest_is_there() -> None:
    text = "# Title\n\nBefore.\n\nThe passage.\n\nAfter."
    start = text.index("The passage.")
    page = render(document(text), start, start + len("The passage."))
    assert '<div id="passage"><p>The passage.</p>' in page
    assert "<p>Before.</p>" in page
    assert "<p>After.</p>" in page


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 5), (-3, 4), (2, 10**9), (7, 3)])
def test_a_span_outside_the_text_marks_nothing(start: int, end: int) -> None:
    assert 'id="passage"' not in render(document("Short text."), start, end).split("</style>")[1]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=http://canary.example/x>",
        "![x](http://canary.example/x)",
        "[x](javascript:alert(1))",
    ],
)
def test_a_document_cannot_run_or_fetch_anything(text: str) -> None:
    page = render(document(text), 0, 0).split("</style>")[1]
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


def test_every_link_between_help_pages_opens_a_page(url: str, house: House) -> None:
    index_help(house, lambda _: None)
    pages = [one["source"] for one in house.library.documents(SYSTEM, HELP)]
    for page in pages:
        answer = httpx.get(f"{url}/help/{page}")
        assert answer.status_code == 200
        links = [part.split('"')[0] for part in answer.text.split('<a href="')[1:]]
        inner = [link for link in links if link.endswith(".md")]
        assert [link for link in inner if Path(link).name not in pages] == []
    assert httpx.get(f"{url}/help/no-such-page.md").status_code == 404
