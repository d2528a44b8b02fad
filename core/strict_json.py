"""JSON as the standard says and no looser: what two readers could read in two ways is refused."""

import json
from typing import Any, NoReturn

from core.errors import RequestRefused

FAULTS = {
    "Expecting value": "a value is missing or not quoted",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Extra data": "something follows the end",
    "Invalid control character at": "a text has a control character",
    "Invalid \\escape": "a backslash stands before a character that needs none",
    "Invalid \\uXXXX escape": "a character is not spelt with four digits",
    "Unterminated string starting at": "a text is not closed that begins",
}
"""What Python's parser finds, in words for people."""
MAX_DEPTH = 100
MAX_DIGITS = 18
"""Longer whole numbers lose digits in programs that keep numbers as floats."""


def parse(text: str | bytes) -> Any:
    """The value. Raises RequestRefused (code `bad_json`) for broken JSON, duplicate keys, NaN,
    lone surrogates, numbers over 18 digits, or nesting deeper than 100."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        value = DECODER.decode(decoded)
    except UnicodeDecodeError as error:
        raise broken(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise faulty(error) from None
    except RecursionError:
        raise broken(f"it is nested deeper than {MAX_DEPTH}") from None
    check_value(value)
    return value


def parse_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends; what follows is not looked at.

    Raises RequestRefused as `parse` does, with the place in the whole text.
    """
    try:
        value, end = DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise faulty(error) from None
    except RecursionError:
        raise broken(f"it is nested deeper than {MAX_DEPTH}") from None
    check_value(value)
    return value, end


def faulty(error: json.JSONDecodeError) -> RequestRefused:
    fault = FAULTS.get(error.msg, "it cannot be understood")
    return broken(f"{fault} at line {error.lineno}, column {error.colno}")


def parse_object(text: str | bytes) -> dict[str, Any]:
    """`parse`, for where only an object makes sense."""
    value = parse(text)
    if not isinstance(value, dict):
        raise broken(f"it is a {kind(value)}, not an object")
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise broken(f"the key {twice[:80]!r} stands twice in one object")
    return found


def refuse_constant(name: str) -> NoReturn:
    raise broken(f"{name} is not a number in JSON")


def bounded_int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise broken(f"the number {digits[:24]}… has more than {MAX_DIGITS} digits")
    return int(digits)


DECODER = json.JSONDecoder(
    object_pairs_hook=without_duplicates, parse_constant=refuse_constant, parse_int=bounded_int
)


def check_value(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise broken(f"it is nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(name)
            check_value(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_value(inner, depth + 1)


def check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise broken("half of a surrogate pair stands alone in a text") from None


def kind(value: Any) -> str:
    names = {list: "list", str: "text", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")


def broken(what: str) -> RequestRefused:
    return RequestRefused(f"This is not valid JSON: {what}.", code="bad_json", fix="Correct it.")
