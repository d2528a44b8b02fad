"""What a channel draws: plain data with no opinion on how it looks, and the same as Markdown.

Which result becomes which view is decided in `agent.shown`; this module only knows the shapes.
Every text in a view is ready to be shown, in the language of who reads it.
"""

import re
import unicodedata
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


# The same as plain text ------------------------------------------------------------------------

WIDTH = 80
"""Columns of a terminal; Chinese characters take two."""
BLOCKS = "▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH = 40
BAR_WIDTH = 24
MOST_BARS = 12
MARKS = {"done": "✓", "now": "▸", "later": "·"}


def as_text(view: View, w: Words, host: str = "") -> str:
    """The view as Markdown, for terminals, exports and channels that cannot draw.

    Charts become lines of block characters; buttons become what to type.

    Args:
        host: Put before the addresses of links, such as `http://127.0.0.1:8000`.
    """
    parts = [
        " · ".join(part for part in (f"**{view.title}**", view.state_label) if part),
        view.summary,
        progress_as_text(view.progress, w) if view.progress else "",
        facts_as_text(view.facts, w),
        fields_as_text(view.fields, w),
        *(chart_as_text(chart, w) for chart in view.charts),
        *(table_as_text(table, w) for table in view.tables),
        sample_as_text(view.sample, w) if view.sample else "",
        *(block(language, text) for language, text in view.code),
        "\n".join(f"- [{link.text}]({address(link.url, host)})" for link in view.links),
        "\n\n".join(view.notes),
        decisions_as_text(view.actions, w),
        words_to_say(view, w),
    ]
    return "\n\n".join(part for part in parts if part)


