"""A table of texts becomes the same table with a label or an answer in each row."""

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from core.errors import RequestRefused, ThimbleError
from data import columns
from data.formats.base import Limits, Table
from serving.requests import MAX_CHARACTERS

LIMITS = Limits(rows=20_000, cells=2_000_000, decoded_bytes=2**28)
"""Some minutes on one core; longer files are split."""
BATCH = 64
WRITTEN_ROWS = 1_000
"""An answer takes seconds where a label takes milliseconds."""
WRITING_LIMIT_S = 480.0
"""The approval that runs this is waited for; what is done by then is kept."""
TOGETHER = 16
"""Answers asked for at once."""
Label = tuple[str, float]
Classify = Callable[[list[str]], list[Label]]
Written = tuple[str, str]
"""An answer, and why it ended: `stop`, `length`, or the code of a refusal."""
Answer = Callable[[str], Written]


def check_rows(table: Table) -> None:
    """Raises RequestRefused for more rows than a chat model answers in one go."""
    if table.rows > WRITTEN_ROWS:
        raise RequestRefused(
            f"The file has {table.rows:,} rows; a chat model answers {WRITTEN_ROWS:,} at once.",
            code="too_many_rows",
            param="file_id",
            fix="Split the file.",
        )


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


def filled(texts: Sequence[str | None]) -> list[int]:
    """The rows that have a text."""
    return [index for index, text in enumerate(texts) if text and text.strip()]


def predict(texts: Sequence[str | None], classify: Classify) -> list[Label | None]:
    """A label for each text; None where there is no text."""
    answers: list[Label | None] = [None] * len(texts)
    rows = filled(texts)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        # The model reads the first few hundred tokens only, so cutting changes nothing.
        found = classify([(texts[index] or "")[:MAX_CHARACTERS] for index in batch])
        for index, answer in zip(batch, found, strict=True):
            answers[index] = answer
    return answers


def write(
    texts: Sequence[str | None], answer: Answer, *, limit_s: float = WRITING_LIMIT_S
) -> list[Written | None]:
    """An answer for each text; None where there is no text, and for those that time ran out for.

    Several are asked at once, since an engine writes them together. A row that the model cannot
    take, or failed on, has an empty answer, with the reason beside it.
    """
    deadline = time.monotonic() + limit_s
    answers: list[Written | None] = [None] * len(texts)

    def fill(index: int) -> None:
        if time.monotonic() < deadline:
            answers[index] = answer_or_reason(answer, texts[index] or "")

    with ThreadPoolExecutor(TOGETHER, thread_name_prefix="answers") as pool:
        for _ in pool.map(fill, filled(texts)):
            continue
    return answers


def answer_or_reason(answer: Answer, text: str) -> Written:
    try:
        return answer(text)
    except ThimbleError as error:  # one row's trouble must not lose the answers of the others
        return "", error.code


def as_csv(
    table: Table, names: tuple[str, str], answers: Sequence[tuple[object, object] | None]
) -> Iterator[bytes]:
    """The table's rows, each with what was found for it at the end, as UTF-8 CSV.

    Args:
        names: Of the two new columns; where the table has one of them, both are `predicted_…`.
    """
    if set(names) & set(table.columns):
        names = (f"predicted_{names[0]}", f"predicted_{names[1]}")
    yield line([*table.columns, *names])
    for row, answer in zip(zip(*table.columns.values(), strict=True), answers, strict=True):
        yield line([*row, *(answer or ("", ""))])


def line(cells: Sequence[object]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(
        "" if cell is None else cell for cell in cells
    )
    return written.getvalue().encode()
