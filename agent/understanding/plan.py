"""What understanding hands back: steps to take, a question to ask, words to say."""

from dataclasses import dataclass, field
from typing import Any

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One call of one tool."""

    tool: str
    arguments: Arguments = field(default_factory=dict)
    if_unclear: Arguments = field(default_factory=dict)
    """What the words say for the case that the data leaves it open, such as {"task": "chat"}."""


@dataclass(frozen=True)
class Plan:
    """Steps in order, or a question that must be answered first, or only words."""

    steps: list[Step] = field(default_factory=list)
    ask: str | None = None
    reply: str = ""
    """What is said before the steps, or instead of them."""


@dataclass(frozen=True)
class Turn:
    """One thing that was said or done earlier in the conversation."""

    role: str
    """`user`, `assistant`, or `call` for a tool call as JSON."""
    text: str
