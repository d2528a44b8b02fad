"""A view becomes a card: Markdown, Plotly charts and buttons. Plain data, no Chainlit."""

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agent.views import Action, Cell, Chart, Table, View

Json = dict[str, Any]
NAMESPACE = uuid.UUID("6f0c4a5e-3a57-4c0b-9d0e-7b7f3a1e2c44")
NUMBER = re.compile(r"[-+–]?\d[\d.,]*( ?(%|ms|s|min|B|KB|MB|GB))?( – [\d.,]+ ?%)?|–|")
"""A figure with its unit, as it stands in a cell."""
UNIT_GAP = re.compile(r"(?<=\d) (?=(%|ms|s|min|B|KB|MB|GB)\b|%)")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~$!])")
INK = "#7c8591"
"""Grey that can be read on the light page and on the dark one; the charts are transparent."""
COLOR = "#1f9488"
MAX_CELL_CHARACTERS = 300
ICONS = {"approve": "check", "reject": "x"}
NEXT_STEP = "arrow-right"
"""The icon that public/thimble.css draws as the card's main button."""


@dataclass(frozen=True)
class Element:
    """Something drawn below a card's text."""

    type: str
    """`plotly`, or `custom` for a file of public/elements/."""
    name: str
    content: Json


@dataclass(frozen=True)
class Button:
    name: str
    """Which callback it calls: `say` or `decide`."""
    label: str
    payload: Json
    icon: str = ""


@dataclass(frozen=True)
class Card:
    """One message of the chat that Thimble may change later."""

    content: str
    elements: list[Element] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    key: str = ""
    """The record it shows, such as `run_1`; empty for a card that stays as it is."""


def name_id(*parts: str) -> str:
    """A UUID that is the same whenever it is made of the same parts."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def draw(view: View) -> Card:
    return Card(
        content=text_of(view),
        elements=[Element("plotly", chart.title, figure(chart)) for chart in drawable(view)],
        buttons=[button(action, at == 0) for at, action in enumerate(view.actions)],
        key=view.key,
    )


def drawable(view: View) -> list[Chart]:
    return [chart for chart in view.charts if chart.y]


def text_of(view: View) -> str:
    """The view's words and tables as Markdown; charts and buttons are drawn beside it."""
    parts = [
        f"#### {escape(view.title)}",
        facts_of(view.facts),
        *(table_of(table) for table in view.tables),
        *(f"```{language}\n{fenced(text)}\n```" for language, text in view.code),
        "\n".join(f"- [{escape(link.text)}]({link.url})" for link in view.links),
        *view.notes,
    ]
    return UNIT_GAP.sub("\u00a0", "\n\n".join(part for part in parts if part))


def facts_of(facts: Iterable[tuple[str, str]]) -> str:
    rows = [f"| {cell(label)} | {cell(value)} |" for label, value in facts]
    return "\n".join(["| | |", "|:--|:--|", *rows]) if rows else ""


def table_of(table: Table) -> str:
    """A Markdown table with figures to the right; cells cannot break out of it."""
    if not table.rows:
        return ""
    rules = [rule([row[at] for row in table.rows]) for at in range(len(table.columns))]
    lines = [line(table.columns), f"|{'|'.join(rules)}|", *(line(row) for row in table.rows)]
    return "\n".join([*([f"**{escape(table.title)}**\n"] if table.title else []), *lines])


def rule(column: list[Cell]) -> str:
    return "--:" if all(is_figure(value) for value in column) else ":--"


def is_figure(value: Cell) -> bool:
    return not isinstance(value, str) or NUMBER.fullmatch(value) is not None


def line(cells: Iterable[Cell]) -> str:
    return "| " + " | ".join(cell(value) for value in cells) + " |"


def cell(value: Cell) -> str:
    if value is None:
        return ""
    words = " ".join(str(value).split())
    if len(words) > MAX_CELL_CHARACTERS:
        words = words[:MAX_CELL_CHARACTERS] + " …"
    return escape(words)


def escape(text: str) -> str:
    """The text as it is: what comes from somebody's data is never read as Markdown."""
    return SPECIAL.sub(r"\\\1", text)


def fenced(text: str) -> str:
    return text.rstrip().replace("```", "'''")


def button(action: Action, first: bool) -> Button:
    if action.decide is None:
        icon = NEXT_STEP if first else "message-square"
        return Button("say", action.label, {"text": action.say}, icon)
    payload = {"approval_id": action.approval_id, "decision": action.decide}
    return Button("decide", action.label, payload, ICONS[action.decide])


def figure(chart: Chart) -> Json:
    """The chart for Plotly. No background of its own, so that it suits light and dark."""
    if chart.kind == "bar":
        return bars(chart)
    trace: Json = {"type": "scatter", "mode": "lines", "x": chart.x, "y": chart.y}
    trace["line"] = {"color": COLOR, "width": 2}
    return {"data": [trace], "layout": layout(chart, 260), "config": CONFIG}


LONG_LABEL_CHARACTERS = 14
MANY_BARS = 12


def bars(chart: Chart) -> Json:
    """Upright for figures and short labels; lying, with room for the words, for long ones."""
    labels = [str(value) for value in chart.x]
    words = any(isinstance(value, str) for value in chart.x)
    lying = words and (max(map(len, labels)) > LONG_LABEL_CHARACTERS or len(labels) > MANY_BARS)
    trace: Json = {"type": "bar", "marker": {"color": COLOR}, "x": labels, "y": chart.y}
    made = layout(chart, 260)
    if lying:
        trace |= {"x": chart.y, "y": labels, "orientation": "h"}
        made = layout(chart, 90 + 22 * len(labels))
        made["xaxis"], made["yaxis"] = made["yaxis"], made["xaxis"]
        made["yaxis"] |= {"autorange": "reversed", "dtick": 1, "title": None}
    if words:
        made["yaxis" if lying else "xaxis"]["type"] = "category"
    return {"data": [trace], "layout": made, "config": CONFIG}


CONFIG = {"displayModeBar": False, "responsive": True}


def layout(chart: Chart, height: int) -> Json:
    axis = {"gridcolor": "rgba(128,128,128,0.18)", "zeroline": False, "automargin": True}
    small = {"size": 12}
    return {
        "title": {"text": plain(chart.title), "font": {"size": 14}, "x": 0},
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 44, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "bargap": 0.25,
        "showlegend": False,
        "xaxis": axis | {"title": {"text": plain(chart.x_title), "font": small}},
        "yaxis": axis | {"title": {"text": plain(chart.y_title), "font": small}},
    }


def plain(text: str) -> str:
    """Plotly reads some HTML in its texts."""
    return text.replace("<", "‹").replace(">", "›")


def element_bytes(element: Element) -> bytes:
    return json.dumps(element.content, ensure_ascii=False, allow_nan=False).encode()
