"""Where the figures of an answer come from: those that stand in no result of the turn are marked.

A model may round, convert units, and subtract two figures that it has; it may not make one up.
Advice and questions are left alone: what usually holds is not said about a run.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.turn.figures import LARGEST, Figure, Kind, figures
from agent.world import World


@dataclass(frozen=True)
class Mark:
    """A figure without a source, and where it stands in its text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Known:
    """The numbers that may be said, each with what it measures where that is known."""

    numbers: list[tuple[float, Kind]] = field(default_factory=list)

    def has(self, figure: Figure) -> bool:
        return any(fits(figure, value, kind) for value, kind in self.numbers)


ENDINGS: tuple[tuple[str, Kind, float], ...] = (
    (r"(?:^|_)(?:ms|milliseconds)$", "seconds", 0.001),
    (r"(?:^|_)(?:s|seconds)$", "seconds", 1.0),
    (r"(?:^|_)(?:min|minutes)$", "seconds", 60.0),
    (r"(?:^|_)(?:h|hours)$", "seconds", 3_600.0),
    (r"(?:^|_)bytes$|^size$", "bytes", 1.0),
    (r"(?:^|_)mi?b$", "bytes", 1e6),
    (r"(?:^|_)gi?b$", "bytes", 1e9),
    (r"(?:^|_)(?:percent|pct)$", "percent", 0.01),
)
KEYS = [(re.compile(ending), kind, worth) for ending, kind, worth in ENDINGS]
BARE = re.compile(r"(?<![\d.])\d+(?:[.,]\d+)*")
MOST_TEXT = 20_000
"""Characters of one text in a result that are read for numbers."""


def known(outcomes: Sequence[dict[str, Any]], said: str, names: World) -> Known:
    """What the results of the turn, the user's words and the list of what exists tell."""
    lists = (names.datasets, names.runs, names.models, names.endpoints, names.files)
    counts = [len(one) for one in (*lists, names.approvals, names.live)]
    numbers = [*numbers_in(list(outcomes)), *numbers_of_text(said)]
    numbers += [number for count in counts for number in numbers_in(count)]
    return Known(list(dict.fromkeys(numbers)))


def numbers_in(data: Any, kind: Kind = "plain", worth: float = 1.0) -> Iterator[tuple[float, Kind]]:
    """All numbers of a result, the lengths of its lists included."""
    match data:
        case bool() | None:
            return
        case int() | float() if abs(data) <= LARGEST:
            yield float(data) * worth, kind
        case str():
            yield from numbers_of_text(data)
        case list() | tuple():
            yield float(len(data)), "plain"
            for value in data:
                yield from numbers_in(value, kind, worth)
        case dict():
            if all(isinstance(value, int | float) for value in data.values()):
                yield float(len(data)), "plain"
            for key, value in data.items():
                yield from numbers_in(value, *unit_of_key(str(key), kind, worth))
        case _:
            return


def unit_of_key(key: str, kind: Kind, worth: float) -> tuple[Kind, float]:
    """What numbers under a key measure; below `minutes`, `low` and `high` are minutes too."""
    found = ((kind, worth) for pattern, kind, worth in KEYS if pattern.search(key.lower()))
    return next(found, (kind, worth))


def numbers_of_text(text: str) -> Iterator[tuple[float, Kind]]:
    text = text[:MOST_TEXT]
    found = figures(text)
    for figure in found:
        yield figure.value, figure.kind
    inside = {at for figure in found for at in range(figure.start, figure.end)}
    for match in BARE.finditer(text):
        plain = match[0].replace(",", "")
        if match.start() in inside or plain.count(".") > 1:
            continue
        if (value := float(plain)) <= LARGEST:
            yield value, "plain"


def unsourced(text: str, known: Known) -> list[Mark]:
    """The figures of a text that claim something and stand in nothing that is known."""
    found = figures(text)
    sourced = [figure for figure in found if known.has(figure)]
    return [
        Mark(figure.text, figure.start, figure.end)
        for figure in found
        if figure not in sourced
        and not derived(figure, sourced)
        and not left_over(figure, text, known)
        and claims(figure, text)
    ]


# Equal to a source ----------------------------------------------------------------------------


def fits(figure: Figure, value: float, kind: Kind) -> bool:
    """Whether the figure is the known number, rounded and in some unit."""
    if figure.whole:
        return kind == "plain" and value == figure.value
    return any(equal(figure, same) for same in readings(figure.kind, value, kind))


def readings(wanted: Kind, value: float, kind: Kind) -> Iterator[float]:
    """The known number as what the figure measures, in every way that it may be meant."""
    if kind == wanted:
        yield value
    if wanted == "percent" and kind in ("percent", "plain") and 0 < value < 1:
        yield 1 - value
    if wanted == "bytes" and kind == "bytes":
        yield from (value * (1_000 / 1_024) ** power for power in (1, 2, 3))
    if kind == "plain" and wanted == "percent":
        yield value
        if value != round(value):
            yield value / 100
    if wanted == "plain":
        scales = {"plain": (1.0, 100.0), "percent": (1.0, 100.0), "seconds": (1.0, 1 / 60, 1e3)}
        yield from (value * scale for scale in scales.get(kind, (1.0,)))


