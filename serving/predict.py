"""A table of texts becomes the same table with a label and a score in each row."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from core.errors import RequestRefused
from data import columns
from data.formats.base import Limits, Table
from serving.requests import MAX_CHARACTERS

LIMITS = Limits(rows=20_000, cells=2_000_000, decoded_bytes=2**28)
"""Some minutes on one core; longer files are split."""
BATCH = 64
Answer = tuple[str, float]
Classify = Callable[[list[str]], list[Answer]]


def text_column(table: Table, given: str, trained_on: str) -> str:
    """Which column holds the texts.

    Args:
        given: A column's name, or "" to find it.
        trained_on: The column that the model learned from; taken when the file has it too.
    """
    if table.rows == 0:
        raise RequestRefused(
            "The file has no rows.",
            code="no_rows",
            param="file_id",
            fix="Upload a file with a text in each row.",
        )
    if given:
        columns.require(table, given, "column")
        return given
    if trained_on in table.columns:
        return trained_on
    if len(table.columns) == 1:
        return next(iter(table.columns))
    try:
        shapes = [columns.shape_of(name, values) for name, values in table.columns.items()]
        return columns.guess_text(shapes).column
    except RequestRefused as refusal:
        raise RequestRefused(
            refusal.message, code=refusal.code, param="column", fix="Say which with `column`."
        ) from None


def predict(texts: Sequence[str | None], classify: Classify) -> list[Answer | None]:
    """An answer for each text; None where there is no text."""
    answers: list[Answer | None] = [None] * len(texts)
    filled = [index for index, text in enumerate(texts) if text and text.strip()]
    for start in range(0, len(filled), BATCH):
        batch = filled[start : start + BATCH]
        # The model reads the first few hundred tokens only, so cutting changes nothing.
        found = classify([(texts[index] or "")[:MAX_CHARACTERS] for index in batch])
        for index, answer in zip(batch, found, strict=True):
            answers[index] = answer
    return answers


def as_csv(table: Table, answers: Sequence[Answer | None]) -> Iterator[bytes]:
    """The table's rows, each with its prediction at the end, as UTF-8 CSV."""
    names = ["label", "score"]
    if set(names) & set(table.columns):
        names = ["predicted_label", "predicted_score"]
    yield line([*table.columns, *names])
    for row, answer in zip(zip(*table.columns.values(), strict=True), answers, strict=True):
        yield line([*row, *(answer or ("", ""))])


def line(cells: Sequence[object]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(
        "" if cell is None else cell for cell in cells
    )
    return written.getvalue().encode()
