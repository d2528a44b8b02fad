"""What every schema of conversations gives: whether a table has it, and a row as messages.

Each schema is one file beside this one, and offers

    matches(look) -> Match | None                   which columns it reads, and why
    conversation(cells, where) -> (messages, tools) raises RequestRefused, naming row and field

`cells` holds a role's value: text, or what the JSON in the cell says. Messages are those of
`core.chat.messages`; whoever calls has them checked there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core import strict_json
from core.chat.messages import Message
from core.errors import RequestRefused

Tools = list[dict[str, Any]] | None
Cells = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """The columns of a table and its first records."""

    names: tuple[str, ...]
    nested: frozenset[str]
    """Columns that hold lists or objects."""
    first: tuple[dict[str, Any], ...]
    given: Mapping[str, str]
    """Role to column, as whoever asks has said."""

    def column(self, role: str, *names: str) -> str | None:
        """The column given for the role, else the first that has one of the names."""
        if role in self.given:
            return self.given[role]
        spelt = {name.strip().casefold(): name for name in reversed(self.names)}
        return next((spelt[name] for name in names if name in spelt), None)

    def values(self, column: str) -> list[Any]:
        """What the first records have there, without those that have nothing."""
        return [record[column] for record in self.first if record.get(column)]

    def messages(self, column: str) -> list[dict[str, Any]]:
        """The first records' messages, as far as there are any."""
        lists = [value for value in self.values(column) if isinstance(value, list)]
        return [message for entry in lists for message in entry if isinstance(message, dict)]


@dataclass(frozen=True)
class Match:
    """The columns of a schema by role, and why they are taken."""

    columns: Mapping[str, str]
    why: str


class Shape(Protocol):
    def matches(self, look: Look) -> Match | None: ...

    def conversation(self, cells: Cells, where: str) -> tuple[list[Message], Tools]: ...


def roles(**columns: str | None) -> dict[str, str]:
    """Those roles that have a column."""
    return {role: column for role, column in columns.items() if column is not None}


def talks_in(look: Look, keys: Sequence[str]) -> str | None:
    """The column of conversations whose messages have all of these keys."""
    column = look.column("messages", "messages", "conversations", "conversation", "dialog")
    if column is None or not any(all(key in m for key in keys) for m in look.messages(column)):
        return None
    return column


def listed(value: Any, where: str, field: str) -> list[Any]:
    """The list itself. Raises RequestRefused for anything else."""
    if isinstance(value, list):
        return value
    raise malformed(where, field, f"is {kind(value)}, not a list", "Write a list: […].")


def system_first(cells: Cells, messages: list[Message], where: str) -> list[Message]:
    """The messages after the row's own instructions, where it has any."""
    text = text_of(cells.get("system"), where, "system")
    return [{"role": "system", "content": text}, *messages] if text.strip() else messages


def pairs_in(value: Any, where: str) -> list[Message]:
    """Earlier turns as a list of [question, answer] pairs."""
    messages: list[Message] = []
    for pair in listed(value or [], where, "history"):
        if not isinstance(pair, list) or len(pair) != 2:
            raise malformed(
                where, "history", "has no pair here", 'Write [["question", "answer"], …].'
            )
        for role, text in zip(("user", "assistant"), pair, strict=True):
            messages.append({"role": role, "content": text_of(text, where, "history")})
    return messages


def tool_list(value: Any, where: str) -> Tools:
    """Definitions of tools as {"type": "function", "function": {…}}; None without any.

    Takes a list or JSON text, and bare functions ({"name", "parameters"}) too.
    """
    if isinstance(value, str) and value.strip():
        value = parsed(value, where, "tools")
    if not value:
        return None
    return [tool(entry, where) for entry in listed(value, where, "tools")]


def tool(entry: Any, where: str) -> dict[str, Any]:
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise malformed(
            where,
            "tools",
            "has an entry without a name",
            'Write each tool as {"name": "…", "description": "…", "parameters": {…}}.',
        )
    return {"type": "function", "function": without_nulls(function)}


def call(value: Any, where: str, field: str) -> dict[str, Any]:
    """A tool call as {"type": "function", "function": {"name", "arguments"}}."""
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        arguments = value.get("arguments")
        return {
            "type": "function",
            "function": {
                "name": value["name"],
                "arguments": {} if arguments is None else arguments,
            },
        }
    raise malformed(
        where,
        field,
        "is no call of a tool",
        'Write {"name": "…", "arguments": {…}}.',
    )


def calls(text: Any, where: str, field: str) -> list[dict[str, Any]]:
    """One call or a list of them, as JSON text or as what it says."""
    value = parsed(text, where, field) if isinstance(text, str) else text
    entries = value if isinstance(value, list) else [value]
    return [call(entry, where, field) for entry in entries]


def parsed(text: str, where: str, field: str) -> Any:
    try:
        return strict_json.parse(text)
    except RequestRefused as refusal:
        raise malformed(
            where, field, f"is not readable: {refusal.message}", "Correct it."
        ) from refusal


def without_nulls(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Parquet gives each object all keys that any of them has; those are no values."""
    return {key: value for key, value in entry.items() if value is not None}


def text_of(value: Any, where: str, field: str) -> str:
    """The text itself; nothing is the empty text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise malformed(where, field, f"is {kind(value)}, not text", "Write it in quotes.")


def kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "nothing" if value is None else "text" if isinstance(value, str) else "a number"


def malformed(
    where: str, field: str, what: str, fix: str, code: str = "bad_messages"
) -> RequestRefused:
    message = f"{where}: the field {field!r} {what}."
    return RequestRefused(message, code=code, param="file", fix=fix)
