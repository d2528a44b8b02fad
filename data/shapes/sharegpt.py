"""ShareGPT: `conversations` of {"from", "value"}, with function_call and observation for tools."""

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
    system_first,
    talks_in,
    text_of,
    tool_list,
)

ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "system": "system",
    "observation": "tool",
    "function_response": "tool",
    "tool": "tool",
}
CALL = "function_call"


def matches(look: Look) -> Match | None:
    column = talks_in(look, ("from", "value"))
    if column is None:
        return None
    columns = roles(
        messages=column, system=look.column("system", "system"), tools=look.column("tools", "tools")
    )
    return Match(columns, f"{column!r} holds lists of messages with 'from' and 'value'")


def conversation(cells: Cells, where: str) -> tuple[list[Message], Tools]:
    entries = listed(cells["messages"], where, "conversations")
    messages = [
        message(entry, f"{where}, message {number}")
        for number, entry in enumerate(entries, start=1)
    ]
    return system_first(cells, messages, where), tool_list(cells.get("tools"), where)


def message(entry: Any, where: str) -> Message:
    if not isinstance(entry, Mapping):
        raise malformed(where, "conversations", "has no object here", FIX)
    speaker = entry.get("from")
    if speaker == CALL:
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": calls(entry.get("value"), where, "value"),
        }
    if not isinstance(speaker, str) or speaker not in ROLES:
        known = ", ".join([*ROLES, CALL])
        raise malformed(
            where, "from", f"is {str(speaker)[:40]!r}, which is unknown", f"Known: {known}."
        )
    made: Message = {"role": ROLES[speaker], "content": text_of(entry.get("value"), where, "value")}
    if entry.get("weight") is not None and made["role"] == "assistant":
        made["weight"] = entry["weight"]
    return made


FIX = 'Write {"from": "human", "value": "…"}.'