def equal(figure: Figure, value: float) -> bool:
    """Rounded to the digits that were written, or cut off there."""
    slack = 1e-9 * max(1.0, abs(value))
    off = abs(value) - figure.value
    return abs(off) <= figure.step / 2 + slack or 0 <= off < figure.step - slack


def derived(figure: Figure, sourced: Sequence[Figure]) -> bool:
    """Whether it is the difference or the ratio of two figures with a source in the same text."""
    pairs = [
        (one.value, other.value, one.kind)
        for one in sourced
        for other in sourced
        if one.kind == other.kind and one.value > other.value > 0
    ]
    differences = [one - other for one, other, kind in pairs if kind == figure.kind]
    ratios: list[float] = []
    if figure.kind == "percent":
        ratios = [other / one for one, other, _ in pairs]
    elif figure.kind == "plain" and not figure.whole:
        ratios = [one / other for one, other, _ in pairs]
    return any(near(figure, value) for value in (*differences, *ratios))


LEFT = re.compile(r"\b(?:left|remain|to go|more to)|剩")


def left_over(figure: Figure, text: str, known: Known) -> bool:
    """Whether it is said to be what remains, and two known counts differ by so much."""
    if not figure.whole or not LEFT.search(text[max(0, figure.start - 20) : figure.end + 20]):
        return False
    counts = {value for value, kind in known.numbers if kind == "plain"}
    return any(value - figure.value in counts for value in counts)


def near(figure: Figure, value: float) -> bool:
    """Equal but for the rounding of what it was made from."""
    return (
        abs(figure.value - value) <= 1.01 * figure.step
        if not figure.whole
        else (figure.value == value)
    )


# Whether it claims something ----------------------------------------------------------------------

SENTENCE = re.compile(r"[^\n]+?(?:[.!?](?=\s+[\"“(*]*[A-Z一-鿿])|[。！？；]|(?=\n)|\Z)")
SPECIFIC = re.compile(
    r"\b(?:run_|ap_)\d|\b[\w-]+@\d"
    r"|\b(?:your|its|our|this|these) (?:\w+[ -]){0,2}?"
    r"(?:run|model|dataset|data|endpoint|file|table|training|baseline|accuracy|quote|plan)s?\b"
    r"|\bthe (?:last |latest |newest |fine-tuned |tuned |trained |new |base |live )*"
    r"(?:run|model|dataset|endpoint|baseline|training|quote|plan|report|test set)\b"
    r"|\b(?:it|you|they) (?:has|have|had|reache[sd]|took|takes|scored?|scores|got|gets|is|was"
    r"|beats?)\b"
    r"|你的|这个|这次|该|本次|它|上次|最新|基线|报告|已",
    re.I,
)
GENERAL = re.compile(
    r"\b(?:typical(?:ly)?|usual(?:ly)?|often|generally|in general|for example|for instance"
    r"|such as|rule of thumb|tends? to|mostly|commonly|most (?:people|models|datasets|cases)"
    r"|sometimes|as little as|can be|may be|might|imagine|suppose|say,|default)\b|\be\.g\."
    r"|通常|一般|例如|比如|往往|经常|大多|有时|假如|如果|默认|每个",
    re.I,
)
OF_A_KIND = re.compile(
    r"^\W*(?:an?|any|each|every|many|most|larger|smaller|higher|lower|more|fewer|with|if|LoRA"
    r"|fine-tuning|classifiers|models|datasets|endpoints)\b",
    re.I,
)
"""How sentences about things in general begin."""
PROPOSAL = re.compile(
    r"\b(?:should|could|would|shall|recommend|suggest|advise|try|consider|want me|like me|how about"
    r"|let me know|I can|you can|you may|we can|set|use|choose|pick|aim for|at least|at most|need"
    r"|enough|sure)\b|\?|建议|可以|要不要|试试|至少|最多|需要|应该|吗|？|不妨|改成|设为",
    re.I,
)


QUOTED = re.compile(r"“[^”\n]*”|\"[^\"\n]*\"|「[^」\n]*」")


def quoted(figure: Figure, text: str) -> bool:
    """Whether it stands in words that the person might say."""
    return any(match.start() < figure.start < match.end() for match in QUOTED.finditer(text))


def claims(figure: Figure, text: str) -> bool:
    """Whether the sentence says the figure of something that exists, rather than in general."""
    start, sentence = next(
        ((m.start(), m[0]) for m in SENTENCE.finditer(text) if m.start() <= figure.start < m.end()),
        (0, text),
    )
    if figure.parameter and (PROPOSAL.search(sentence) or quoted(figure, text)):
        return False
    if SPECIFIC.search(sentence):
        return True
    # Decimals are measured: neither what is advised behind them nor a general beginning excuses.
    exact = "." in figure.text and not figure.parameter
    advised = PROPOSAL.search(sentence[: figure.start - start] if exact else sentence)
    general = GENERAL.search(sentence) or (not exact and OF_A_KIND.search(sentence))
    return not general and not advised
