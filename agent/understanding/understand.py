"""Words, names and history in; a plan out. The same input always gives the same plan."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.understanding.follow import follow_up
from agent.understanding.fresh import fresh
from agent.understanding.hanzi import plain
from agent.understanding.names import with_history
from agent.understanding.plan import Plan, Turn
from agent.understanding.text import tidy
from agent.world import FileName, World

MAX_READ = 4_000
"""Characters of a request that are read; more is text that belongs in a file."""


def understand(
    text: str,
    world: World,
    history: Sequence[Turn] = (),
    file: Sequence[FileName] = (),
) -> Plan:
    """What to do about a request.

    Args:
        text: The user's words.
        world: The names that exist.
        history: What was said before, the oldest first.
        file: The files attached to this message.
    """
    past = [
        turn if turn.role == "call" else replace(turn, text=plain(turn.text)) for turn in history
    ]
    known = with_history(world, past)
    typed = tidy(text)[:MAX_READ]
    said = plain(typed)
    if not said:
        said = "make a dataset from this" if file else ""
    found = follow_up(said, known, past, file) or fresh(said, known, past, file, text.strip())
    return as_written(found, [typed, *(tidy(turn.text) for turn in reversed(history))])


def as_written(plan: Plan, texts: Sequence[str]) -> Plan:
    """The plan with values in the characters in which they were written, not as we read them."""
    changed = [(plain(text), text) for text in texts if plain(text) != text]
    if not changed:
        return plan
    steps = [replace(step, arguments=restored(step.arguments, changed)) for step in plan.steps]
    return replace(plan, steps=steps)


def restored(value: Any, changed: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict):
        return {name: restored(part, changed) for name, part in value.items()}
    if not isinstance(value, str):
        return value
    for read, written in changed:
        at = read.find(value)
        if at >= 0:
            return written[at : at + len(value)]
    return value
