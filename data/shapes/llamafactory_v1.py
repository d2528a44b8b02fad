"""LLaMA-Factory's newer files: `messages` whose content is a list of parts {"type", "value"}.

Parts are text, reasoning and tool_call; `loss_weight` says whether an answer trains.
"""

from collections.abc import Mapping
from typing import Any

from core.chat.messages import Message
from data.shapes.base import (
    Cells,
    Look,
    Match,
    Tools,
    calls,
    listed,
    malformed,
    roles,
    talks_in,
    text_of,
    tool_list,
)

FIX = 'Write {"role": "…", "content": [{"type": "text", "value": "…"}]}.'


def matches(look: Look) -> Match | None:
    column = talks_in(look, ("role", "content"))
    if column is None or not any(map(has_values, look.messages(column))):
        return None
    columns = roles(messages=column, tools=look.column("tools", "tools"))
    why = f"{column!r} holds lists of messages whose content is parts with 'type' and 'value'"
    return Match(columns, why)


def has_values(message: Mapping[str, Any]) -> bool:
    parts = message.get("content")
    return isinstance(parts, list) and any(isinstance(p, dict) and "value" in p for p in parts)


def conversation(cells: Cells, where: str) -> tuple[list[Message], Tools]:
    entries = listed(cells["messages"], where, "messages")
    messages = [
        message(entry, f"{where}, message {number}")
        for number, entry in enumerate(entries, start=1)
    ]
    return messages, tool_list(cells.get("tools"), where)


def message(entry: Any, where: str) -> Message:
    if not isinstance(entry, Mapping):
        raise malformed(where, "messages", "has no object here", FIX)
    made: Message = {"role": entry.get("role"), "content": ""}
    for part in listed(entry.get("content"), where, "content"):
        add(made, part, where)
    weight = entry.get("loss_weight")
    if weight is not None and made["role"] == "assistant":
        made["weight"] = weight
    return made


def add(made: Message, part: Any, where: str) -> None:
    match part:
        case {"type": "text", "value": value}:
            made["content"] += text_of(value, where, "value")
        case {"type": "reasoning", "value": value}:
            before = made.get("reasoning_content", "")
            made["reasoning_content"] = before + text_of(value, where, "value")
        case {"type": "tool_call", "value": value}:
            made.setdefault("tool_calls", []).extend(calls(value, where, "value"))
        case {"type": str(kind)}:
            raise malformed(
                where,
                "content",
                f"has a part of type {kind[:40]!r}; text, reasoning and tool_call are supported",
                "Leave out images, audio and video.",
                "not_text",
            )
        case _:
            raise malformed(where, "content", "has a part without a type", FIX)
