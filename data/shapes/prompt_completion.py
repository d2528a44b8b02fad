"""A column with the prompt and one with the completion, as text or as lists of messages."""

from typing import Any

from core.chat.messages import Message
from data.shapes import openai_chat
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

PROMPT = ("prompt", "question", "input", "user", "问题", "提问", "输入")
COMPLETION = (
    *("completion", "answer", "response", "output", "assistant", "reply"),
    *("回答", "答案", "回复", "输出"),
)


def matches(look: Look) -> Match | None:
    question, answer = look.column("prompt", *PROMPT), look.column("completion", *COMPLETION)
    if question is None or answer is None or has_instruction(look, question):
        return None
    columns = roles(
        prompt=question,
        completion=answer,
        history=look.column("history", "history"),
        system=look.column("system", "system", "system_prompt"),
        tools=look.column("tools", "tools"),
    )
    return Match(columns, f"there are the columns {question!r} and {answer!r}")


def has_instruction(look: Look, question: str) -> bool:
    """Whether it is Alpaca's schema, where `input` is but half of the question."""
    names = {name.strip().casefold() for name in look.names}
    return question.strip().casefold() == "instruction" or (
        "prompt" not in look.given and "instruction" in names
    )


def conversation(cells: Cells, where: str) -> tuple[list[Message], Tools]:
    messages = [
        *pairs_in(cells.get("history"), where),
        *part(cells.get("prompt"), "user", where, "prompt"),
        *part(cells.get("completion"), "assistant", where, "completion"),
    ]
    return system_first(cells, messages, where), tool_list(cells.get("tools"), where)


def part(value: Any, role: str, where: str, field: str) -> list[Message]:
    """A text as one message; a list of messages as it is, counted from its beginning."""
    if isinstance(value, list):
        return [
            openai_chat.message(entry, f"{where}, message {number}")
            for number, entry in enumerate(value, start=1)
        ]
    return [{"role": role, "content": text_of(value, where, field)}]
