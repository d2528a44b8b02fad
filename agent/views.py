"""What a channel draws: plain data with no opinion on how it looks.

Which result becomes which view is decided in `agent.shown`; `agent.view_text` tells the same as
Markdown. This module only knows the shapes.
Every text in a view is ready to be shown, in the language of who reads it.
"""

from dataclasses import dataclass, field
from typing import Literal

Cell = str | int | float | None
Decision = Literal["approve", "reject"]
Role = Literal["system", "user", "assistant", "tool"]
Tone = Literal["", "wait", "busy", "good", "bad", "quiet"]
"""The mood of a state: the colour of its mark, and nothing that words do not say too."""


@dataclass(frozen=True)
class Table:
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    folded: bool = False
    """Whether it is drawn closed, to be opened by who wants to know."""
    tones: list[Tone] = field(default_factory=list)
    """The mood of each row, such as of a problem; empty where rows have none."""


@dataclass(frozen=True)
class Chart:
    """One series. `x` and `y` are equally long.

    An `interval` has a row for each `x`: its value, and whiskers from `low` to `high`.
    """

    kind: Literal["bar", "line", "interval"]
    title: str
    x: list[Cell]
    y: list[float]
    x_title: str = ""
    y_title: str = ""
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Link:
    """Something that can be opened; `url` is relative to the server."""

    text: str
    url: str


@dataclass(frozen=True)
class Action:
    """A button. It says something for the user, decides an approval, or opens another thread."""

    label: str
    say: str = ""
    """What is sent to the chat as the user's words."""
    decide: Decision | None = None
    approval_id: str = ""
    """The approval that `decide` is about."""
    talk: str = ""
    """The endpoint that a conversation of its own is opened with."""


@dataclass(frozen=True)
class Phase:
    label: str
    state: Literal["done", "now", "later"]


@dataclass(frozen=True)
class Progress:
    """How far something on its way is."""

    label: str
    """What is being done now, such as `Training`."""
    share: float | None
    """From 0 to 1; None: not known yet."""
    phases: list[Phase] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Field:
    """A value of a plan that can be changed where it stands; that asks for another approval."""

    name: str
    """Of the tool's argument."""
    label: str
    value: str
    kind: Literal["int", "float", "choice"]
    least: float | None = None
    most: float | None = None
    choices: list[str] = field(default_factory=list)
    set_by_user: bool = False
    origin: str = ""
    """`set_by_user` in words."""
    reason: str = ""


@dataclass(frozen=True)
class Form:
    """A field to try an endpoint with."""

    target: str
    """The endpoint's name."""
    label: str
    placeholder: str
    button: str
    mine: str
    """Name of the endpoint's model, above its answer."""
    other: str = ""
    """Name of what answers beside it; empty where there is nothing to compare with."""
    long: bool = False
    """Whether texts of several lines are asked and answered, as of a chat model."""


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Role
    who: str
    """The role in words."""
    text: str
    note: str = ""
    """What is to be known of it, such as that it was cut."""


@dataclass(frozen=True)
class Talk:
    """One conversation of a dataset."""

    title: str
    turns: list[Turn]


@dataclass(frozen=True)
class Piece:
    """A part of a text as the model reads it."""

    text: str
    trained: bool
    """Whether the loss falls on it."""


@dataclass(frozen=True)
class Mask:
    """One row as the model reads it, in pieces that are trained and pieces that are only read."""

    title: str
    pieces: list[Piece]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a training on a chat dataset would learn; another row is asked for by its number."""

    title: str
    dataset: str
    base: str
    masks: list[Mask]


@dataclass(frozen=True)
class Answer:
    """What one model answered."""

    who: str
    text: str
    note: str = ""
    """What is to be known of it, such as that it did not end, or how long it took."""
    tone: Tone = ""
    """Of the note."""
    writing: bool = False
    """Whether more of it is still to come."""


@dataclass(frozen=True)
class Exchange:
    """A prompt, and the answers to it side by side; the first is the one that matters."""

    title: str
    turns: list[Turn]
    answers: list[Answer]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Rows of a dataset, one page of them; further ones are asked for by number."""

    title: str
    dataset: str
    columns: list[str]
    rows: list[list[Cell]]
    page: int
    pages: int
    total: int
    labels: list[str] = field(default_factory=list)
    """What the rows can be narrowed to."""
    talks: list[Talk] = field(default_factory=list)
    """The rows of a chat dataset, which has no columns."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One card. Parts are drawn in the order of the fields; empty ones are left out."""

    title: str
    kind: str = ""
    """`dataset`, `quote`, `approval`, `run`, `model`, `endpoint`, `answer`, `passages`, `list`,
    `file`, `check`, `documents`, `talk` or `error`."""
    key: str = ""
    """The thing shown, such as `run_1`: a newer view of the same key replaces the older."""
    state: str = ""
    """State of a run, endpoint or approval, for programs; empty where there is none."""
    state_label: str = ""
    """The state in words."""
    tone: Tone = ""
    summary: str = ""
    """The one sentence that matters."""
    progress: Progress | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    preview: Preview | None = None
    sample: Sample | None = None
    form: Form | None = None
    code: list[tuple[str, str]] = field(default_factory=list)
    """Language and text."""
    links: list[Link] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    """The first is the one next step."""
