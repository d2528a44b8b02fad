"""How a causal base reads a dataset's conversations: tokens of each row, and rows it cannot learn.

It goes through the same tokenizer and template as training and serving, so what is said here of
a row is what will happen to it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from core.chat.tokens import ChatTokenizer, Row
from core.errors import RequestRefused
from finetune.bases import Base
from finetune.lengths import UNKNOWN_WARNING, Lengths, unknown_id

SPLITS = ("train", "validation", "test")
ABBREVIATED = 600
"""Characters of a piece in a preview; a longer one is cut in the middle."""

Talk = tuple[int, list[dict[str, Any]], list[dict[str, Any]] | None]
"""Row number in the source file, messages, tools."""


@dataclass(frozen=True)
class Sample:
    """How many rows of a split are read; a thousand take about half a second."""

    rows: int = 10_000
    """Evenly spaced where there are more."""
    longest: int = 500
    """Beside them those with the most characters, so that what does not fit is found."""


@dataclass(frozen=True, kw_only=True)
class ChatLengths(Lengths):
    """Of the conversations that were read; `unknown_share` counts tokens of all of them."""

    trained: list[int]
    """Tokens of each row that train."""
    problems: dict[str, list[int]] = field(default_factory=dict)
    """Code of a problem (core.chat.tokens.Row.problems) to the rows that have it."""
    refused: dict[int, str] = field(default_factory=dict)
    """Row to the words with which the template refused it; such rows have no tokens."""
    total: int
    """Rows of the dataset; more than were read where it is large."""

    @property
    def read(self) -> int:
        return len(self.tokens) + len(self.refused)

    def shown(self, limit: int) -> list[int]:
        """Rows worth looking at: the shortest, a middle one and the longest that fit and train."""
        fitting = sorted(
            (tokens, row)
            for row, tokens, trained in zip(self.rows, self.tokens, self.trained, strict=True)
            if tokens <= limit and trained
        )
        places = dict.fromkeys((0, len(fitting) // 2, len(fitting) - 1))
        return [fitting[place][1] for place in places if fitting]


def of_base(folder: Path, base: Base) -> ChatLengths:
    """The rows of all splits in a chat dataset's folder, as this base reads them. Remembered."""
    return measure(folder, base.path, base.template_sha256, base.tokenizer_sha256)


@lru_cache(maxsize=8)
def tokenizer_in(folder: Path, template_sha256: str, tokenizer_sha256: str) -> ChatTokenizer:
    """The hashes only say which content of the folder is meant."""
    return ChatTokenizer.load(folder)


@lru_cache(maxsize=8)
def measure(folder: Path, base: Path, template_sha256: str, tokenizer_sha256: str) -> ChatLengths:
    tokenizer = tokenizer_in(base, template_sha256, tokenizer_sha256)
    talks = (talk for split in SPLITS for talk in chosen(folder / f"{split}.parquet"))
    return count(tokenizer, talks, sum(rows_in(folder / f"{split}.parquet") for split in SPLITS))


def rows_in(split: Path) -> int:
    with parquet.ParquetFile(split) as file:
        total: int = file.metadata.num_rows
        return total


def count(tokenizer: ChatTokenizer, talks: Iterator[Talk], total: int) -> ChatLengths:
    tokens, rows, trained = [], [], []
    problems: dict[str, list[int]] = {}
    refused: dict[int, str] = {}
    unknown, missed = unknown_id(tokenizer.tokenizer), 0
    for number, messages, tools in talks:
        try:
            row = tokenizer.row(messages, tools)
        except RequestRefused as refusal:
            refused[number] = refusal.message
            continue
        rows.append(number)
        tokens.append(len(row.ids))
        trained.append(row.trained_tokens)
        missed += row.ids.count(unknown) if unknown is not None else 0
        for code in row.problems:
            problems.setdefault(code, []).append(number)
    return ChatLengths(
        tokens=tokens,
        rows=rows,
        unknown_share=missed / max(1, sum(tokens)),
        trained=trained,
        problems=problems,
        refused=refused,
        total=total,
    )


