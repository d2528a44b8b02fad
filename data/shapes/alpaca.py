"""Alpaca: an `instruction`, perhaps an `input`, and the `output`; LLaMA-Factory adds more.

The question is instruction and input with a line break between. `history` is a list of earlier
[question, answer] pairs, `system` the instructions.
"""

from core.chat.messages import Message
from data.shapes.base import (
    Cells,
    Look,
    Match,
    Tools,
    pairs_in,
    roles,
    system_first,
    text_of,
    tool_list,
)

INSTRUCTION = ("instruction",)
OUTPUT = ("output", "response")


def matches(look: Look) -> Match | None:
    question, answer = look.column("prompt", *INSTRUCTION), look.column("completion", *OUTPUT)
    if question is None or answer is None or question.strip().casefold() not in INSTRUCTION:
        return None
    columns = roles(
        prompt=question,
        completion=answer,
        input=look.column("input", "input", "context"),
        history=look.column("history", "history"),
        system=look.column("system", "system"),
        tools=look.column("tools", "tools"),
    )
    return Match(columns, f"there are the columns {question!r} and {answer!r}")


def conversation(cells: Cells, where: str) -> tuple[list[Message], Tools]:
    asked = [text_of(cells.get(role), where, role) for role in ("prompt", "input")]
    messages: list[Message] = [
        *pairs_in(cells.get("history"), where),
        {"role": "user", "content": "\n".join(text for text in asked if text)},
        {"role": "assistant", "content": text_of(cells.get("completion"), where, "completion")},
    ]
    return system_first(cells, messages, where), tool_list(cells.get("tools"), where)
