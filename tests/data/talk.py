"""Conversations for tests, as files hold them."""

import json
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def chat(question: str, answer: str, *before: Json) -> Json:
    """One row of an OpenAI file."""
    messages = [*before, message("user", question), message("assistant", answer)]
    return {"messages": messages}


def message(role: str, content: Any, **more: Any) -> Json:
    return {"role": role, "content": content, **more}


def sums(count: int) -> list[Json]:
    """Rows that all differ."""
    return [chat(f"What is {n} plus {n}?", f"That is {2 * n}.") for n in range(count)]


def jsonl(rows: Iterable[Json]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
