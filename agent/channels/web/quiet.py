"""What is said beside an answer: its cost, what was wrong, and which figures have no source."""

from typing import Any

from agent.events import Spent, TurnFailed
from agent.language import Words
from agent.shown.cost import taken
from agent.shown.errors import help_url

MARK = "⁽?⁾"


def marked(text: str, marks: list[dict[str, Any]]) -> str:
    """The text with a sign behind each figure that is marked, by `start` and `end`."""
    for mark in sorted(marks, key=lambda one: -int(one["end"])):
        end = int(mark["end"])
        text = text[:end] + MARK + text[end:]
    return text


def note_on_marks(w: Words) -> str:
    return w("{mark} This figure stands in no result of this answer: check it.", mark=MARK)


def cost_of(spent: Spent, w: Words) -> str:
    """Such as `gpt-x · 1,204 tokens read, 87 written · 0.0004 USD`."""
    return f"{spent.model} · {taken(spent, w)}"


def failure_of(event: TurnFailed, w: Words) -> str:
    """What happened, and where it is explained."""
    if not event.code:
        return event.message
    return f"{event.message} [{w('What this means')}]({help_url(event.code, w)})"
