"""What a channel draws: plain data with no opinion on how it looks, and the same as Markdown.

Which result becomes which view is decided in `agent.shown`; this module only knows the shapes.
Every text in a view is ready to be shown, in the language of who reads it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agent.language import Words

Cell = str | int | float | None
Decision = Literal["approve", "reject"]
Tone = Literal["", "wait", "busy", "good", "bad", "quiet"]
"""The mood of a state: the colour of its mark, and nothing that words do not say too."""


@dataclass(frozen=True)
class Table:
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    folded: bool = False
    """Whether it is drawn closed, to be opened by who wants to know."""


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
    """A button. It either says something for the user or decides an approval."""

    label: str
    say: str = ""
    """What is sent to the chat as the user's words."""
    decide: Decision | None = None
    approval_id: str = ""
    """The approval that `decide` is about."""


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


@dataclass(frozen=True, kw_only=True)
class View:
    """One card. Parts are drawn in the order of the fields; empty ones are left out."""

    title: str
    kind: str = ""
    """`dataset`, `quote`, `approval`, `run`, `model`, `endpoint`, `answer`, `passages`, `list`,
    `file`, `check`, `documents` or `error`."""
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
    sample: Sample | None = None
    form: Form | None = None
    code: list[tuple[str, str]] = field(default_factory=list)
    """Language and text."""
    links: list[Link] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    """The first is the one next step."""


def as_text(view: View, w: Words) -> str:
    """The view as Markdown, for terminals and channels that cannot draw.

    A chart becomes a line of block characters; actions become what to type.
    """
    parts = [
        f"**{view.title}**",
        facts_as_text(view.facts),
        *(table_as_text(table) for table in view.tables),
        *(chart_as_text(chart) for chart in view.charts),
        *(f"```{language}\n{text}\n```" for language, text in view.code),
        "\n".join(f"- [{link.text}]({link.url})" for link in view.links),
        "\n".join(view.notes),
        actions_as_text(view.actions, w),
    ]
    return "\n\n".join(part for part in parts if part)


def facts_as_text(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {label}: {value}" for label, value in facts)


def table_as_text(table: Table) -> str:
    """A Markdown table; cells cannot break out of it."""
    if not table.rows:
        return ""
    lines = [row_as_text(table.columns), row_as_text(["---"] * len(table.columns))]
    lines += [row_as_text(row) for row in table.rows]
    return "\n".join([*([f"{table.title}:\n"] if table.title else []), *lines])


def row_as_text(cells: Iterable[Cell]) -> str:
    return "| " + " | ".join(cell_as_text(cell) for cell in cells) + " |"


def cell_as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    return " ".join(str(cell).split()).replace("|", "\\|")


BLOCKS = "▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH = 40


def chart_as_text(chart: Chart) -> str:
    """The series as a line of blocks at most 40 wide, with its ends in figures."""
    if not chart.y:
        return ""
    step = max(1, -(-len(chart.y) // SPARKLINE_WIDTH))
    values = [max(chart.y[at : at + step]) for at in range(0, len(chart.y), step)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    drawn = "".join(BLOCKS[int((value - low) / span * (len(BLOCKS) - 1))] for value in values)
    return f"{chart.title}: {drawn} ({chart.y[0]:g} … {chart.y[-1]:g})"


def actions_as_text(actions: Sequence[Action], w: Words) -> str:
    lines = []
    for action in actions:
        if action.decide == "approve":
            lines.append(w("To approve: `thimble approve {id}`", id=action.approval_id))
        elif action.decide == "reject":
            lines.append(w("To reject: `thimble approve {id} --reject`", id=action.approval_id))
        elif action.say:
            lines.append(w("{button}: say “{words}”", button=action.label, words=action.say))
    return "\n".join(lines)
