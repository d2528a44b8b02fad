"""Bytes of a document to its text, title and headings: Markdown, reStructuredText, HTML, plain.

The text of Markdown, reStructuredText and plain files is the source itself, so offsets into it
are offsets into what the author wrote. HTML is reduced to what a reader sees, with headings and
code marked as in Markdown, so that the stored text alone still says where its headings are.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import PurePosixPath

from core.errors import RequestRefused
from data import encoding

READABLE = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".html": "html",
    ".htm": "html",
    ".txt": "plain",
}
MAX_TITLE = 200


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
    short = title[: 4 * MAX_TITLE].rstrip("# \t")
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


# HTML

UNSEEN = {"script", "style", "template", "noscript", "svg", "nav"}
BLOCKS = {
    "p", "div", "section", "article", "main", "li", "ul", "ol", "table", "tr", "br",
    "blockquote", "dt", "dd", "hr", "header", "footer",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a reader sees; scripts, styles and navigation are left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.title = ""
        self._unseen = 0
        self._in_pre = self._in_title = self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        self._in_title = tag == "title" and not self.title
        if is_heading(tag):
            self.pieces.append("\n\n" + "#" * int(tag[1]) + " ")
            self._in_heading = True
        elif tag == "pre":
            self.pieces.append("\n\n```\n")
            self._in_pre = True
        elif tag in BLOCKS and not self._in_heading:
            self.pieces.append("\n\n" if tag == "p" else "\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in UNSEEN))
        self._in_title = False
        if is_heading(tag):
            self.pieces.append("\n\n")
            self._in_heading = False
        elif tag == "pre":
            self.pieces.append("\n```\n\n")
            self._in_pre = False
        elif tag in BLOCKS and not self._in_heading:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = (self.title + data).strip()[:MAX_TITLE]
        elif not self._unseen:
            self.pieces.append(data if self._in_pre else re.sub(r"\s+", " ", data))


def is_heading(tag: str) -> bool:
    return len(tag) == 2 and tag[0] == "h" and tag[1] in "123456"


def html_to_markdown(text: str) -> tuple[str, str]:
    """(title, text); the title is empty where the page has none."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    lines = (line.strip(" ") for line in "".join(reader.pieces).split("\n"))
    return reader.title, re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
