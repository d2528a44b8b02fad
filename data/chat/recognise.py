"""Does a table hold conversations, and in which schema: told with a reason, or asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, cast

from core import plugins
from core.errors import RequestRefused
from data import columns, shapes
from data.formats.base import Table
from data.shapes import _refused
from data.shapes.base import Look, Match, Shape

ROLES = ("messages", "prompt", "input", "completion", "history", "system", "tools")
PAIRS = ("alpaca", "prompt_completion")
"""Schemas of plain columns, which a table of texts and labels may look like."""
FIRST = 50
CLASS_CHARACTERS = 40
"""Answers no longer than this that come again and again may be classes."""
CLASS_REPEATS = 5.0


@dataclass(frozen=True)
class Found:
    """A schema and its columns."""

    shape: str
    match: Match
    nested: frozenset[str]
    """Roles whose columns hold lists or objects."""

    @cached_property
    def reader(self) -> Shape:
        return cast(Shape, plugins.load(shapes, self.shape))


def find(table: Table, task: str, given: Mapping[str, str]) -> Found | None:
    """The schema of the conversations; None where the table is to be classified.

    Args:
        task: auto, classification or chat.
        given: Role to column, for those that are known.

    Raises:
        RequestRefused: It could be both or two schemas (codes `ambiguous_task` and
            `ambiguous_columns`), something that cannot be trained yet (`unsupported_task`), or
            no conversation where one is asked for (`no_conversation`).
    """
    if task == "classification" or (task == "auto" and set(given) & set(columns.ROLES)):
        return None
    check_given(table, given, task)
    look = look_at(table, given)
    labelled = task == "auto" and not given and is_labelled(look)
    if not labelled:
        _refused.refuse(look)
    found = [one for one in matching(look) if set(given) <= set(one.match.columns)]
    if labelled:
        refuse_both(found)
        return None
    if found:
        one = the_one(found)
        if task == "auto" and not given:
            refuse_like_classes(table, one)
        return one
    refuse_unread(look)
    if task == "chat" or given:
        refuse_none(table)
    return None


def check_given(table: Table, given: Mapping[str, str], task: str) -> None:
    for role, column in given.items():
        if role not in ROLES:
            known = ROLES if task == "chat" else (*columns.ROLES, *ROLES)
            raise RequestRefused(
                f"columns names the role {role[:40]!r}, which is unknown.",
                code="unknown_role",
                param="columns",
                fix=f"Roles: {', '.join(known)}.",
            )
        columns.require(table, column, "columns")


def look_at(table: Table, given: Mapping[str, str]) -> Look:
    first = islice(zip(*table.columns.values(), strict=True), FIRST)
    nested = frozenset(table.facts.nested)
    return Look(
        names=tuple(table.columns),
        nested=nested,
        first=tuple(
            {name: opened(cell) for name, cell in zip(table.columns, row, strict=True)}
            for row in first
        ),
        given=given,
    )


def opened(cell: str | None) -> Any:
    """The value of a cell that holds JSON; any other text as it is."""
    if cell is None or cell.lstrip()[:1] not in ("[", "{"):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def is_labelled(look: Look) -> bool:
    """Whether two columns are called as those of a classification are."""
    plain = {name.strip().casefold() for name in look.names if name not in look.nested}
    return bool(plain & columns.TEXT_NAMES and plain & columns.LABEL_NAMES)


def matching(look: Look) -> list[Found]:
    found = []
    for name in plugins.names(shapes):
        match = cast(Shape, plugins.load(shapes, name)).matches(look)
        if match is not None:
            inside = [role for role, column in match.columns.items() if column in look.nested]
            found.append(Found(name, match, frozenset(inside)))
    return found


def the_one(found: list[Found]) -> Found:
    if len(found) == 1:
        return found[0]
    meant = [next(iter(one.match.columns.items())) for one in found]
    named = ", ".join(one.shape for one in found)
    role, column = meant[0]
    raise RequestRefused(
        f"The conversations can be read in more than one way: {named}.",
        code="ambiguous_columns",
        param="columns",
        fix=f'Say which, for example columns={{"{role}": "{column}"}}.',
    )


def refuse_both(found: list[Found]) -> None:
    """A text and a label beside a whole conversation: only a person knows what is meant."""
    talks = [one for one in found if one.shape not in PAIRS]
    if talks:
        raise both(
            f"The file has columns for a text and a label, and conversations too: "
            f"{talks[0].match.why}."
        )


def refuse_like_classes(table: Table, one: Found) -> None:
    """Raises RequestRefused where plain columns of questions and answers could be labelled texts.

    Answers that are few, short and repeated are answers to some and classes to others; so are
    questions and answers with a column of labels beside them.
    """
    if one.shape not in PAIRS:
        return
    column = one.match.columns["completion"]
    shape = columns.shape_of(column, table.columns[column])
    if shape.repeats >= CLASS_REPEATS and shape.longest <= CLASS_CHARACTERS:
        raise both(
            f"The answers in {column!r} could be classes: {shape.distinct:,} different ones in "
            f"{shape.filled:,} rows."
        )
    label = label_beside(table, one)
    if label is not None:
        raise both(
            f"The file has questions and answers, and {label.name!r} could be a label: "
            f"{label.distinct:,} different values in {label.filled:,} rows."
        )


def label_beside(table: Table, one: Found) -> columns.Shape | None:
    """A column called like a label that could be one."""
    left = set(table.columns) - set(one.match.columns.values())
    named = [name for name in left if name.strip().casefold() in columns.LABEL_NAMES]
    shapes_of = (columns.shape_of(name, table.columns[name]) for name in sorted(named))
    return next((shape for shape in shapes_of if columns.could_be_label(shape)), None)


def both(what: str) -> RequestRefused:
    return RequestRefused(
        what,
        code="ambiguous_task",
        param="task",
        fix='Say task="classification" to train a classifier, or task="chat" to train a model '
        "that writes answers.",
    )


def refuse_unread(look: Look) -> None:
    """Raises RequestRefused where there are conversations, but in no schema that is known."""
    column = look.column("messages", *sorted(columns.CONVERSATIONS))
    messages = look.messages(column) if column else []
    if not messages:
        return
    keys = ", ".join(repr(str(key)[:40]) for key in messages[0])
    raise RequestRefused(
        f"The messages in {column!r} have the keys {keys}; known are 'role' and 'content', or "
        "'from' and 'value'.",
        code="no_conversation",
        param="file",
        fix='Write each row\'s messages as [{"role": "user", "content": "…"}, …].',
    )


def refuse_none(table: Table) -> None:
    names = ", ".join(repr(name[:40]) for name in list(table.columns)[:10])
    raise RequestRefused(
        f"No conversations were found in the columns {names}.",
        code="no_conversation",
        param="file",
        fix='Give "messages" (a list of {"role", "content"}), or "prompt" and "completion", or '
        'say where they are: columns={"prompt": "…", "completion": "…"}.',
    )
