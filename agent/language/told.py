"""Sentences recognised by their template: what was English with values in it becomes Chinese.

The rooms below `agent/` raise, keep and log plain English. A pair in `zh/told/` has the sentence as
the code has it and its Chinese:

    "{!r} is {}, which cannot be read as a table."   ->   "{0} 是{1!t}，不能作为表格读取。"

A hole of the English reads as in the f-string: `{!r}` takes something quoted, `{:,}` and the like a
number, `{}` anything. In the Chinese, `{0}` is the value as it stands, for it may be a user's, and
`{1!t}` words of ours that are translated in their turn, by a pair or as a list of such words.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

HOLE = re.compile(r"\{(!r|:[^{}\s\"]*)?\}")
SLOT = re.compile(r"\{(\d+)(!t)?\}")
ANYTHING = "(.*?)"
QUOTED = (
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|"""
    r"""-?\d[\w.]*|True|False|None|nan|-?inf|\[.*?\]|\{.*?\}|\(.*?\))"""
)
"""What `repr` makes of texts, numbers and collections."""
NUMBER = r"([-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?%?|[-+]?inf|nan)"
DIGITS_16 = "([0-9a-f]+)"
SENTENCE_END = re.compile(r"(?<=[.!?…]) ")
LISTS = tuple(
    (re.compile(ours), theirs) for ours, theirs in (("; ", "；"), (", ", "、"), (" or ", "或"))
)
"""How the code joins a list of words, and how Chinese does."""
NEVER = -1_000_000
START = 4
"""Characters by which a sentence finds the templates that begin as it does."""
MOST_PARTS = 12
"""A text of more sentences than this is no message of ours."""
REMEMBERED = 2048
HAN = r"[\u3400-\u9fff]"
TOUCHING = re.compile(f"(?<={HAN})(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?={HAN})")
ONE_QUOTED = re.compile("""'[^']*'|"[^"]*\"""")
QUOTED_LIST = re.compile(f"(?:{ONE_QUOTED.pattern})(?:, (?:{ONE_QUOTED.pattern}))*")
CLOSE = re.compile(f"(?<={HAN}) (?=“)|(?<=”) (?={HAN})")
"""Spaces around a value that its quotation marks set apart already."""
NAMES = re.compile(r"[\w@./-]+(?:, [\w@./-]+)+")
"""A list of names or numbers, as the code joins them."""
FULL_STOPS = "。！？；：…”）"


class Known(NamedTuple):
    """A translation, and how much of the English was recognised, in characters."""

    score: int
    text: str


LookUp = Callable[[str], Known | None]


class Template:
    def __init__(self, source: str, target: str) -> None:
        self.source = source
        self.target = target
        self.pieces = HOLE.split(source)[::2]
        self.kinds = [kind or "" for kind in HOLE.split(source)[1::2]]
        self.score = sum(map(len, self.pieces))
        self.longest = max(self.pieces, key=len)
        self.start = self.pieces[0][:START] if len(self.pieces[0]) >= START else ""

    @cached_property
    def parts(self) -> list[tuple[str, int, bool]]:
        """The Chinese piece by piece, with the hole behind each, and whether it holds our words."""
        split = SLOT.split(self.target)
        holes = zip(split[::3], [*split[1::3], "-1"], [*split[2::3], None], strict=True)
        return [(piece, int(number), ours is not None) for piece, number, ours in holes]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        holes = [*map(hole, self.kinds), ""]
        parts = [re.escape(piece) + one for piece, one in zip(self.pieces, holes, strict=True)]
        return re.compile("".join(parts), re.DOTALL)

    def values(self, text: str) -> tuple[str, ...] | None:
        """What stands in the holes; None when it is another sentence."""
        if self.longest not in text or not self.in_order(text):
            return None
        match = self.pattern.fullmatch(text)
        return match.groups() if match else None

    def in_order(self, text: str) -> bool:
        """Whether its pieces come one after another: cheap, and the pattern never runs in vain."""
        at = 0
        for piece in self.pieces:
            at = text.find(piece, at)
            if at < 0:
                return False
            at += len(piece)
        return text.startswith(self.pieces[0]) and text.endswith(self.pieces[-1])


def hole(kind: str) -> str:
    if kind == "!r":
        return QUOTED
    if kind.endswith("x"):
        return DIGITS_16
    return NUMBER if kind else ANYTHING


