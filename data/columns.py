"""Which column is the text and which is the label: guessed with a reason, or asked for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from core.errors import RequestRefused
from data.formats.base import Table

ROLES = ("text", "label")
TEXT_NAMES = {"text", "sentence", "message", "utterance", "query", "review", "comment", "body"}
TEXT_NAMES |= {"content", "document", "tweet", "文本", "内容", "评论", "正文", "句子"}
LABEL_NAMES = {"label", "labels", "class", "category", "intent", "target", "sentiment", "topic"}
LABEL_NAMES |= {"tag", "标签", "类别", "分类", "情感", "意图"}
CONVERSATIONS = frozenset(("messages", "conversations"))
LABEL_CHARACTERS = 100
"""A class name longer than this is text."""
SAMPLES = 3
CLEARLY_LONGER = 3.0
"""How many times longer the longest column must be than the next to be taken for the text."""


@dataclass(frozen=True)
class Role:
    """A column, and why it was taken."""

    column: str
    why: str

    def as_dict(self) -> dict[str, str]:
        return {"column": self.column, "why": self.why}


@dataclass(frozen=True)
class Shape:
    """What a column looks like; the base of each guess."""

    name: str
    filled: int
    distinct: int
    mean_characters: float
    longest: int
    numeric: bool
    samples: tuple[str, ...]

    @property
    def named(self) -> str:
        return self.name.strip().casefold()

    @property
    def repeats(self) -> float:
        """How often a value occurs on average."""
        return self.filled / max(self.distinct, 1)

    def describe(self) -> str:
        shown = ", ".join(repr(sample[:40]) for sample in self.samples)
        return f"{self.name} ({self.distinct:,} different values, such as {shown})"


def choose(table: Table, given: Mapping[str, str]) -> dict[str, Role]:
    """The columns for `text` and `label`.

    Args:
        given: Role to column, for those that are known.

    Raises:
        RequestRefused: A column is unknown, or more than one could be meant (code
            `ambiguous_columns`, with samples to ask about), or none could.
    """
    check_given(table, given)
    shapes = {name: shape_of(name, values) for name, values in table.columns.items()}
    roles = {role: Role(column, "you said so") for role, column in given.items()}
    free = [shape for name, shape in shapes.items() if name not in given.values()]
    if len(roles) < len(ROLES):
        refuse_no_choice(table, shapes)
    if "text" not in roles:
        roles["text"] = guess_text(free)
        free = [shape for shape in free if shape.name != roles["text"].column]
    if "label" not in roles:
        roles["label"] = guess_label(free)
    return roles


def check_given(table: Table, given: Mapping[str, str]) -> None:
    for role, column in given.items():
        if role not in ROLES:
            raise RequestRefused(
                f"columns names the role {role[:40]!r}, which a classification dataset has not.",
                code="unknown_role",
                param="columns",
                fix='Give {"text": "…", "label": "…"}.',
            )
        require(table, column, "columns")
    if len(set(given.values())) < len(given):
        raise RequestRefused(
            f"text and label cannot both be the column {given['text']!r}.",
            code="same_column",
            param="columns",
            fix="Name two columns.",
        )


def require(table: Table, column: str, param: str) -> None:
    """Raises RequestRefused when the table has no such column, listing those it has."""
    if column in table.columns:
        return
    reason = table.facts.left_out.get(column)
    names = ", ".join(repr(name) for name in list(table.columns)[:20])
    raise RequestRefused(
        f"The column {column[:80]!r} cannot be used: {reason}."
        if reason
        else f"There is no column {column[:80]!r} in the file.",
        code="unknown_column",
        param=param,
        fix=f"The file has: {names}.",
    )


def refuse_no_choice(table: Table, shapes: Mapping[str, Shape]) -> None:
    talks = [name for name in shapes if name in CONVERSATIONS]
    if talks:
        raise RequestRefused(
            f"The file holds conversations (column {talks[0]!r}), not a text and a label.",
            code="unsupported_task",
            param="file",
            fix='Say task="chat" to train a model that writes answers.',
        )
    if len(shapes) < 2:
        names = ", ".join(repr(name[:80]) for name in shapes) or "none"
        sentences = [
            "A classifier needs a text and a label column; the file has one column or none "
            f"({names})."
        ]
        for name, why in list(table.facts.left_out.items())[:3]:
            sentences.append(f"{name!r} is left out: {why}.")
        raise RequestRefused(
            " ".join(sentences),
            code="one_column",
            param="file",
            fix="Add a label column, and put a comma, tab or semicolon between the two.",
        )


def shape_of(name: str, values: list[str | None]) -> Shape:
    filled = [text for value in values if value and (text := value.strip())]
    counts = Counter(filled)
    return Shape(
        name=name,
        filled=len(filled),
        distinct=len(counts),
        mean_characters=fmean(map(len, filled)) if filled else 0.0,
        longest=max(map(len, filled), default=0),
        numeric=bool(filled) and all(map(is_number, counts)),
        samples=tuple(list(counts)[:SAMPLES]),
    )


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def guess_text(free: list[Shape]) -> Role:
    """The longest column that is no number and mostly differs from row to row."""
    fitting = sorted(
        (shape for shape in free if could_be_text(shape)), key=lambda s: -s.mean_characters
    )
    if not fitting:
        raise none_fits("text", free, "has differing values that are words, not numbers")
    named = [shape for shape in fitting if shape.named in TEXT_NAMES]
    if len(fitting) == 1:
        return Role(
            fitting[0].name,
            why_text(fitting[0], "the only column of words"),
        )
    if len(named) == 1:
        return Role(
            named[0].name,
            why_text(named[0], "named so, and a column of words"),
        )
    if fitting[0].mean_characters >= CLEARLY_LONGER * fitting[1].mean_characters:
        return Role(
            fitting[0].name,
            why_text(fitting[0], "by far the longest column of words"),
        )
    raise ambiguous("text", named or fitting)


def could_be_text(shape: Shape) -> bool:
    if shape.numeric or not shape.filled:
        return False
    wordy = shape.mean_characters >= 20 and shape.longest > 30
    return shape.named in TEXT_NAMES or shape.repeats < 2 or (wordy and shape.repeats < 10)


def why_text(shape: Shape, reason: str) -> str:
    unique = shape.distinct / max(shape.filled, 1)
    return (
        f"{reason} that differ from row to row: {unique:.0%} of its values are different, "
        f"{shape.mean_characters:.0f} characters on average"
    )


def guess_label(free: list[Shape]) -> Role:
    """The column whose few values come again and again."""
    fitting = [shape for shape in free if could_be_label(shape)]
    named = [shape for shape in fitting if shape.named in LABEL_NAMES]
    if len(named) == 1:
        return Role(named[0].name, why_label(named[0], "named so"))
    if len(fitting) == 1:
        return Role(fitting[0].name, why_label(fitting[0], "the only column of this kind"))
    if fitting:
        raise ambiguous("label", named or fitting)
    left = [shape for shape in free if shape.named in LABEL_NAMES] or free
    if len(left) == 1 and left[0].longest <= LABEL_CHARACTERS and few_enough(left[0]):
        return Role(left[0].name, why_label(left[0], "the only column left"))
    raise none_fits("label", free, "has few values that come again and again")


def could_be_label(shape: Shape) -> bool:
    return shape.distinct >= 2 and shape.repeats >= 2 and shape.longest <= LABEL_CHARACTERS


def few_enough(shape: Shape) -> bool:
    """In a tiny or broken file classes may not repeat; the later checks say what is wrong."""
    return shape.distinct < 10 or shape.repeats >= 2


def why_label(shape: Shape, reason: str) -> str:
    return (
        f"{reason}: {shape.distinct:,} different "
        f"{'numbers, taken as class names,' if shape.numeric else 'values'} "
        f"in {shape.filled:,} rows"
    )


def ambiguous(role: str, fitting: list[Shape]) -> RequestRefused:
    listed = "; ".join(shape.describe() for shape in fitting[:6])
    first = fitting[0].name
    return RequestRefused(
        f"More than one column could be the {role}: {listed}.",
        code="ambiguous_columns",
        param="columns",
        fix=f'Say which, for example columns={{"{role}": "{first}"}}.',
    )


def none_fits(role: str, free: list[Shape], wanted: str) -> RequestRefused:
    listed = "; ".join(shape.describe() for shape in free[:6]) or "no column is left"
    return RequestRefused(
        f"No column {wanted}, so none was taken for the {role}: {listed}.",
        code=f"no_{role}_column",
        param="columns",
        fix=f'Say which it is: columns={{"{role}": "…"}}.',
    )
