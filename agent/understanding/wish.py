"""One understood part of a request, and what it amounts to."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.understanding.names import Mentions
from agent.understanding.plan import Step
from agent.understanding.scene import Scene
from agent.understanding.slots import compact

EXPLETIVE = re.compile(
    r"\b(?:would|will|does|might|could|is) (?:it|this|that) (?:all )?(?:take|cost|need)\b"
)


@dataclass(frozen=True)
class Wish:
    """One understood part of a request."""

    intent: str
    raw: str
    """The words it came from, as typed, with what qualifies them."""
    named: Mentions
    tags: frozenset[str]
    whole: str = ""
    """The whole request, for what may stand anywhere in it."""

    @property
    def pointed(self) -> bool:
        """Whether `it`, or `the newest`, stands for the thing meant; not in `would it take`."""
        if re.search(r"\b(?:last|latest|newest)\b", self.raw):
            return True
        return "PRONOUN" in self.tags and not EXPLETIVE.search(self.raw.lower())


@dataclass(frozen=True)
class Answer:
    """What a wish amounts to: steps, or a question, or words."""

    steps: list[Step] = field(default_factory=list)
    ask: str | None = None
    reply: str = ""


Builder = Callable[[Wish, Scene], Answer]


def step(tool: str, /, **arguments: object) -> Answer:
    return Answer([Step(tool, compact(**arguments))])


def which(kind: str, candidates: list[str], otherwise: str) -> Answer:
    """A question that names the candidates."""
    if candidates:
        return Answer(ask=f"Which {kind}: {listed(candidates)}?")
    return Answer(ask=otherwise)


def listed(names: list[str]) -> str:
    shown = names[-8:]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
