"""A page to chunks: by heading first, then by paragraph, line, sentence and word.

No chunk is longer than 200 tokens, the length at which the search figures in benchmarks/ were
measured; what stands under one heading is never mixed with what stands under another.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from knowledge.markup import Heading, Page
from knowledge.passages import Chunk

MAX_TOKENS = 200
BREAKS = (
    re.compile(r"\n[ \t]*\n+"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])"),
    re.compile(r"\s+"),
)
"""From the best place to cut to the worst."""

Span = tuple[int, int]


def chunks(page: Page, token_starts: list[int], limit: int = MAX_TOKENS) -> list[Chunk]:
    """All chunks in order; each is whole sentences where the limit allows it.

    Args:
        page: What to cut.
        token_starts: Where each token of the page's text begins, ascending.
        limit: Tokens in a chunk at most.
    """
    cutter = Cutter(page.text, token_starts, limit)
    return [
        Chunk(heading, start, end)
        for heading, span in sections(page)
        for start, end in cutter.pieces(span)
    ]


def sections(page: Page) -> Iterator[tuple[str, Span]]:
    """(heading path, span of the body) of each section."""
    starts = [heading.start for heading in page.headings] + [len(page.text)]
    yield page.title, (0, starts[0])
    path: list[Heading] = []
    for heading, end in zip(page.headings, starts[1:], strict=True):
        path = [above for above in path if above.level < heading.level] + [heading]
        yield heading_path(page.title, path), (heading.end, max(heading.end, end))


def heading_path(title: str, path: list[Heading]) -> str:
    names = [heading.title for heading in path]
    if names[0] == title:
        names = names[1:]
    return " > ".join(names) or title


class Cutter:
    def __init__(self, text: str, token_starts: list[int], limit: int) -> None:
        self.text = text
        self.starts = token_starts
        self.limit = limit

    def pieces(self, span: Span) -> Iterator[Span]:
        for packed in self.pack(self.split(span, 0)):
            start, end = self.trim(packed)
            if start < end:
                yield start, end

    def tokens(self, span: Span) -> int:
        return bisect_left(self.starts, span[1]) - bisect_left(self.starts, span[0])

    def split(self, span: Span, level: int) -> Iterator[Span]:
        """Neighbouring spans of at most `limit` tokens."""
        if self.tokens(span) <= self.limit:
            yield span
        elif level == len(BREAKS):
            yield from self.cut_hard(span)
        else:
            for part in self.parts(span, BREAKS[level]):
                yield from self.split(part, level + 1)

    def parts(self, span: Span, mark: re.Pattern[str]) -> Iterator[Span]:
        start = span[0]
        for found in mark.finditer(self.text, *span):
            if start < found.end() < span[1]:
                yield start, found.end()
                start = found.end()
        yield start, span[1]

    def cut_hard(self, span: Span) -> Iterator[Span]:
        """One endless word: cut between tokens."""
        first = bisect_left(self.starts, span[0])
        last = bisect_left(self.starts, span[1])
        cuts = [span[0], *self.starts[first + self.limit : last : self.limit], span[1]]
        yield from pairwise(cuts)

    def pack(self, spans: Iterator[Span]) -> Iterator[Span]:
        """Join neighbours as long as they fit into one chunk."""
        current: Span | None = None
        for span in spans:
            if current is None:
                current = span
            elif self.tokens((current[0], span[1])) <= self.limit:
                current = (current[0], span[1])
            else:
                yield current
                current = span
        if current is not None:
            yield current

    def trim(self, span: Span) -> Span:
        piece = self.text[span[0] : span[1]]
        start = span[0] + len(piece) - len(piece.lstrip())
        return start, max(start, span[0] + len(piece.rstrip()))
