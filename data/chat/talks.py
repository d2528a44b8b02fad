"""The rows of a chat dataset: messages and tools each, with the place they came from."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from core.chat.messages import NO_ANSWER, Message, check_messages, is_trained
from core.errors import RequestRefused
from data.chat.recognise import Found
from data.formats.base import Table
from data.rows import FIRST, MAX_EMPTY_SHARE, key_of
from data.shapes.base import Tools, parsed

JSON_ROLES = frozenset(("messages", "history"))


@dataclass(frozen=True)
class Talk:
    """One row. `number` is the data row (from 1) in the file."""

    number: int
    messages: list[Message]
    tools: Tools

    @cached_property
    def last(self) -> int:
        """Where the last message of the assistant stands; -1 without any."""
        places = [at for at, m in enumerate(self.messages) if m["role"] == "assistant"]
        return places[-1] if places else -1

    @cached_property
    def answer(self) -> str:
        """The last answer, with the tools that it calls."""
        return said(self.messages[self.last])

    @cached_property
    def asked(self) -> str:
        """Key of everything that the last answer was given to."""
        before = self.messages[: self.last]
        return key_of(json.dumps([self.tools, *map(told, before)], ensure_ascii=False))

    @cached_property
    def prompt(self) -> str:
        """Key of the messages before the last answer, without instructions and tools."""
        return key_of("\n".join(map(told, self.without_system(self.messages[: self.last]))))

    @cached_property
    def whole(self) -> str:
        """Key of the messages up to the last answer, without instructions and tools."""
        return self.prompt + "\n" + key_of(self.answer)

    @staticmethod
    def without_system(messages: Iterable[Message]) -> Iterator[Message]:
        return (message for message in messages if message["role"] != "system")

    @property
    def answers(self) -> list[Message]:
        """The messages that train."""
        return [message for message in self.messages if is_trained(message)]


@dataclass(frozen=True)
class Talks:
    """The rows that can be trained on."""

    rows: list[Talk]
    unanswered: list[int] = field(default_factory=list)
    """Rows of the file that were left out: no answer in them trains."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def repeated(self) -> list[list[Talk]]:
        """Groups of rows with the same messages and tools."""
        return groups((talk.asked + "\n" + key_of(talk.answer), talk) for talk in self.rows)

    @cached_property
    def conflicting(self) -> list[list[Talk]]:
        """Groups of rows that ask the same and are answered differently."""
        same = groups((talk.asked, talk) for talk in self.rows)
        return [group for group in same if len({key_of(talk.answer) for talk in group}) > 1]


def groups(pairs: Iterable[tuple[str, Talk]]) -> list[list[Talk]]:
    found = defaultdict(list)
    for key, talk in pairs:
        found[key].append(talk)
    return [group for group in found.values() if len(group) > 1]


def told(message: Message) -> str:
    return f"{message['role']}: {said(message)}"


def said(message: Message) -> str:
    """The content and the calls of tools, as text."""
    return "\n".join([message["content"], *map(written, message.get("tool_calls", ()))])


def written(call: dict[str, Any]) -> str:
    """A call as `name({"argument": 1})`."""
    function = call["function"]
    arguments = function["arguments"]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"{function['name']}({text})"


def extract(table: Table, found: Found, param: str) -> Talks:
    """The rows with an answer that trains.

    Raises RequestRefused for a row that is malformed, naming it and those like it, and for many
    rows without an answer.
    """
    rows: list[Talk] = []
    unanswered: list[int] = []
    faults: list[tuple[int, RequestRefused]] = []
    for number, cells in enumerate(records(table, found), start=1):
        try:
            rows.append(read(number, place(table, number), cells, found))
        except RequestRefused as refusal:
            if refusal.code == NO_ANSWER:
                unanswered.append(number)
            else:
                faults.append((number, refusal))
    refuse_faults(faults, param)
    refuse_unanswered(table, unanswered, param)
    return Talks(rows, unanswered)


def read(number: int, where: str, cells: Mapping[str, str | None], found: Found) -> Talk:
    """Raises RequestRefused, naming the place, for what is no conversation."""
    values = {role: opened(role, cell, where, found) for role, cell in cells.items()}
    messages, tools = found.reader.conversation(values, where)
    return Talk(number, check_messages(messages, where, generate=False), tools)


def opened(role: str, cell: str | None, where: str, found: Found) -> Any:
    """What the cell holds: JSON for lists, else its text."""
    if cell is None:
        return None
    if role in found.nested:
        return json.loads(cell)
    return parsed(cell, where, found.match.columns[role]) if role in JSON_ROLES else cell


def place(table: Table, number: int) -> str:
    """Where a row stands, as the beginning of a sentence."""
    if not table.lines:
        return f"Row {number}"
    return f"Row {number} (line {table.lines[number - 1]})"


def refuse_faults(faults: list[tuple[int, RequestRefused]], param: str) -> None:
    """Raises RequestRefused with the first fault, and where there are more of any kind."""
    if not faults:
        return
    first = faults[0][1]
    sentences = [first.message]
    if len(faults) > 1:
        rows = ", ".join(str(number) for number, _ in faults[:FIRST])
        if len(faults) > FIRST:
            rows = f"{rows} and {len(faults) - FIRST:,} more"
        sentences.append(f"{len(faults):,} rows have a fault: {rows}.")
    raise RequestRefused(" ".join(sentences), code=first.code, param=param, fix=first.fix)


def refuse_unanswered(table: Table, rows: list[int], param: str) -> None:
    if len(rows) <= MAX_EMPTY_SHARE * table.rows:
        return
    places = ", ".join(table.place(row) for row in rows[:FIRST])
    if len(rows) > FIRST:
        places = f"{places} and {len(rows) - FIRST:,} more"
    raise RequestRefused(
        f"{len(rows):,} of {table.rows:,} rows have no answer to learn from: {places}.",
        code=NO_ANSWER,
        param=param,
        fix="Give each row a message of the assistant with text in it, or remove these rows.",
    )


def records(table: Table, found: Found) -> Iterator[dict[str, str | None]]:
    """Of each row the cells of the roles, as they are in the file."""
    names = list(found.match.columns)
    chosen = (table.columns[column] for column in found.match.columns.values())
    for values in zip(*chosen, strict=True):
        yield dict(zip(names, values, strict=True))
