"""A chat dataset's content: rows read in their schema, split, counted and written."""

import json
from pathlib import Path

import pyarrow as pa

from core.errors import RequestRefused
from data import columns
from data.chat import problems, profile, splits
from data.chat.recognise import Found, look_at
from data.chat.talks import Talk, Talks, extract
from data.columns import Role
from data.formats.base import Limits, Table
from data.request import MIN_ROWS, Prepared, Request, Source, fingerprint, load, write


def make(request: Request, table: Table, found: Found, limits: Limits) -> Prepared:
    """Check, split and write the conversations.

    Raises RequestRefused for a malformed row, naming it and its field, and for too few rows.
    """
    main = extract(table, found, request.main.param)
    check_rows(main, request.main.param)
    made = splits.make(
        main,
        other(request.validation, found, limits),
        other(request.test, found, limits),
        request.seed,
    )
    prepared = summary(request, table, found, main, made)
    parts = {name: as_arrow(part) for name, part in made.parts.items()}
    write(Path(request.folder), parts, prepared)
    return prepared


def check_rows(main: Talks, param: str) -> None:
    if len(main) < MIN_ROWS:
        raise RequestRefused(
            f"The file has {len(main)} usable rows; at least {MIN_ROWS} are needed.",
            code="too_few_rows",
            param=param,
            fix="Add rows.",
        )


def other(source: Source | None, found: Found, limits: Limits) -> Talks | None:
    """The conversations of a validation or test file, which must have the same columns."""
    if source is None:
        return None
    table = load(source, limits)
    for column in found.match.columns.values():
        columns.require(table, column, source.param)
    inside = look_at(table, {}).nested
    nested = {role for role, column in found.match.columns.items() if column in inside}
    return extract(table, Found(found.shape, found.match, frozenset(nested)), source.param)


def summary(
    request: Request, table: Table, found: Found, main: Talks, made: splits.Splits
) -> Prepared:
    facts = table.facts
    chosen = dict(found.match.columns)
    described = {
        "format": facts.format,
        "shape": found.shape,
        "encoding": facts.encoding,
        "delimiter": facts.delimiter,
        "header": facts.header,
        "why": [*facts.why, found.match.why],
        "columns": reasons(chosen, request, found),
        "other_columns": [name for name in table.columns if name not in chosen.values()],
        "source_rows": table.rows,
        **profile.describe(main, made),
    }
    return Prepared(
        task="chat",
        columns=chosen,
        rows=described["rows"],
        splits=made.sizes(),
        profile=described,
        problems=[*problems.find(main, made), *facts.notes],
        fingerprint=fingerprint(request, chosen, task="chat", shape=found.shape),
    )


def reasons(chosen: dict[str, str], request: Request, found: Found) -> dict[str, dict[str, str]]:
    """Each role's column and why it was taken."""
    return {
        role: Role(name, "you said so" if role in request.columns else found.match.why).as_dict()
        for role, name in chosen.items()
    }


def as_arrow(part: list[Talk]) -> pa.Table:
    messages = [json.dumps(talk.messages, ensure_ascii=False) for talk in part]
    tools = [talk.tools and json.dumps(talk.tools, ensure_ascii=False) for talk in part]
    return pa.table(
        {
            "row": pa.array([talk.number for talk in part], pa.int32()),
            "messages": pa.array(messages, pa.large_string()),
            "tools": pa.array(tools, pa.large_string()),
        }
    )
