"""How a base model reads a dataset's texts: their length in its tokens, and what it cannot read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import pyarrow.parquet as parquet
from tokenizers import Tokenizer

from finetune.bases import Base

SAMPLE_ROWS = 20_000
"""Enough to know the lengths; counting these takes about a second."""
UNKNOWN_WARNING = 0.1
"""From this share of unreadable tokens on, a base is likely to lose to counting characters."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Of the training texts, in tokens of a base, the two special tokens included."""

    tokens: Sequence[int]
    rows: Sequence[int]
    """The row of each in its source file, counted from 1."""
    unknown_share: float
    """Share of the tokens that stand for something the base has no word for, 0 to 1."""

    @property
    def longest(self) -> int:
        return max(self.tokens, default=2)

    def beyond(self, limit: int) -> list[int]:
        """The rows that are cut at `limit` tokens."""
        pairs = zip(self.rows, self.tokens, strict=True)
        return [row for row, length in pairs if length > limit]


@lru_cache(maxsize=8)
def measure(split: Path, tokenizer_file: Path) -> Lengths:
    """Read the texts of a split in Parquet with a base's tokenizer. Neither file ever changes."""
    rows, texts = sample(split)
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown = unknown_id(tokenizer)
    encoded = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    count = sum(len(ids) for ids in encoded)
    missed = sum(ids.count(unknown) for ids in encoded) if unknown is not None else 0
    return Lengths(
        tokens=[len(ids) for ids in encoded],
        rows=rows,
        unknown_share=missed / max(1, count - 2 * len(encoded)),
    )


def sample(split: Path) -> tuple[list[int], list[str]]:
    """Row numbers and texts, evenly spaced; a large split is never whole in memory."""
    with parquet.ParquetFile(split) as file:
        step = -(-file.metadata.num_rows // SAMPLE_ROWS) or 1
        pairs = (
            pair
            for batch in file.iter_batches(columns=["row", "text"])
            for pair in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        )
        chosen = list(islice(pairs, 0, None, step))
    return [row for row, _ in chosen], [text for _, text in chosen]


def unknown_id(tokenizer: Tokenizer) -> int | None:
    for token in ("[UNK]", "<unk>"):
        found: int | None = tokenizer.token_to_id(token)
        if found is not None:
            return found
    return None


def notes(lengths: Lengths, max_length: int, base: Base) -> list[str]:
    """What a person should know of the fit between texts and base, in sentences."""
    found = []
    if cut := lengths.beyond(max_length):
        shown = ", ".join(str(row) for row in cut[:5]) + (", …" if len(cut) > 5 else "")
        share = 100 * len(cut) / len(lengths.tokens)
        found.append(
            f"{len(cut):,} of {len(lengths.tokens):,} texts ({share:.1f} %) are longer than "
            f"{max_length} tokens; their end is not read (rows {shown})."
        )
    if lengths.unknown_share >= UNKNOWN_WARNING:
        found.append(
            f"{base.name} cannot read {100 * lengths.unknown_share:.0f} % of these texts: it was "
            "made for another language. Expect the TF-IDF baseline to do better; it can be "
            "deployed too."
        )
    return found