def block(language: str, text: str) -> str:
    """Code between fences longer than any that stands in it."""
    inside = max(map(len, re.findall("`{3,}", text)), default=2)
    fence = "`" * (inside + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def address(url: str, host: str) -> str:
    return f"{host}{url}" if url.startswith("/") else url


def progress_as_text(progress: Progress, w: Words) -> str:
    share = progress.share
    done = "" if share is None else f" {filled(share)} {100 * share:.0f} %"
    steps = " ".join(f"{MARKS[phase.state]} {phase.label}" for phase in progress.phases)
    lines = [f"{progress.label}{done}", steps, facts_as_text(progress.facts, w)]
    return "\n".join(line for line in lines if line)


def filled(share: float, width: int = BAR_WIDTH) -> str:
    full = round(width * share)
    return "█" * full + "░" * (width - full)


def facts_as_text(facts: Sequence[tuple[str, str]], w: Words) -> str:
    return "\n".join(
        f"- {w('{label}: {value}', label=label, value=value)}" for label, value in facts
    )


def fields_as_text(fields: Sequence[Field], w: Words) -> str:
    if not fields:
        return ""
    lines = [field_as_text(field, w) for field in fields]
    hint = w("To change a value, say for example “with rank 8 and 3 epochs”.")
    return "\n".join([*lines, "", hint])


def field_as_text(field: Field, w: Words) -> str:
    value = w("{label}: {value}", label=field.label, value=field.value)
    return " · ".join(part for part in (f"- {value}", field.origin, field.reason) if part)


def sample_as_text(sample: Sample, w: Words) -> str:
    pages = w("page {page} of {pages}", page=sample.page, pages=sample.pages)
    title = f"{sample.title} ({pages})" if sample.pages > 1 else sample.title
    return table_as_text(Table(title, sample.columns, sample.rows), w)


# Tables and charts


def table_as_text(table: Table, w: Words) -> str:
    """A Markdown table; one too wide for a terminal is a list. Cells cannot break out of it."""
    if not table.rows:
        return ""
    lines_of_cells: list[list[Cell]] = [[*table.columns], *table.rows]
    cells = [[cell_as_text(cell) for cell in row] for row in lines_of_cells]
    widths = [max(width(row[at]) for row in cells) for at in range(len(table.columns))]
    if sum(widths) + 3 * len(widths) + 1 > WIDTH and len(widths) > 1:
        lines = list_of(cells[0], cells[1:], w)
    else:
        rule = ["-" * max(3, size) for size in widths]
        lines = [row_as_text(row, widths) for row in (cells[0], rule, *cells[1:])]
    return "\n".join([*([heading(table.title, w)] if table.title else []), *lines])


def heading(title: str, w: Words) -> str:
    return w("{title}:", title=title) + "\n"


def row_as_text(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "| " + " | ".join(map(padded, cells, widths)) + " |"


def list_of(columns: Sequence[str], rows: Iterable[Sequence[str]], w: Words) -> list[str]:
    """Each row as a point: its first two cells, and below them the others with their columns."""
    lines = []
    for first, second, *others in rows:
        lines.append("- " + (w("{label}: {value}", label=first, value=second) if second else first))
        for name, cell in zip(columns[2:], others, strict=True):
            if cell:
                lines.append("  " + w("{label}: {value}", label=name, value=cell))
    return lines


def cell_as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    return " ".join(str(cell).split()).replace("|", "\\|")


def width(text: str) -> int:
    """Columns that the text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def padded(text: str, size: int) -> str:
    return text + " " * (size - width(text))


def chart_as_text(chart: Chart, w: Words) -> str:
    if not chart.y:
        return ""
    match chart.kind:
        case "line":
            return w("{label}: {value}", label=chart.title, value=sparkline(chart))
        case "bar":
            lines = bars(chart)
        case "interval":
            lines = intervals(chart)
    return "\n".join([heading(chart.title, w), "```", *lines, "```"])


def sparkline(chart: Chart) -> str:
    """The series as a line of blocks at most 40 wide, with its ends in figures."""
    step = max(1, -(-len(chart.y) // SPARKLINE_WIDTH))
    values = [max(chart.y[at : at + step]) for at in range(0, len(chart.y), step)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    drawn = "".join(BLOCKS[int((value - low) / span * (len(BLOCKS) - 1))] for value in values)
    return f"{drawn} ({chart.y[0]:g} … {chart.y[-1]:g})"


def bars(chart: Chart) -> list[str]:
    """A line for each of the first bars."""
    names, most = labels(chart.x[:MOST_BARS]), max(chart.y) or 1.0
    lines = [
        f"{name} {'█' * max(value > 0, round(BAR_WIDTH * value / most))} {value:,g}"
        for name, value in zip(names, chart.y, strict=False)
    ]
    return [*lines, "…"] if len(chart.y) > MOST_BARS else lines


def labels(values: Iterable[Cell]) -> list[str]:
    names = [cell_as_text(value) for value in values]
    size = max(map(width, names), default=0)
    return [padded(name, size) for name in names]


def intervals(chart: Chart) -> list[str]:
    """A line for each value: whiskers on a common scale, then the figures."""
    low, high = min(chart.low), max(chart.high)
    span = (high - low) or 1.0

    def place(value: float) -> int:
        return round((value - low) / span * (BAR_WIDTH - 1))

    lines = []
    rows = zip(labels(chart.x), chart.low, chart.y, chart.high, strict=True)
    for name, least, value, most in rows:
        signs = [" "] * BAR_WIDTH
        signs[place(least) : place(most) + 1] = "─" * (place(most) - place(least) + 1)
        signs[place(value)] = "●"
        figures = f"{value:g} {chart.x_title or chart.y_title} ({least:g}–{most:g})"
        lines.append(f"{name} {''.join(signs)} {' '.join(figures.split())}")
    return lines


def decisions_as_text(actions: Sequence[Action], w: Words) -> str:
    lines = []
    for action in actions:
        if action.decide == "approve":
            lines.append(w("To approve: `thimble approve {id}`", id=action.approval_id))
        elif action.decide == "reject":
            lines.append(w("To reject: `thimble approve {id} --reject`", id=action.approval_id))
    return "\n".join(lines)


def words_to_say(view: View, w: Words) -> str:
    """What the buttons and the field to try would say, to be typed."""
    said = [action.say for action in view.actions if action.say]
    if view.form:
        form = view.form
        said.append(w("Ask {endpoint}: {text}", endpoint=form.target, text=form.placeholder))
    return "\n".join([w("You can say:"), *(f"- {words}" for words in said)]) if said else ""
