"""From uploaded files to the content of a dataset version. Everything here may run in a child."""

from pathlib import Path

import pyarrow as pa

from core.errors import RequestRefused
from data import columns, problems, profile, rows, splits
from data.chat import content, recognise
from data.columns import Role
from data.formats.base import Limits, Table
from data.request import MIN_ROWS, Prepared, Request, Source, fingerprint, load, write
from data.rows import Rows

MAX_CLASSES = 2_000


def prepare(request: Request, limits: Limits | None = None) -> Prepared:
    """Read, check, split and write the files; `meta.json` is written last.

    Raises RequestRefused for anything wrong with a file, naming the place.
    """
    limits = limits or Limits()
    table = load(request.main, limits)
    refuse_header_only(table, request.main.param)
    talk = recognised(table, request)
    if talk is not None:
        return content.make(request, table, talk, limits)
    return labelled(request, table, limits)


def recognised(table: Table, request: Request) -> recognise.Found | None:
    """How the table holds conversations; None for a table of texts and labels."""
    try:
        return recognise.find(table, request.task, request.columns)
    except RequestRefused as refusal:
        refusal.param = request.main.param if refusal.param == "file" else refusal.param
        raise


def labelled(request: Request, table: Table, limits: Limits) -> Prepared:
    """A classification dataset."""
    roles = choose(table, request)
    main = rows.extract(table, roles, request.main.param)
    check_classes(main, roles["label"].column, request.main.param)
    made = splits.make(
        main,
        other(request.validation, roles, limits),
        other(request.test, roles, limits),
        request.seed,
    )
    prepared = summary(request, table, roles, main, made)
    parts = {name: as_arrow(part) for name, part in made.parts.items()}
    write(Path(request.folder), parts, prepared)
    return prepared


def choose(table: Table, request: Request) -> dict[str, Role]:
    try:
        return columns.choose(table, request.columns)
    except RequestRefused as refusal:
        refusal.param = request.main.param if refusal.param == "file" else refusal.param
        raise


def refuse_header_only(table: Table, param: str) -> None:
    if table.columns and not table.rows:
        names = ", ".join(repr(name[:40]) for name in list(table.columns)[:10])
        raise RequestRefused(
            f"The file has a header ({names}) and no rows.",
            code="no_rows",
            param=param,
            fix=f"Upload a file with at least {MIN_ROWS} rows.",
        )


def other(source: Source | None, roles: dict[str, Role], limits: Limits) -> Rows | None:
    """The rows of a validation or test file, which must have the same columns."""
    if source is None:
        return None
    table = load(source, limits)
    for role in roles.values():
        columns.require(table, role.column, source.param)
    return rows.extract(table, roles, source.param)


def check_classes(main: Rows, column: str, param: str) -> None:
    if len(main.classes) == 1:
        raise RequestRefused(
            f"Every row has the same label, {main.labels[0]!r} in column {column!r}; there is "
            "nothing to tell apart.",
            code="one_class",
            param=param,
            fix='Give rows of two classes at least, or another column: columns={"label": "…"}.',
        )
    if len(main) < MIN_ROWS:
        raise RequestRefused(
            f"The file has {len(main)} usable rows; at least {MIN_ROWS} are needed.",
            code="too_few_rows",
            param=param,
            fix="Add rows.",
        )
    if len(main.classes) > min(MAX_CLASSES, len(main) // 2):
        raise RequestRefused(
            f"The column {column!r} has {len(main.classes):,} different values in {len(main):,} "
            f"rows. Classes need 2 rows on average; at most {MAX_CLASSES:,} are taken.",
            code="too_many_classes",
            param="columns",
            fix='Name the column with the classes: columns={"label": "…"}.',
        )


def summary(
    request: Request, table: Table, roles: dict[str, Role], main: Rows, made: splits.Splits
) -> Prepared:
    facts = table.facts
    described = {
        "format": facts.format,
        "encoding": facts.encoding,
        "delimiter": facts.delimiter,
        "header": facts.header,
        "why": list(facts.why),
        "columns": {name: role.as_dict() for name, role in roles.items()},
        "other_columns": [
            name for name in table.columns if name not in {r.column for r in roles.values()}
        ],
        "source_rows": table.rows,
        **profile.describe(main, made),
    }
    chosen = {name: role.column for name, role in roles.items()}
    return Prepared(
        task="classification",
        columns=chosen,
        rows=described["rows"],
        splits=made.sizes(),
        profile=described,
        problems=[*problems.find(main, made), *facts.notes],
        fingerprint=fingerprint(request, chosen),
    )


def as_arrow(part: Rows) -> pa.Table:
    return pa.table(
        {
            "row": pa.array(part.numbers, pa.int32()),
            "text": pa.array(part.texts, pa.large_string()),
            "label": pa.array(part.labels, pa.large_string()),
        }
    )
