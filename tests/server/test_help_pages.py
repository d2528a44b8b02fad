"""The help in the browser, and where citations lead."""

import re

import httpx
import pytest

from core.records.tables import Document
from knowledge.builtin import COLLECTIONS, HELP, SYSTEM
from server.help_pages import NAMES, document_page, index_page, preferred, whole
from server.setup import index_help
from tools.base import House

PAGES = {f"/help/{name}": whole(name, "en") for name in NAMES} | {
    f"/help/zh/{name}": whole(name, "zh") for name in NAMES
}


def document(text: str) -> Document:
    return Document(title="A page", source="page.md", text=text, collection="docs")


def shown(text: str, start: int = 0, end: int = 0) -> str:
    """The text of the page, without what is around it."""
    return document_page(document(text), start, end).split('<main id="text">')[1]


def test_the_cited_passage_is_marked_and_the_rest_is_there() -> None:
    text = "# Title\n\nBefore.\n\nThe passage.\n\nAfter."
    start = text.index("The passage.")
    page = shown(text, start, start + len("The passage."))
    assert '<p class="cited" id="passage">The passage.</p>' in page
    assert "<p>Before.</p>" in page
    assert "<p>After.</p>" in page


def test_a_passage_inside_a_list_or_a_table_leaves_them_whole() -> None:
    text = "- one\n- two\n- three\n\n| a | b |\n|---|---|\n| c | d |\n| e | f |\n"
    start, end = text.index("two"), text.index("| d |")

    page = shown(text, start, end)

    assert page.count("<ul>") == page.count("<table>") == 1
    assert re.findall(r'class="cited"[^>]*>\s*(?:<td>)?(\w+)', page) == [
        "two",
        "three",
        "a",
        "c",
    ] or (page.count("cited") == 4)
    assert page.count('id="passage"') == 1
    assert "<li>one</li>" in page


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 5), (-3, 4), (2, 10**9), (7, 3)])
def test_a_span_outside_the_text_marks_nothing(start: int, end: int) -> None:
    assert 'id="passage"' not in shown("Short text.", start, end)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=http://canary.example/x>",
        "![x](http://canary.example/x)",
        "[x](javascript:alert(1))",
        '# <img src="x" onerror="alert(1)">',
    ],
)
def test_a_document_cannot_run_or_fetch_anything(text: str) -> None:
    page = shown(text)
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


def test_every_link_on_every_page_opens_a_page_at_a_section() -> None:
    anchors = {page: set(re.findall(r' id="([^"]+)"', html)) for page, html in PAGES.items()}
    for page, html in PAGES.items():
        for link in re.findall(r'<a [^>]*href="([^"]+)"', html):
            target, _, anchor = link.partition("#")
            if target in ("/chat/", "/help/en", "/help/zh"):
                continue
            assert (target or page) in anchors, (page, link)
            assert not anchor or anchor in anchors[target or page], (page, link)


def get(url: str, page: str) -> str:
    answer = httpx.get(f"{url}{page}")
    assert answer.status_code == 200, page
    return answer.text


def test_an_error_code_is_an_address_in_both_languages(url: str) -> None:
    for page in ("/help/errors", "/help/zh/errors"):
        assert '<h2 id="bad_encoding"><code>bad_encoding</code>' in get(url, page)


def test_both_languages_have_the_same_anchors() -> None:
    for name in NAMES:
        english, chinese = (
            re.findall(r'<h\d id="([^"]+)"', PAGES[f"{base}/{name}"])
            for base in ("/help", "/help/zh")
        )
        assert english == chinese


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr,zh-TW;q=0.7", "zh"),
    ],
)
def test_the_language_that_a_browser_asks_for_is_found(asked: str, expected: str) -> None:
    assert preferred(asked) == expected


def test_the_index_is_in_the_language_of_the_browser_and_lists_every_page(url: str) -> None:
    page = httpx.get(f"{url}/help", headers={"accept-language": "zh-CN,en;q=0.8"}).text

    assert page == index_page("zh") == get(url, "/help/zh")
    assert get(url, "/help/en") == index_page("en")
    for name in NAMES:
        assert f'href="/help/zh/{name}">' in page
        assert f'href="/help/{name}">' in index_page("en")


def test_each_page_leads_to_its_other_language_and_back_to_the_chat() -> None:
    assert 'href="/help/zh/gpu"' in PAGES["/help/gpu"]
    assert 'href="/help/gpu"' in PAGES["/help/zh/gpu"]
    assert 'href="/chat/"' in PAGES["/help/zh/gpu"]


def test_a_page_may_load_its_own_style_and_script_and_nothing_else(url: str) -> None:
    answer = httpx.get(f"{url}/help/errors")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    sources = re.findall(r'(?:src|href)="([^"#]+\.(?:css|js))"', answer.text)
    assert sources == ["/help/static/page.css", "/help/static/page.js"]
    for source in sources:
        assert httpx.get(f"{url}{source}").status_code == 200
    assert httpx.get(f"{url}/help/static/..%2f..%2fapp.py").status_code == 404


def test_the_old_addresses_of_pages_still_open(url: str) -> None:
    assert get(url, "/help/endpoints.md") == get(url, "/help/endpoints")
    assert get(url, "/help/zh/endpoints.md") == get(url, "/help/zh/endpoints")


def test_what_is_not_there_is_said_to_be_missing(url: str) -> None:
    for path in ("/help/no-such-page.md", "/help/zh/no-such-page", "/help/document_99"):
        answer = httpx.get(f"{url}{path}")

        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


def test_a_citation_opens_the_page_of_the_help_in_its_language(url: str, house: House) -> None:
    index_help(house, lambda _: None)
    questions = {"en": "How do I stop an endpoint?", "zh-CN": "怎么停止端点？"}

    for language, question in questions.items():
        passage = house.library.search(SYSTEM, question, HELP)[0]
        span = f"start={passage.start}&end={passage.end}"
        page = get(url, passage.address)

        assert page == get(url, f"/help/{passage.document_id}?{span}")
        assert f'<html lang="{language}">' in page
        assert 'id="passage"' in page
        assert 'class="pages"' in page
        assert passage.collection == HELP
    for collection in COLLECTIONS.values():
        found = {one["source"] for one in house.library.documents(SYSTEM, collection)}
        assert found == {f"{name}.md" for name in NAMES}
