"""A row of a chat dataset as turns to show: who says what, cut where it is long."""

import json
from typing import Any

from core.chat.messages import Message
from data.chat.talks import written

Json = dict[str, Any]
MOST_TURNS = 20
"""Of a longer conversation only the beginning is shown, and the row says how much is left."""


def shown(split: str, row: int, messages: str, tools: str | None, characters: int) -> Json:
    """{"row", "split", "turns": [{"role", "text", "cut"}], "more_turns", "tools"}.

    A turn has "calls" when it calls tools, "reasoning" when the model thinks first and "trained"
    (false) when its weight is 0. `tools` names what can be called.
    """
    whole = json.loads(messages)
    known = json.loads(tools) if tools else []
    return {
        "row": row,
        "split": split,
        "turns": [turn(message, characters) for message in whole[:MOST_TURNS]],
        "more_turns": max(0, len(whole) - MOST_TURNS),
        "tools": [tool["function"]["name"] for tool in known],
    }


def turn(message: Message, characters: int) -> Json:
    text = message["content"]
    made: Json = {
        "role": message["role"],
        "text": text[:characters],
        "cut": len(text) > characters,
    }
    if called := message.get("tool_calls"):
        made["calls"] = [written(call)[:characters] for call in called]
    if reasoning := message.get("reasoning_content"):
        made["reasoning"] = reasoning[:characters]
    if message.get("weight") == 0:
        made["trained"] = False
    return made
