"""Rows of a dataset version, a page at a time, read from only the parts they are in."""

import difflib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from core.errors import RequestRefused
from core.records.tables import Dataset
from data.chat import turns

Json = dict[str, Any]
SPLITS = ("train", "validation", "test")
MOST_ROWS = 50
CHARACTERS = 500
"""Of a longer text only the beginning is shown, and the row says so."""
FIRST_ROWS = 10
FIRST_CHARACTERS = 200
NAMED_LABELS = 10


def first_page(folder: Path, dataset: Dataset) -> Json:
    """The first 10 rows with texts of up to 200 characters: what a description ends with."""
    return page(folder, dataset, rows=FIRST_ROWS, characters=FIRST_CHARACTERS)


def page(
    folder: Path,
    dataset: Dataset,
    *,
    split: str = "all",
    label: str = "",
    number: int = 1,
    rows: int = FIRST_ROWS,
    characters: int = CHARACTERS,
) -> Json:
    """One page: {"dataset", "split", "label", "page", "pages", "total", "rows"}.

    Each row is {"row", "split", "text", "label", "cut"}: its number in the uploaded file, and
    whether its text was longer than what is shown; that of a chat dataset has turns
    (data.chat.turns). All splits follow each other in the order train, validation, test.

    Args:
        folder: Holds `train.parquet`, `validation.parquet` and `test.parquet`.
        split: all, train, validation or test.
        label: Only rows with this label, whatever its case; "" for all.
        number: The page, from 1.
        rows: Rows of a page, 1 to 50.
        characters: A longer text is cut here.

    Raises:
        RequestRefused: Unknown split or label, a number out of range, or a label asked of a
            chat dataset, which has none.
    """
    chosen = check_split(split)
    check_range("rows", rows, MOST_ROWS)
    known = known_label(dataset, label) if label else ""
    sizes = {name: size_of(dataset, name, known) for name in chosen}
    total = sum(sizes.values())
    pages = max(1, math.ceil(total / rows))
    check_range("page", number, pages)
    found = read(folder, sizes, known, (number - 1) * rows, rows)
    show = turns.shown if dataset.task == "chat" else shown
    return {
        "dataset": dataset.ref,
        "split": split,
        "label": known,
        "page": number,
        "pages": pages,
        "total": total,
        "rows": [show(*row, characters) for row in found],
    }


def shown(split: str, row: int, text: str, label: str, characters: int) -> Json:
    cut = len(text) > characters
    return {"row": row, "split": split, "text": text[:characters], "label": label, "cut": cut}


def size_of(dataset: Dataset, split: str, label: str) -> int:
    """How many rows of a split there are, or how many with a label."""
    if not label:
        return int(dataset.splits[split])
    counts = next(entry for entry in dataset.profile["labels"] if entry["label"] == label)
    return int(counts[split])


def read(
    folder: Path, sizes: dict[str, int], label: str, start: int, count: int
) -> Iterator[tuple[str, int, str, Any]]:
    """`count` rows after the first `start`; splits and groups before them are passed over."""
    for split, size in sizes.items():
        if start >= size:
            start -= size
            continue
        for row in of_split(folder / f"{split}.parquet", label, start, count):
            yield split, *row
        count -= min(count, size - start)
        start = 0
        if not count:
            return


def of_split(path: Path, label: str, start: int, count: int) -> Iterator[tuple[int, str, Any]]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            places = places_in(file, group, label)
            wanted = places[start : start + count]
            start -= min(start, len(places))
            if len(wanted):
                part = file.read_row_group(group).take(wanted)
                yield from zip(*(column.to_pylist() for column in part.columns), strict=True)
            count -= len(wanted)
            if not count:
                return


def places_in(file: pq.ParquetFile, group: int, label: str) -> Any:
    """Where in a group the rows with the label are; all of them without one."""
    if not label:
        return np.arange(file.metadata.row_group(group).num_rows)
    labels = file.read_row_group(group, columns=["label"]).column("label").to_numpy()
    return np.flatnonzero(labels == label)


def known_label(dataset: Dataset, label: str) -> str:
    """The label as the dataset spells it."""
    if dataset.task == "chat":
        raise RequestRefused(
            f"{dataset.ref} holds conversations, which have no label.",
            code="invalid_argument",
            param="label",
            fix="Leave out label.",
        )
    labels = [entry["label"] for entry in dataset.profile["labels"]]
    if label in labels:
        return label
    wanted = label.strip().casefold()
    same = [known for known in labels if str(known).casefold() == wanted]
    if len(same) == 1:
        return str(same[0])
    near = same or difflib.get_close_matches(label, labels, NAMED_LABELS, 0.7)
    raise RequestRefused(
        f"{dataset.ref} has no label {label[:80]!r}.",
        code="not_found",
        param="label",
        fix=f"Labels: {', '.join((near or labels)[:NAMED_LABELS])}.",
    )


def check_split(split: str) -> tuple[str, ...]:
    if split == "all":
        return SPLITS
    if split not in SPLITS:
        raise RequestRefused(
            f"split={split[:40]!r} is unknown.",
            code="invalid_argument",
            param="split",
            fix=f"Say all, {', '.join(SPLITS[:-1])} or {SPLITS[-1]}.",
        )
    return (split,)


def check_range(param: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise RequestRefused(
            f"{param}={value} is out of range.",
            code="out_of_range",
            param=param,
            fix=f"Give a whole number from 1 to {most}." if most > 1 else "There is one page.",
        )
