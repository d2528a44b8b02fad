"""Bytes of a document to its text, title and headings: Markdown, reStructuredText, HTML, plain.

The text of Markdown, reStructuredText and plain files is the source itself, so offsets into it
are offsets into what the author wrote. HTML is reduced to what a reader sees, with headings and
code marked as in Markdown, so that the stored text alone still says where its headings are.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.errors import RequestRefused
from data import encoding
from knowledge.html_text import MAX_TITLE, html_to_markdown

READABLE = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".html": "html",
    ".htm": "html",
    ".txt": "plain",
}


@dataclass(frozen=True)
class Heading:
    level: int
    title: str
    start: int
    """Where its first line begins, the overline of reStructuredText included."""
    end: int
    """Where the body begins."""


@dataclass(frozen=True)
class Page:
    title: str
    text: str
    headings: list[Heading]


def kind_of(source: str) -> str | None:
    """Which of our readers takes it, by its ending; None: none."""
    return READABLE.get(PurePosixPath(source).suffix.lower())


def read_page(source: str, content: bytes) -> Page:
    """Raises RequestRefused for what is not text, whatever its name says."""
    text = decode(source, content)
    title = ""
    if kind_of(source) == "html":
        title, text = html_to_markdown(text)
    headings = headings_of(source, text)
    return Page(title or title_of(source, text, headings), text, headings)


def headings_of(source: str, text: str) -> list[Heading]:
    """The headings of a text that `read_page` made, in order."""
    kind = kind_of(source)
    if kind == "rst":
        return rst_headings(text)
    return [] if kind == "plain" else markdown_headings(text)


def decode(source: str, content: bytes) -> str:
    """Text with `\\n` as the only line end."""
    text = encoding.decode(content).text
    if "\x00" in text:
        raise not_text(source)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def not_text(source: str) -> RequestRefused:
    return RequestRefused(
        f"{source!r} is not text: it holds NUL characters.",
        code="bad_encoding",
        param="file_id",
        fix="Save it as UTF-8.",
    )


def title_of(source: str, text: str, headings: list[Heading]) -> str:
    if headings:
        return min(headings, key=lambda heading: heading.level).title
    first = text.lstrip().split("\n", 1)[0].strip()
    if 0 < len(first) <= 80 and text.strip() != first:
        return first
    return PurePosixPath(source).stem


# Markdown

ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
CLOSING = re.compile(r"[ \t]+#+$")
SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)


def markdown_headings(text: str) -> list[Heading]:
    """`#` and underlined headings, none of them inside a code fence."""
    found: list[Heading] = []
    front = FRONT_MATTER.match(text)
    offset, fence, previous = (front.end() if front else 0), "", ""
    for line in text[offset:].splitlines(keepends=True):
        bare, end = line.rstrip("\n"), offset + len(line)
        fence = next_fence(bare, fence)
        if not fence and (atx := ATX.match(bare)):
            found.append(Heading(len(atx[1]), plain(atx[2]), offset, end))
        elif not fence and underlines(bare, previous):
            level = 1 if "=" in bare else 2
            found.append(Heading(level, plain(previous), offset - len(previous) - 1, end))
        previous, offset = bare, end
    return found


def next_fence(line: str, fence: str) -> str:
    """The open fence after this line; empty: none."""
    mark = FENCE.match(line)
    if not mark:
        return fence
    if not fence:
        return mark[1]
    closes = mark[1][0] == fence[0] and len(mark[1]) >= len(fence)
    return "" if closes and not line.strip(" `~") else fence


def underlines(line: str, previous: str) -> bool:
    is_text = bool(previous.strip()) and previous.lstrip()[0] not in "#>-*+|`~="
    return is_text and bool(SETEXT.match(line))


def plain(title: str) -> str:
    """The heading without links, marks, escapes and anchors."""
    short = CLOSING.sub("", title[: 4 * MAX_TITLE].rstrip())
    unlinked = TAG.sub("", LINK.sub(r"\1", short))
    return unlinked.replace("**", "").replace("`", "").replace("\\", "").strip()[:MAX_TITLE]


# reStructuredText

ADORNMENT = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}[ \t]*$")


def rst_headings(text: str) -> list[Heading]:
    """Underlined titles; a style's level is the order in which it first appears."""
    found: list[Heading] = []
    styles: list[tuple[str, bool]] = []
    lines = text.split("\n")
    starts = line_starts(lines)
    for index in range(1, len(lines)):
        title, line = lines[index - 1].strip(), lines[index]
        if not is_underline(line, title):
            continue
        over = index >= 2 and lines[index - 2].strip() == line.strip()
        style = (line[0], over)
        if style not in styles:
            styles.append(style)
        first = index - 2 if over else index - 1
        end = min(starts[index] + len(line) + 1, len(text))
        found.append(Heading(styles.index(style) + 1, title[:MAX_TITLE], starts[first], end))
    return found


def is_underline(line: str, title: str) -> bool:
    if not title or ADORNMENT.match(title) or not ADORNMENT.match(line):
        return False
    return len(line.strip()) >= len(title) * 0.8


def line_starts(lines: list[str]) -> list[int]:
    starts, offset = [], 0
    for line in lines:
        starts.append(offset)
        offset += len(line) + 1
    return starts
