"""OpenAI's chat files: `messages` of {"role", "content"}, with tool calls and weights.

Hugging Face calls the same "conversational". The older `functions`, `function_call` and the role
`function` are taken as tools; `developer` is the newer word for `system`.
"""

from collections.abc import Mapping
from typing import Any

from core.chat.messages import REASONING, Message
from data.shapes.base import (
    Cells,
    Look,
    Match,
    Tools,
    call,
    listed,
    malformed,
    roles,
    talks_in,
    tool_list,
    without_nulls,
)

ROLES = {"developer": "system", "function": "tool"}
KEPT = ("role", "content", "name", "weight", "tool_calls", "tool_call_id", *REASONING)


def matches(look: Look) -> Match | None:
    column = talks_in(look, ("role",))
    if column is None or typed_values(look, column):
        return None
    columns = roles(messages=column, tools=look.column("tools", "tools", "functions"))
    return Match(columns, f"{column!r} holds lists of messages with 'role' and 'content'")


def typed_values(look: Look, column: str) -> bool:
    """Whether contents are parts with `value`, which is another schema."""
    contents = [message.get("content") for message in look.messages(column)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return any(isinstance(part, dict) and "value" in part for part in parts)


def conversation(cells: Cells, where: str) -> tuple[list[Message], Tools]:
    entries = listed(cells["messages"], where, "messages")
    messages = [
        message(entry, f"{where}, message {number}")
        for number, entry in enumerate(entries, start=1)
    ]
    return messages, tool_list(cells.get("tools"), where)


def message(entry: Any, where: str) -> Message:
    if not isinstance(entry, Mapping):
        raise malformed(
            where, "messages", "has no object here", 'Write {"role": "…", "content": "…"}.'
        )
    filled = without_nulls(entry)
    made = {key: filled[key] for key in KEPT if key in filled}
    made["role"] = ROLES.get(str(made.get("role")), made.get("role"))
    if old := filled.get("function_call"):
        made["tool_calls"] = [call(old, where, "function_call")]
    if "content" not in made and made.get("tool_calls"):
        made["content"] = ""
    return made
