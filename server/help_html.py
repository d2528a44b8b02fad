"""Markdown to the pages of the help: anchors on headings, contents, the cited passage marked.

Nothing in a document can run or fetch: its HTML is shown as text, its images are not shown, and
the policy beside the page lets in our own style sheet and script alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
STATIC = "/help/static"
MARKABLE = ("paragraph_open", "list_item_open", "tr_open", "heading_open", "fence", "code_block")
"""What a passage is marked by: the smallest blocks that are drawn as one."""
PAGE_LINK = re.compile(r"([a-z0-9-]+)\.md(#[\w-]+)?")
MIN_CONTENTS = 3
"""A shorter page needs no list of its sections."""

Lines = tuple[int, int]

markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@dataclass(frozen=True)
class Section:
    level: int
    title: str
    anchor: str


@dataclass(frozen=True)
class Text:
    """A document's text as HTML."""

    html: str
    sections: list[Section] = field(default_factory=list)
    """Those below the title."""


def text_of(
    source: str, cited: Lines | None = None, anchors: Sequence[str] = (), base: str = ""
) -> Text:
    """The document as HTML.

    Args:
        cited: The first and the last line of what is marked as the passage.
        anchors: The anchor of each heading in order; without them, each is made of its title.
        base: Where links to other pages of the help lead, such as `/help/zh`; "" leaves them.
    """
    tokens = markdown.parse(source)
    sections = list(anchored(tokens, anchors))
    if base:
        lead_to(base, tokens)
    if cited is not None:
        mark(tokens, *cited)
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Text(html, [section for section in sections if section.level > 1])


def lines_of(source: str, start: int, end: int) -> Lines | None:
    """The lines of characters `start` to `end`; None for a span that is not inside the text."""
    if not 0 <= start < end <= len(source):
        return None
    return source.count("\n", 0, start), source.count("\n", 0, end)


def anchors_of(source: str) -> list[str]:
    """The anchor of every heading, in order."""
    return [section.anchor for section in anchored(markdown.parse(source), ())]


def anchored(tokens: list[Token], anchors: Sequence[str]) -> Iterator[Section]:
    """Give each heading its anchor, and the reader a link to it."""
    taken: set[str] = set()
    given = iter(anchors)
    for at, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        inline = tokens[at + 1]
        title = plain(inline)
        anchor = free(next(given, None) or slug(title), taken)
        taken.add(anchor)
        token.attrSet("id", anchor)
        if token.tag != "h1":
            inline.children = [*(inline.children or []), *link_to(anchor)]
        yield Section(int(token.tag[1]), title, anchor)


def lead_to(base: str, tokens: list[Token]) -> None:
    """Make links to `page.md#section` absolute, whatever address the page is shown at."""
    for link in (child for token in tokens for child in token.children or []):
        found = PAGE_LINK.fullmatch(str(link.attrGet("href") or ""))
        if found:
            link.attrSet("href", f"{base}/{found[1]}{found[2] or ''}")


def plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def slug(title: str) -> str:
    """Letters, digits, `_` and `-` of the title, such as `stop-one`."""
    words = re.sub(r"[^\w\s-]", "", title.lower())
    return "-".join(words.split()) or "section"


def free(wanted: str, taken: set[str]) -> str:
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def link_to(anchor: str) -> list[Token]:
    opening = Token("link_open", "a", 1, attrs={"class": "anchor", "href": f"#{anchor}"})
    opening.attrSet("aria-label", "#")
    return [opening, Token("text", "", 0, content="#"), Token("link_close", "a", -1)]


def mark(tokens: list[Token], first: int, last: int) -> None:
    """Mark the blocks on lines `first` to `last`; a block inside a marked one needs no mark."""
    until, found = -1, False
    for token in tokens:
        if token.type not in MARKABLE or token.map is None or token.hidden:
            continue
        begin, end = token.map
        if begin > last or end <= first or begin < until:
            continue
        token.attrJoin("class", "cited")
        if not found:
            token.attrSet("id", "passage")
        found, until = True, end


def contents(sections: Sequence[Section], title: str) -> str:
    """The list of a page's sections; empty where there are few."""
    if len(sections) < MIN_CONTENTS:
        return ""
    lines = "".join(
        f"<li{' class=deep' if one.level > 2 else ''}>"
        f'<a href="#{escape(one.anchor)}">{escape(one.title)}</a></li>'
        for one in sections
    )
    return (
        f'<details class="contents" open><summary>{escape(title)}</summary><ul>{lines}</ul>'
        "</details>"
    )


def after_introduction(html: str, insertion: str) -> str:
    """The contents stand behind the first paragraph, which says what the page is about."""
    head, mark_, rest = html.partition("</p>\n")
    return f"{head}{mark_}{insertion}{rest}" if mark_ else f"{insertion}{html}"
