"""A view becomes a card: the data that public/cards draws. Plain data, no Chainlit."""

import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agent.language import Words
from agent.views import Chart, View

Json = dict[str, Any]
NAMESPACE = uuid.UUID("6f0c4a5e-3a57-4c0b-9d0e-7b7f3a1e2c44")
AUTHOR = "Thimble"
ELEMENT = "Card"
"""The file of public/elements that draws every card."""
MAX_POINTS = 160
"""Of a curve: more cannot be told apart at the width of a card."""


@dataclass(frozen=True)
class Card:
    """One message of the chat that Thimble may change later."""

    view: Json
    words: dict[str, str] = field(default_factory=dict)
    key: str = ""
    """The record it shows, such as `run_1`; empty for a card that stays as it is."""

    @property
    def props(self) -> Json:
        """What the element in the page is given."""
        return {"view": self.view, "words": self.words}


def name_id(*parts: str) -> str:
    """A UUID that is the same whenever it is made of the same parts."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def draw(view: View, w: Words) -> Card:
    """The card of a view; `w` has the words of its buttons and fields that no view carries."""
    thin = replace(view, charts=[thinned(chart) for chart in view.charts])
    return Card(asdict(thin), words(w), view.key)


def thinned(chart: Chart) -> Chart:
    """A line of at most `MAX_POINTS`, the newest always among them; other charts as they are."""
    if chart.kind != "line" or len(chart.x) <= MAX_POINTS:
        return chart
    every = -(-len(chart.x) // MAX_POINTS)
    return replace(chart, x=chart.x[::-1][::every][::-1], y=chart.y[::-1][::every][::-1])


def message(
    message_id: str, thread_id: str, card: Card, created: str, parent_id: str | None = None
) -> Json:
    """The message as Chainlit keeps it: one without text. Search and export read the view in it."""
    return {
        "id": message_id,
        "threadId": thread_id,
        "parentId": parent_id,
        "createdAt": created,
        "start": created,
        "end": created,
        "output": "",
        "name": AUTHOR,
        "type": "assistant_message",
        "streaming": False,
        "isError": False,
        "waitForAnswer": False,
        "metadata": {"key": card.key, "view": card.view},
    }


def element(step: Json, card: Card) -> Json:
    """What draws the message, as Chainlit keeps it."""
    return {
        "id": name_id(step["id"], ELEMENT),
        "forId": step["id"],
        "threadId": step["threadId"],
        "type": "custom",
        "name": ELEMENT,
        "display": "inline",
        "mime": "application/json",
        "props": card.props,
    }


def words(w: Words) -> dict[str, str]:
    """What stands on a card besides its view. `{…}` is filled in by the page."""
    return {**reading_words(w), **plan_words(w), **sample_words(w), **talk_words(w)}


def reading_words(w: Words) -> dict[str, str]:
    return {
        "details": w("Details"),
        "less": w("Less"),
        "all": w("Show all {count}", count="{count}"),
        "fewer": w("Show fewer"),
        "copy": w("Copy"),
        "copied": w("Copied"),
        "snippets": w("Ways to call it"),
        "labelled": w("{label}: {value}", label="{label}", value="{value}"),
        "gap": "" if w.language == "zh" else " ",
        "percent": w("{number} %", number="{number}"),
        "code_bash": "curl",
        "code_python": "Python",
        "latency": w("{number} ms", number="{number}"),
        "meaning": w("What this means"),
        "new_tab": w("(opens in a new tab)"),
        "unreachable": w("The server does not answer. Try again in a moment."),
        "still_answering": w("One moment: the answer before this is still being written."),
    }


def plan_words(w: Words) -> dict[str, str]:
    return {
        "ask_again": w("Ask with these numbers"),
        "undo": w("Back to the plan"),
        "more_settings": w("{count} more settings", count="{count}"),
        "instead_of": w("instead of {value}", value="{value}"),
        "lower": w("{name}: lower", name="{name}"),
        "higher": w("{name}: higher", name="{name}"),
        "between": w("A number from {least} to {most}.", least="{least}", most="{most}"),
        "whole_between": w(
            "A whole number from {least} to {most}.", least="{least}", most="{most}"
        ),
    }


def sample_words(w: Words) -> dict[str, str]:
    return {
        "label": w("Label"),
        "all_labels": w("All labels"),
        "previous": w("Previous"),
        "next": w("Next"),
        "page": w("Page {page} of {pages}", page="{page}", pages="{pages}"),
        "rows": w("{count} rows", count="{count}"),
    }


def talk_words(w: Words) -> dict[str, str]:
    return {
        "trained": w("trained on"),
        "only_read": w("only read"),
        "look_at_row": w("Look at another row"),
        "row_number": w("Row number"),
        "look": w("Look"),
        "whole": w("Show all of it"),
        "nothing": w("(nothing)"),
        "writing": w("is writing"),
        "side_by_side": w("Answers to test rows, side by side"),
    }
