"""Is a dataset fit to train on a base: what the data room finds, with this base's own tokens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data import doctor
from data.chat.fit import ChatFit
from finetune import chat_lengths, lengths
from finetune.bases import Base

Json = dict[str, Any]
Problems = Sequence[Mapping[str, Any]]


def check_texts(folder: Path, base: Base, problems: Problems) -> Json:
    """Of texts with labels: problems, token lengths and a verdict.

    Args:
        folder: Holds the splits in Parquet.
        problems: Those of the data itself.
    """
    read = lengths.measure(folder / "train.parquet", base.path / "tokenizer.json")
    fit = doctor.Fit(
        base=base.name,
        limit=base.max_positions,
        tokens=read.tokens,
        rows=read.rows,
        unknown_share=read.unknown_share,
    )
    return doctor.check(problems, fit)


def check_chats(folder: Path, base: Base, problems: Problems, row: int = 0) -> Json:
    """Of conversations: the same, and `preview`: which tokens of some rows would train.

    Args:
        row: Show this row of the file; 0 for the shortest, a middle and the longest that fit.

    Raises:
        RequestRefused: There is no such row, or the base's template refuses it.
    """
    read = chat_lengths.of_base(folder, base)
    shown = [row] if row else read.shown(base.max_positions)
    preview = chat_lengths.previews(folder, base, shown)
    return {**doctor.check(problems, fit_of(read, base)), "preview": preview}


def fit_of(read: chat_lengths.ChatLengths, base: Base) -> ChatFit:
    return ChatFit(
        base=base.name,
        limit=base.max_positions,
        tokens=read.tokens,
        trained=read.trained,
        rows=read.rows,
        codes=read.problems,
        refused=read.refused,
        total=read.total,
        unknown_share=read.unknown_share,
    )
