"""A view as plain text: Markdown for terminals, exports and channels that cannot draw.

Charts become lines of block characters, trained text stands between brackets, and buttons become
what to type.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from agent.language import Words
from agent.views import (
    Action,
    Answer,
    Cell,
    Chart,
    Exchange,
    Field,
    Mask,
    Piece,
    Preview,
    Progress,
    Sample,
    Table,
    Talk,
    Turn,
    View,
)

WIDTH = 80
"""Columns of a terminal; Chinese characters take two."""
BLOCKS = "▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH = 40
BAR_WIDTH = 24
MOST_BARS = 12
OPEN, CLOSE = "⟦", "⟧"
"""Around the text that is trained on."""
MARKS = {"done": "✓", "now": "▸", "later": "·"}


def as_text(view: View, w: Words, host: str = "") -> str:
    """The view as Markdown.

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
        *(exchange_as_text(exchange, w) for exchange in view.exchanges),
        preview_as_text(view.preview, w) if view.preview else "",
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
    if sample.talks:
        talks = map(talk_as_text, sample.talks)
        return "\n\n".join([heading(title, w).strip(), *talks])
    return table_as_text(Table(title, sample.columns, sample.rows), w)


# Conversations


def talk_as_text(talk: Talk) -> str:
    return "\n".join([f"**{talk.title}**", "", *(turn_as_text(turn) for turn in talk.turns)])


def turn_as_text(turn: Turn) -> str:
    return said(turn.who, turn.text, turn.note)


def said(who: str, text: str, note: str) -> str:
    """A point of a list; what has several lines stays below its point."""
    head = f"{who} ({note})" if note else who
    return f"- **{head}**: " + "\n  ".join(text.splitlines())


def exchange_as_text(exchange: Exchange, w: Words) -> str:
    """The prompt, and each answer as a point of its own."""
    lines = [f"**{exchange.title}**", ""] if exchange.title else []
    lines += [turn_as_text(turn) for turn in exchange.turns]
    return "\n".join([*lines, *(answer_as_text(answer, w) for answer in exchange.answers)])


def answer_as_text(answer: Answer, w: Words) -> str:
    return said(answer.who, answer.text or w("(nothing)"), answer.note)


def preview_as_text(preview: Preview, w: Words) -> str:
    """Each row with what is trained between brackets."""
    legend = w("What stands between {open} and {close} is trained on.", open=OPEN, close=CLOSE)
    masks = [mask_as_text(mask) for mask in preview.masks]
    return "\n\n".join([heading(preview.title, w).strip(), legend, *masks]) if masks else ""


def mask_as_text(mask: Mask) -> str:
    text = "".join(piece_as_text(piece) for piece in mask.pieces)
    return f"**{mask.title}**\n\n{block('', text)}"


def piece_as_text(piece: Piece) -> str:
    return f"{OPEN}{piece.text}{CLOSE}" if piece.trained else piece.text


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
    typed = [action.say for action in view.actions if action.say]
    if view.form:
        form = view.form
        typed.append(w("Ask {endpoint}: {text}", endpoint=form.target, text=form.placeholder))
    return "\n".join([w("You can say:"), *(f"- {words}" for words in typed)]) if typed else ""
