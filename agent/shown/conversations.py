"""Messages of conversations: who says them, and what models answer to them."""

import json
from typing import Any, cast, get_args

from agent.language import Words
from agent.shown.figures import count, duration, listed, milliseconds
from agent.shown.states import of_split
from agent.views import Answer, Exchange, Role, Talk, Turn

Json = dict[str, Any]
ROLES = get_args(Role)
MOST_CHARACTERS = 1_500
"""Of a message on a card; more is said to be there."""


def talk(row: Json, w: Words) -> Talk:
    """A row of a chat dataset."""
    parts = [w("Row {row} · {split}", row=count(row["row"]), split=of_split(row["split"], w))]
    if row.get("tools"):
        parts.append(w("tools: {names}", names=listed(map(str, row["tools"]), w)))
    if row.get("more_turns"):
        parts.append(w("{count} more messages", count=count(row["more_turns"])))
    return Talk(joined_note(*parts), [turn(one, w) for one in row["turns"]])


def turn(message: Json, w: Words) -> Turn:
    """One message; what it thinks stands above what it says, what it calls below."""
    thought = message.get("reasoning")
    text = message.get("text") or message.get("content") or ""
    called = message.get("calls") or map(call, message.get("tool_calls") or [])
    parts = (w("Thinks: {text}", text=thought) if thought else "", str(text), *called)
    whole = "\n".join(part for part in parts if part)
    cut = message.get("cut") or len(whole) > MOST_CHARACTERS
    left_alone = message.get("trained") is False or message.get("weight") == 0
    note = joined_note(w("not trained on") if left_alone else "", w("cut here") if cut else "")
    return Turn(role_of(message), who(str(message["role"]), w), shortened(whole), note)


def call(told: Json) -> str:
    """A call of a tool, as `name({"a": 1})`."""
    asked = told.get("function") or told
    given = asked.get("arguments") or {}
    shown = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return f"{asked.get('name', '')}({shown})"


def shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"


def role_of(message: Json) -> Role:
    role = message["role"]
    return cast(Role, role) if role in ROLES else "tool"


def who(role: str, w: Words) -> str:
    names = {
        "system": w("System"),
        "user": w("User"),
        "assistant": w("Assistant"),
        "tool": w("Tool"),
    }
    return names.get(role, role)


# Answers ---------------------------------------------------------------------------------------


def held_out(sample: Json, base: str, w: Words) -> Exchange:
    """A row that was not trained on: what was expected, and what tuned and untuned model say."""
    answers = [
        answer(w("Fine-tuned"), sample["tuned"], sample.get("tuned_ended"), w),
        answer(base, sample["base"], sample.get("base_ended"), w),
        Answer(w("Expected"), shortened(str(sample["expected"]))),
    ]
    title = w("Row {row}", row=sample["row"])
    return Exchange(title, [turn(one, w) for one in sample["messages"]], answers)


def answer(name: str, text: str, ended: bool | None, w: Words) -> Answer:
    if ended is False:
        return Answer(name, shortened(str(text)), w("did not end by itself"), "wait")
    return Answer(name, shortened(str(text)))


def live_answer(name: str, told: Json, w: Words) -> Answer:
    """What a model has just answered, with what it took."""
    text, taken = str(told["answer"]["text"]), took(told, w)
    if told["answer"].get("finish_reason") == "length":
        return Answer(name, text, joined_note(w("cut at its limit"), taken), "wait")
    return Answer(name, text, taken)


def took(told: Json, w: Words) -> str:
    """Such as `38 tokens · 412.0 ms`."""
    tokens = told["answer"].get("completion_tokens")
    written = w("{count} tokens", count=count(tokens)) if tokens is not None else ""
    return joined_note(written, pause(told.get("latency_ms"), w))


def pause(value: float | None, w: Words) -> str:
    """Milliseconds in the unit that fits."""
    if value is None:
        return ""
    return milliseconds(value, w) if value < 1000 else duration(value / 1000, w)


def joined_note(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
