"""Words, names and history in; a plan out. The same input always gives the same plan."""

from collections.abc import Sequence

from agent.understanding.follow import follow_up
from agent.understanding.fresh import fresh
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
    past = list(history)
    known = with_history(world, past)
    said = tidy(text)[:MAX_READ]
    if not said:
        said = "make a dataset from this" if file else ""
    answered = follow_up(said, known, past, file)
    return answered or fresh(said, known, past, file, text.strip())
