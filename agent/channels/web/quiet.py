"""What is said beside an answer: its cost, what was wrong, and which figures have no source."""

import math
from typing import Any

from agent.events import Spent, TurnFailed
from agent.language import Words
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
    tokens = w(
        "{input} tokens read, {output} written",
        input=f"{spent.input_tokens:,}",
        output=f"{spent.output_tokens:,}",
    )
    parts = [spent.model, w("about {tokens}", tokens=tokens) if spent.estimated else tokens]
    if spent.cost is not None:
        parts.append(f"{amount(spent.cost)} {spent.currency or ''}".strip())
    return " · ".join(parts)


def amount(cost: float) -> str:
    """Two digits that say something, also of very little money."""
    leading = 0 if cost >= 1 or cost == 0 else -math.floor(math.log10(cost)) - 1
    return f"{cost:.{leading + 2}f}"


def failure_of(event: TurnFailed, w: Words) -> str:
    """What happened, and where it is explained."""
    if not event.code:
        return event.message
    return f"{event.message} [{w('What this means')}]({help_url(event.code, w)})"
