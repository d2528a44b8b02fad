"""Whether the first record of a delimited file names the columns, and how they are called."""

from collections import Counter
from dataclasses import dataclass

from core.errors import RequestRefused

LOOK_AT = 2_000
MAX_CLASSES = 200


@dataclass(frozen=True)
class Header:
    names: list[str]
    present: bool
    why: tuple[str, ...] = ()


def find(records: list[list[str]]) -> Header:
    """Raises RequestRefused when two columns have the same name."""
    first = [cell.strip() for cell in records[0]]
    recurring = recurring_value(first, records[1:LOOK_AT])
    if recurring is not None:
        names = [f"column_{number}" for number in range(1, len(first) + 1)]
        why = f"the first line is data: its {recurring!r} is a value in the same column below"
        return Header(names, False, (why,))
    names = [name or f"column_{number}" for number, name in enumerate(first, start=1)]
    refuse_duplicates(names)
    return Header(names, True)


def recurring_value(first: list[str], rows: list[list[str]]) -> str | None:
    """A cell of the first record that is a common value of its column, which a name never is.

    Common: the column has few values, and this one makes up 1 % of the rows at least.
    """
    if len(first) < 2 or len(rows) < 2:
        return None
    for column, cell in enumerate(first):
        values = Counter(row[column].strip() for row in rows)
        repeats = values[cell]
        few = len(values) <= min(MAX_CLASSES, len(rows) / 2)
        if cell and few and repeats >= max(2, len(rows) / 100):
            return cell
    return None


def refuse_duplicates(names: list[str]) -> None:
    double = [name for name, count in Counter(names).items() if count > 1]
    if not double:
        return
    places = [str(at) for at, name in enumerate(names, start=1) if name == double[0]]
    raise RequestRefused(
        f"The header names {double[0]!r} more than once: columns {', '.join(places[:10])}.",
        code="duplicate_header",
        param="file",
        fix="Rename one of them, so that it is clear which is meant.",
    )