def chosen(split: Path, sample: Sample = Sample()) -> Iterator[Talk]:
    """All rows, or of a large split evenly spaced ones and the longest, in order."""
    wanted = places(split, sample)
    for place, talk in enumerate(talks_in(split)):
        if wanted is None or place in wanted:
            yield talk


def places(split: Path, sample: Sample) -> set[int] | None:
    total = rows_in(split)
    if total <= sample.rows:
        return None
    with parquet.ParquetFile(split) as file:
        sizes = [
            len(text)
            for batch in file.iter_batches(columns=["messages"])
            for text in batch.column(0).to_pylist()
        ]
    longest = sorted(range(total), key=sizes.__getitem__)[-sample.longest :]
    return {*range(0, total, -(-total // sample.rows)), *longest}


def talks_in(split: Path) -> Iterator[Talk]:
    with parquet.ParquetFile(split) as file:
        for batch in file.iter_batches(batch_size=256, columns=["row", "messages", "tools"]):
            for row, messages, tools in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                yield row, json.loads(messages), json.loads(tools) if tools else None


def notes(lengths: ChatLengths, max_length: int, base: Base) -> list[str]:
    """What a person should know before training these conversations, in sentences."""
    found = []
    if long := lengths.beyond(max_length):
        found.append(
            f"{len(long):,} of {lengths.read:,} conversations are longer than {max_length:,} "
            f"tokens and are left out whole (rows {numbers(long)})."
        )
    if refused := sorted(lengths.refused):
        found.append(
            f"The chat template of {base.name} refuses {len(refused):,} of {lengths.read:,} "
            f"conversations; they are left out (rows {numbers(refused)})."
        )
    if empty := lengths.problems.get("no_trained_token"):
        found.append(
            f"In {len(empty):,} of {lengths.read:,} conversations nothing would train; they are "
            f"left out (rows {numbers(empty)})."
        )
    if lengths.unknown_share >= UNKNOWN_WARNING:
        found.append(
            f"{base.name} cannot read {100 * lengths.unknown_share:.0f} % of these conversations: "
            "it was made for another language."
        )
    return found


def numbers(rows: list[int]) -> str:
    return ", ".join(str(row) for row in rows[:5]) + (", …" if len(rows) > 5 else "")


def previews(folder: Path, base: Base, rows: list[int]) -> list[dict[str, Any]]:
    """What trains in these rows, in their order: see `preview`. Looked for in every split.

    Raises:
        RequestRefused: The dataset has no such row, or the base's template refuses it.
    """
    tokenizer = tokenizer_in(base.path, base.template_sha256, base.tokenizer_sha256)
    found: dict[int, Talk] = {}
    for split in SPLITS:
        if len(found) < len(set(rows)):
            wanted = (talk for talk in talks_in(folder / f"{split}.parquet") if talk[0] in rows)
            found |= {talk[0]: talk for talk in islice(wanted, len(set(rows)))}
    for row in rows:
        if row not in found:
            raise RequestRefused(
                f"There is no row {row} in this dataset.",
                code="not_found",
                param="row",
                fix="Give the number of a row of the uploaded file, counted from 1; rows that "
                "were left out have none.",
            )
    return [preview(row, tokenizer.row(*found[row][1:])) for row in rows]


def preview(number: int, row: Row) -> dict[str, Any]:
    """{"row", "tokens", "trained_tokens", "segments": [{"text", "trained"}]} for people."""
    return {
        "row": number,
        "tokens": len(row.ids),
        "trained_tokens": row.trained_tokens,
        "segments": [
            segment | {"text": abbreviated(segment["text"])} for segment in row.segments()
        ],
    }


def abbreviated(text: str) -> str:
    """A long text without its middle, and how many characters that had."""
    left_out = len(text) - ABBREVIATED
    if left_out < ABBREVIATED // 10:
        return text
    half = ABBREVIATED // 2
    return f"{text[:half]} […{left_out:,}…] {text[-half:]}"
