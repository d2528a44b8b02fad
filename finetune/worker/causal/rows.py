"""Conversations of a split as token ids, with what is to be learned from each.

A row from which nothing can be learned, or that the model cannot read whole, is left out and named;
none is ever cut.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused
from finetune.worker.rows import Ids
from finetune.worker.spec import SPLITS

NOTHING_TRAINED = "no_trained_token"
TOO_LONG = "too_long"
REFUSED = "template_refused"


@dataclass(frozen=True)
class Row:
    """One conversation."""

    ids: Ids
    trained: NDArray[np.bool_]
    """By position: whether the model learns to say this token."""

    def asked(self) -> Ids:
        """Positions whose next token is trained. Nothing comes before the first token, so the
        first is never learned."""
        found: Ids = np.flatnonzero(self.trained[1:])
        return found


@dataclass(frozen=True)
class ChatRows:
    """The rows of a split that are used, in order, and those that are not."""

    rows: list[Row]
    numbers: list[int] = field(default_factory=list)
    """What the dataset calls each of the rows; an unfolded one stands there more than once."""
    left_out: list[tuple[int, str]] = field(default_factory=list)
    """Number of a row and why it is not used: `no_trained_token`, `too_long`, or
    `template_refused` by the base's chat template."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row.ids) for row in self.rows]

    @property
    def trained_tokens(self) -> int:
        """Of all rows together."""
        return sum(len(row.asked()) for row in self.rows)

    def sample(self, count: int, seed: int) -> "ChatRows":
        """At most `count` rows, chosen by the seed; `left_out` stays."""
        chosen = np.random.default_rng(seed).permutation(len(self))[:count]
        numbers = [self.numbers[i] for i in chosen] if self.numbers else []
        return ChatRows([self.rows[i] for i in chosen], numbers, self.left_out)


def read_chats(folder: Path, tokenizer: ChatTokenizer, max_length: int) -> dict[str, ChatRows]:
    """The three splits of a job.

    Raises:
        RequestRefused: A file is missing, a line is not a conversation (`bad_job`), or no row of a
            split can be used (`no_usable_rows`).
    """
    found = {
        name: _read(folder / f"{name}.jsonl", tokenizer, max_length, unfold=name == "train")
        for name in SPLITS
    }
    for name, rows in found.items():
        if not rows.rows:
            raise _unusable(name, rows.left_out, max_length)
    return found


def _read(file: Path, tokenizer: ChatTokenizer, max_length: int, unfold: bool) -> ChatRows:
    """The rows of a file.

    Args:
        unfold: Where the template rewrites earlier answers, a row gives one more for each of
            them (ChatTokenizer.rows), so that all of them train.
    """
    found = ChatRows([])
    for content, where in _lines(file):
        if not isinstance(content, dict) or not {"row", "messages"} <= content.keys():
            raise _bad(f"{where} is not an object with row and messages.")
        number, said = int(content["row"]), (content["messages"], content.get("tools"))
        try:
            rows = tokenizer.rows(*said) if unfold else [tokenizer.row(*said)]
        except RequestRefused:
            found.left_out.append((number, REFUSED))
            continue
        for row in rows:
            ids = np.array(row.ids, dtype=np.int64)
            _add(found, number, Row(ids, np.array(row.trained, dtype=np.bool_)), max_length)
    return found


def _add(found: ChatRows, number: int, row: Row, max_length: int) -> None:
    if not len(row.asked()):
        found.left_out.append((number, NOTHING_TRAINED))
    elif len(row.ids) > max_length:
        found.left_out.append((number, TOO_LONG))
    else:
        found.rows.append(row)
        found.numbers.append(number)


def _lines(file: Path) -> Iterator[tuple[Any, str]]:
    if not file.is_file():
        raise _bad(f"{file.name} is not in the job folder.")
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{file.name} line {number}"
            try:
                yield json.loads(line), where
            except json.JSONDecodeError:
                raise _bad(f"{where} is not JSON.") from None


def _unusable(split: str, left_out: list[tuple[int, str]], max_length: int) -> RequestRefused:
    long = sum(reason == TOO_LONG for _, reason in left_out)
    return RequestRefused(
        f"No row of {split} can be used: {long} are longer than {max_length} tokens, and "
        f"{len(left_out) - long} have nothing to learn from.",
        code="no_usable_rows",
        param="max_length",
        fix="Use a larger max_length, or check the dataset: it names the rows.",
    )


def _bad(message: str) -> RequestRefused:
    return RequestRefused(message, code="bad_job", fix="Write the job folder again.")