class Recognised:
    """A catalogue of templates. Call it with a text to get it in the other language.

    Args:
        sentences: What may stand alone.
        phrases: What stands only in a hole for words of ours, such as `comma`: as a text of its
            own it may be anybody's.
    """

    def __init__(self, sentences: Mapping[str, str], phrases: Mapping[str, str]) -> None:
        self._sentences = Catalogue(sentences)
        self._phrases = Catalogue({**sentences, **phrases})
        # Also keeps short what would be long: parts of a text are looked up again and again.
        self._sentence = lru_cache(REMEMBERED)(partial(self._known, self._sentences))
        self._phrase = lru_cache(REMEMBERED)(partial(self._known, self._phrases))

    def __call__(self, text: str) -> str:
        """The text with every sentence that is known translated; others stay as they are."""
        return self._split(text, SENTENCE_END, self._sentence).text if self._sentences else text

    def _known(self, catalogue: "Catalogue", text: str) -> Known | None:
        """The text as one sentence or phrase of ours."""
        found = [self._filled(*one) for one in catalogue.find(text)]
        return max(found, key=lambda one: one.score, default=None)

    def _filled(self, template: Template, values: tuple[str, ...]) -> Known:
        score, text, spacing = template.score, "", False
        for piece, number, ours in template.parts:
            text = spaced(text, piece) if spacing else text + piece
            if number < 0:
                break
            inside = self._words(values[number]) if ours else Known(0, values[number])
            if inside.score == 0:
                inside = Known(0, shown(values[number], text))
            text = spaced(text, inside.text) if ours else text + inside.text
            score, spacing = score + inside.score, ours
        return Known(score, CLOSE.sub("", text))

    def _words(self, text: str) -> Known:
        """What stands in a hole for words of ours: some of them, a list of them, or a name."""
        found = [self._split(text, SENTENCE_END, self._phrase)]
        for separator, theirs in LISTS:
            if separator.search(text):
                found.append(self._split(text, separator, self._phrase, theirs))
        return max(found, key=lambda one: one.score)

    def _split(
        self, text: str, separator: re.Pattern[str], look_up: LookUp, theirs: str | None = None
    ) -> Known:
        """The text in parts so that the most of it is recognised.

        Args:
            theirs: What joins the items of a list, which must all be known; without it the parts
                are sentences.
        """
        marks = [match.span() for match in separator.finditer(text)]
        if len(marks) >= MOST_PARTS:
            marks = []
        starts, stops = [0, *(end for _, end in marks)], [*(start for start, _ in marks), len(text)]
        ways: list[tuple[int, int, list[str]]] = [(0, 0, [])]
        for last, stop in enumerate(stops):
            reached = []
            for (score, fewer, before), start in zip(ways, starts[: last + 1], strict=True):
                unknown = Known(0 if theirs is None else NEVER, text[start:stop])
                known = look_up(text[start:stop]) or unknown
                reached.append((score + known.score, fewer - 1, [*before, known.text]))
            ways.append(max(reached, key=lambda way: way[:2]))
        score, _, parts = ways[-1]
        return Known(score, joined(parts) if theirs is None else theirs.join(parts))


class Catalogue:
    """Templates, found by how a text begins."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._exact = {one: Template(one, pairs[one]) for one in pairs if not HOLE.search(one)}
        self._pairs = {one: target for one, target in pairs.items() if one not in self._exact}

    def __bool__(self) -> bool:
        return bool(self._exact or self._pairs)

    @cached_property
    def _by_start(self) -> dict[str, list[Template]]:
        """Those that begin so, and all that begin with a hole; the more telling first."""
        templates = [Template(*pair) for pair in self._pairs.items()]
        templates.sort(key=lambda one: -one.score)
        starts = {one.start for one in templates} | {""}
        return {start: [one for one in templates if one.start in ("", start)] for start in starts}

    def find(self, text: str) -> Iterator[tuple[Template, tuple[str, ...]]]:
        """The templates that a text may be of, each with what stands in its holes."""
        if (exact := self._exact.get(text)) is not None:
            yield exact, ()
            return
        for template in self._by_start.get(text[:START]) or self._by_start[""]:
            if (values := template.values(text)) is not None:
                yield template, values


def joined(sentences: list[str]) -> str:
    """One after another; after a Chinese full stop there is no space."""
    text = ""
    for sentence in sentences:
        text += sentence if not text or text.endswith(tuple(FULL_STOPS)) else f" {sentence}"
    return text


def shown(value: str, before: str) -> str:
    """A quoted value in Chinese quotation marks, a list as Chinese joins it; code as it is."""
    if NAMES.fullmatch(value) and not before.endswith("="):
        return value.replace(", ", "、")
    if before.endswith("=") or "\\" in value or not QUOTED_LIST.fullmatch(value):
        return value
    return "、".join(f"“{quoted[1:-1]}”" for quoted in ONE_QUOTED.findall(value))


def spaced(left: str, right: str) -> str:
    """Both, with a space where a Chinese character meets a Latin one."""
    if left and right and TOUCHING.match(left[-1] + right[0], 1):
        return f"{left} {right}"
    return left + right
