"""Where the answers of a conversation stand in its rendered text.

An answer begins where the prompt for it ends, and ends with the text that closes a turn. Both
are found by rendering: a template is never taken apart or guessed at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.chat.messages import Message
from core.chat.template import Template
from core.errors import RequestRefused

MARK = "q7f3wz"
"""A word that no template contains."""
ASKED: Message = {"role": "user", "content": "a"}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One answer in the rendered text, in characters."""

    at: int
    """Position of the message."""
    begin: int | None = None
    """Where the prompt for it ends; none when that prompt is not what the text begins with."""
    end: int = 0
    """Behind the text that closes the turn, before white space that follows it."""
    closed: bool = False
    because: str = ""
    """Why it cannot train; empty when it can."""


def endings(template: Template, specials: Iterable[str]) -> tuple[str, ...]:
    """The texts with which the template closes an answer, and one that calls a tool."""
    known = sorted(specials, key=len, reverse=True)
    call = {"type": "function", "id": "a1b2c3d4e", "function": {"name": MARK, "arguments": {}}}
    answers: list[Message] = [
        {"role": "assistant", "content": MARK},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    found = [ending(template, answer, known) for answer in answers]
    return tuple(dict.fromkeys(text for text in found if text))


def ending(template: Template, answer: Message, specials: Sequence[str]) -> str:
    """The first special token behind an answer's last word, or nothing."""
    try:
        text = template.render([ASKED, answer])
    except RequestRefused:  # it knows no tools, or demands another order
        return ""
    behind = text.rpartition(MARK)[2]
    places = [(behind.find(token), -len(token), token) for token in specials if token in behind]
    return min(places)[2] if MARK in text and places else ""


def starts(
    template: Template,
    messages: Sequence[Message],
    tools: list[dict[str, Any]] | None,
    text: str,
) -> list[int]:
    """Where in the text each answer begins whose prompt is the beginning of the text."""
    found = []
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            prompt = attempt(template, messages[:at], tools, generate=True)
            if prompt is not None and text.startswith(prompt):
                found.append(len(prompt))
    return found


def find_turns(
    template: Template,
    messages: Sequence[Message],
    tools: list[dict[str, Any]] | None,
    text: str,
    closing: tuple[str, ...],
) -> list[Turn]:
    """Every answer, in order."""
    found = []
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            prompt = attempt(template, messages[:at], tools, generate=True)
            is_last = at == len(messages) - 1
            then = text if is_last else attempt(template, messages[: at + 1], tools)
            found.append(locate(at, prompt, then, text, closing))
    return found


def attempt(
    template: Template,
    messages: Sequence[Message],
    tools: list[dict[str, Any]] | None,
    generate: bool = False,
) -> str | None:
    """A beginning of the conversation; none where the template refuses so little of it, as many
    do when an answer comes before any question."""
    try:
        return template.render(messages, generate=generate, tools=tools)
    except RequestRefused:
        return None


def locate(
    at: int,
    prompt: str | None,
    then: str | None,
    text: str,
    closing: tuple[str, ...],
) -> Turn:
    """One answer: `then` is the conversation when it had just been given, `text` the whole."""
    if prompt is None or not text.startswith(prompt):
        return Turn(at=at, because="changed_by_template")
    begin = len(prompt)
    if then is None or not then.startswith(prompt):
        return Turn(at=at, begin=begin, because="changed_by_template")
    end, closed = close(then, begin, closing)
    because = "" if then[:end] == text[:end] else "changed_by_template"
    return Turn(at=at, begin=begin, end=end, closed=closed, because=because)


def close(then: str, begin: int, closing: tuple[str, ...]) -> tuple[int, bool]:
    """Behind the last text that closes a turn, else behind the last visible character."""
    ends = [found + len(text) for text in closing if (found := then.rfind(text, begin)) >= 0]
    if ends:
        return max(ends), True
    return max(begin, len(then.rstrip())), False
