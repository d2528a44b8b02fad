"""The rows of a dataset: a text and a label each, with the place they came from."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from core.errors import RequestRefused
from data.columns import Role
from data.formats.base import Table

FIRST = 10
"""How many rows are named; the count tells how many there are."""
LABEL_CHARACTERS = 200
MAX_EMPTY_SHARE = 0.1
"""A file with more rows than this without text is refused: something else is wrong with it."""


def key_of(text: str) -> str:
    """What makes two texts the same: not their case, spacing or width of characters."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True)
class Rows:
    """Columns of equal length. `numbers` are the data rows (from 1) in the file."""

    numbers: list[int]
    texts: list[str]
    labels: list[str]
    without_text: list[int] = field(default_factory=list)
    """Rows of the file that were left out."""

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def keys(self) -> list[str]:
        return [key_of(text) for text in self.texts]

    @cached_property
    def classes(self) -> Counter[str]:
        return Counter(self.labels)

    @cached_property
    def repeated(self) -> dict[str, list[int]]:
        """Key to positions, for texts that occur more than once."""
        groups = defaultdict(list)
        for position, key in enumerate(self.keys):
            groups[key].append(position)
        return {key: positions for key, positions in groups.items() if len(positions) > 1}

    def take(self, positions: Iterable[int]) -> "Rows":
        wanted = list(positions)
        return Rows(
            [self.numbers[at] for at in wanted],
            [self.texts[at] for at in wanted],
            [self.labels[at] for at in wanted],
        )


def extract(table: Table, roles: dict[str, Role], param: str) -> Rows:
    """The rows with text; labels are trimmed.

    Raises:
        RequestRefused: No rows, a row without label, or many without text.
    """
    if table.rows == 0:
        raise RequestRefused(
            "The file has a header and no rows.",
            code="no_rows",
            param=param,
            fix="Upload a file with at least 10 rows.",
        )
    texts = table.columns[roles["text"].column]
    labels = [(label or "").strip() for label in table.columns[roles["label"].column]]
    refuse_missing_labels(table, labels, roles["label"].column, param)
    kept = [at for at, text in enumerate(texts) if text and text.strip()]
    present = set(kept)
    empty = [at + 1 for at in range(len(texts)) if at not in present]
    if len(empty) > MAX_EMPTY_SHARE * len(texts):
        raise missing("text", table, empty, roles["text"].column, param)
    return Rows(
        [at + 1 for at in kept],
        [texts[at] or "" for at in kept],
        [labels[at] for at in kept],
        empty,
    )


def refuse_missing_labels(table: Table, labels: list[str], column: str, param: str) -> None:
    empty = [row for row, label in enumerate(labels, start=1) if not label]
    if empty:
        raise missing("label", table, empty, column, param)
    for row, label in enumerate(labels, start=1):
        if len(label) > LABEL_CHARACTERS:
            raise RequestRefused(
                f"The label in {table.place(row)}, column {column!r}, is {len(label)} characters "
                f"long; at most {LABEL_CHARACTERS} are taken.",
                code="label_too_long",
                param=param,
                fix='Is this the label column? Otherwise say columns={"label": "…"}.',
            )


def missing(role: str, table: Table, rows: list[int], column: str, param: str) -> RequestRefused:
    places = ", ".join(table.place(row) for row in rows[:FIRST])
    if len(rows) > FIRST:
        places = f"{places} and {len(rows) - FIRST:,} more"
    return RequestRefused(
        f"{len(rows):,} of {table.rows:,} rows have no {role} in column {column!r}: {places}.",
        code=f"missing_{role}",
        param=param,
        fix=f"Fill in the {role} or remove these rows.",
    )
