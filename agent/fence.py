"""Results of tools as a model reads them: data between marks, short enough to be read.

What stands in a dataset, a document or a file was written by anybody. Nothing in it can close the
marks, and the system prompt says that what stands between them is never an instruction.
"""

import json
from typing import Any

OPEN, CLOSE = "<data>", "</data>"
MAX_CONTENT = 12_000
"""Characters of a result that a model reads; the card shows all of it."""
STEPS = ((100, 4_000), (40, 2_000), (20, 1_000), (10, 500), (5, 200), (3, 80))
"""Most items of a list and most characters of a text, tried one after another."""


def fenced(data: Any, most: int = MAX_CONTENT) -> str:
    """The data as JSON between marks; where it is too long, lists and texts lose their ends."""
    text = written(data)
    for items, characters in STEPS:
        if len(text) <= most:
            break
        text = written(shortened(data, items, characters))
    return f"{OPEN}{text if len(text) <= most else text[:most] + ' … (cut)'}{CLOSE}"


def written(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, default=str).replace("<", "\\u003c")


def shortened(data: Any, items: int, characters: int) -> Any:
    """The data with shorter lists and texts, saying how much was left out."""
    if isinstance(data, dict):
        return {key: shortened(value, items, characters) for key, value in data.items()}
    if isinstance(data, list):
        kept = [shortened(value, items, characters) for value in data[:items]]
        left = len(data) - len(kept)
        return [*kept, f"({left} more)"] if left else kept
    if isinstance(data, str) and len(data) > characters:
        return f"{data[:characters]} … ({len(data) - characters} characters more)"
    return data


def cut(text: str, most: int) -> str:
    """A text at most about `most` characters long; marks that it began with are closed."""
    if len(text) <= most:
        return text
    end = CLOSE if text.startswith(OPEN) else ""
    return f"{text[:most]} … (the rest was left out){end}"
