"""What is said beside an answer: its cost, what was wrong, and which figures have no source."""

from typing import Any

from agent.events import Spent, TurnFailed
from agent.language import Words
from agent.shown.cost import taken
from agent.shown.errors import fixes, help_url, message
from agent.shown.figures import joined

Json = dict[str, Any]
MARK = "⁽?⁾"


def marked(text: str, marks: list[Json]) -> str:
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
    return " ".join(part for part in (event.message, meaning(event.code, w)) if part)


def refusal_of(error: Json, w: Words) -> str:
    """Why a tool did not do it, what to do, and where that is explained."""
    words = joined([message(error, w), *fixes(error, w)], w)
    return " ".join(part for part in (words, meaning_of(error, w)) if part)


def meaning_of(error: Json, w: Words) -> str:
    return meaning(str(error.get("code") or ""), w)


def meaning(code: str, w: Words) -> str:
    """A link to the section of the help; nothing for what has no code."""
    return f"[{w('What this means')}]({help_url(code, w)})" if code else ""
