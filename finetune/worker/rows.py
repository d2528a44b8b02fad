"""Rows of a split: read from the job folder, turned into token ids, put into batches."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.errors import RequestRefused
from finetune.worker.spec import SPLITS

Ids = NDArray[np.int64]

READING_ROWS, READING_TOKENS = 32, 1024
"""Most rows, and tokens, of a batch that is only read. Larger ones are no faster on a CPU."""

WINDOW = 50
"""Batches whose rows are sorted by length together: rows of a batch have nearly one length, and
which rows meet still changes from epoch to epoch."""


@dataclass(frozen=True)
class Split:
    """Texts and the number of the label of each."""

    texts: list[str]
    truth: Ids

    def __len__(self) -> int:
        return len(self.texts)

    def sample(self, count: int, seed: int) -> "Split":
        """At most `count` rows, chosen by the seed."""
        chosen = np.random.default_rng(seed).permutation(len(self))[:count]
        return Split([self.texts[i] for i in chosen], self.truth[chosen])


def read_splits(folder: Path, labels: Sequence[str]) -> dict[str, Split]:
    """The three splits of a job.

    Raises:
        RequestRefused: A file is missing or empty, or a line is not a text with a known label.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    return {name: _read(folder / f"{name}.jsonl", numbers) for name in SPLITS}


def _read(file: Path, numbers: dict[str, int]) -> Split:
    if not file.is_file():
        raise _bad(f"{file.name} is not in the job folder.")
    texts, truth = [], []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            text, label = _row(line, f"{file.name} line {number}")
            if label not in numbers:
                raise _bad(f"{file.name} line {number}: the label {label!r} is not in job.json.")
            texts.append(text)
            truth.append(numbers[label])
    if not texts:
        raise _bad(f"{file.name} has no rows.")
    return Split(texts, np.array(truth, dtype=np.int64))


def _row(line: str, where: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        text, label = row["text"], row["label"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise _bad(f"{where} is not an object with text and label.") from None
    if not isinstance(text, str) or not isinstance(label, str):
        raise _bad(f"{where}: text and label should be strings.")
    return text, label


def load_tokenizer(folder: Path, max_length: int) -> Tokenizer:
    """The base's tokenizer, cutting at `max_length` tokens and never padding."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise RequestRefused(
            "The base model has no tokenizer.json.",
            code="base_incomplete",
            param="base_model",
            fix="Save its tokenizer in the fast format and register the base again.",
        )
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    """The token ids of each text."""
    encodings = tokenizer.encode_batch(list(texts))
    return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]


def training_batches(rows: Sequence[Ids], size: int, seed: int, epoch: int) -> list[Ids]:
    """Row numbers of every batch of an epoch, each row once; the same for the same arguments."""
    chance = np.random.default_rng([seed, epoch])
    order = chance.permutation(len(rows))
    batches: list[Ids] = []
    for start in range(0, len(rows), size * WINDOW):
        batches += _cut(rows, order[start : start + size * WINDOW], size)
    return [batches[i] for i in chance.permutation(len(batches))]


def parts(lengths: Sequence[int], tokens: int) -> list[slice]:
    """Consecutive rows together, as many as fit into so many tokens when padded to the longest."""
    found, start, longest = list[slice](), 0, 0
    for row, length in enumerate(lengths):
        longest = max(longest, length)
        if row > start and longest * (row + 1 - start) > tokens:
            found.append(slice(start, row))
            start, longest = row, length
    return [*found, slice(start, len(lengths))]


def reading_batches(rows: Sequence[Ids]) -> list[Ids]:
    """Row numbers in batches of nearly one length, for reading without training.

    Batches of long rows are smaller: memory goes by tokens.
    """
    by_length = np.argsort([len(row) for row in rows], kind="stable")
    batches: list[Ids] = []
    while len(by_length):
        # The last of as many as there may be is the longest of them.
        most = by_length[:READING_ROWS]
        fitting = max(1, READING_TOKENS // len(rows[most[-1]]))
        batches.append(most[:fitting])
        by_length = by_length[fitting:] if fitting < len(most) else by_length[len(most) :]
    return batches


def _cut(rows: Sequence[Ids], chosen: Ids, size: int) -> list[Ids]:
    lengths = np.array([len(rows[i]) for i in chosen])
    by_length = chosen[np.argsort(lengths, kind="stable")]
    return [by_length[i : i + size] for i in range(0, len(by_length), size)]


def _bad(message: str) -> RequestRefused:
    return RequestRefused(message, code="bad_job", fix="Write the job folder again.")
