from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.chunks import chunks
from knowledge.markup import read_page
from tests.small_embedder import SmallEmbedder

WORDS = SmallEmbedder()
TEXT = st.text(alphabet="ab .\n#`-=é停止。\t", max_size=400)


def cut(text: str, limit: int, source: str = "a.md") -> list[tuple[str, str]]:
    page = read_page(source, text.encode())
    found = chunks(page, WORDS.token_starts(page.text), limit)
    return [(chunk.heading, page.text[chunk.start : chunk.end]) for chunk in found]


def test_text_under_different_headings_never_shares_a_chunk() -> None:
    found = cut("# Guide\nIntro.\n## Install\nRun it.\n### On Linux\nUse apt.\n## Use\nAsk.", 100)

    assert found == [
        ("Guide", "Intro."),
        ("Install", "Run it."),
        ("Install > On Linux", "Use apt."),
        ("Use", "Ask."),
    ]


def test_a_long_section_is_cut_between_paragraphs_first() -> None:
    found = cut("# T\none two three\n\nfour five six\n\nseven", 6)

    assert [text for _, text in found] == ["one two three\n\nfour five six", "seven"]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = cut("One two three. Four five six. Seven eight nine.", 4)

    assert [text for _, text in found] == ["One two three.", "Four five six.", "Seven eight nine."]


def test_a_heading_without_text_makes_no_chunk() -> None:
    assert cut("# Title\n\n## Empty\n\n## Full\ntext", 100) == [("Full", "text")]


@settings(max_examples=200, deadline=None)
@given(TEXT, st.integers(1, 9))
def test_chunks_lie_in_order_hold_every_word_once_and_keep_the_limit(text: str, limit: int) -> None:
    page = read_page("a.txt", text.encode())
    starts = WORDS.token_starts(page.text)
    found = chunks(page, starts, limit)

    assert all(first.end <= second.start for first, second in pairwise(found))
    inside = [start for one in found for start in starts if one.start <= start < one.end]
    assert inside == starts
    for one in found:
        assert sum(one.start <= start < one.end for start in starts) <= limit


@settings(max_examples=200, deadline=None)
@given(TEXT, st.sampled_from(["a.md", "a.rst", "a.html"]))
def test_any_text_can_be_read_and_its_spans_lie_inside(text: str, source: str) -> None:
    page = read_page(source, text.encode())

    for one in chunks(page, WORDS.token_starts(page.text), 5):
        assert 0 <= one.start < one.end <= len(page.text)
        assert page.text[one.start : one.end].strip()
