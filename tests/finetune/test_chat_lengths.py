"""What a plan says of conversations: their length for a base, and which it must leave out."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from core.storage import Storage
from finetune import chat_lengths
from finetune.bases import Base, Bases
from tests.finetune.causal_base import causal_folder

ANSWER = {"role": "assistant", "content": "Yes."}


@pytest.fixture
def base(tmp_path: Path) -> Base:
    Storage(tmp_path / "home").prepare()
    bases = Bases(tmp_path / "home")
    return bases.add("gem", str(causal_folder(tmp_path / "model", "gemma")))


def asked(question: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}, ANSWER | more]


def write(folder: Path, **splits: list[list[dict[str, Any]]]) -> Path:
    """Splits in Parquet, as the data room keeps them; rows are counted through all of them."""
    number = 0
    folder.mkdir()
    for split in ("train", "validation", "test"):
        talks = splits.get(split, [])
        rows = range(number + 1, number + 1 + len(talks))
        number += len(talks)
        columns = {
            "row": pa.array(rows, pa.int32()),
            "messages": pa.array([json.dumps(talk) for talk in talks], pa.large_string()),
            "tools": pa.array([None] * len(talks), pa.large_string()),
        }
        parquet.write_table(pa.table(columns), folder / f"{split}.parquet")
    return folder


def test_tokens_and_trained_tokens_of_every_split_are_counted(tmp_path: Path, base: Base) -> None:
    folder = write(tmp_path / "d", train=[asked("a"), asked("b c d")], test=[asked("e")])
    read = chat_lengths.of_base(folder, base)
    assert read.rows == [1, 2, 3]
    assert read.longest == max(read.tokens)
    assert len(set(read.trained)) == 1
    assert (read.read, read.total, read.refused) == (3, 3, {})
    assert chat_lengths.notes(read, read.longest, base) == []


def test_what_a_training_leaves_out_is_said_before_it_costs(tmp_path: Path, base: Base) -> None:
    system = [{"role": "system", "content": "x"}, *asked("a")]
    train = [asked("a"), asked("word " * 200), asked("b", weight=0), system]
    read = chat_lengths.of_base(write(tmp_path / "d", train=train), base)
    assert chat_lengths.notes(read, 100, base) == [
        "1 of 4 conversations are longer than 100 tokens and are left out whole (rows 2).",
        "The chat template of gem refuses 1 of 4 conversations; they are left out (rows 4).",
        "In 1 of 4 conversations nothing would train; they are left out (rows 3).",
    ]
    assert read.shown(100) == [1]


def test_a_language_that_the_base_cannot_read_is_said(tmp_path: Path, base: Base) -> None:
    read = chat_lengths.of_base(write(tmp_path / "d", train=[asked("a")]), base)
    known = chat_lengths.notes(read, 100, base)
    unread = chat_lengths.ChatLengths(tokens=[9], rows=[1], trained=[2], total=1, unknown_share=0.4)
    assert known == []
    assert "gem cannot read 40 %" in chat_lengths.notes(unread, 100, base)[0]


def test_what_was_read_is_remembered_until_the_template_changes(tmp_path: Path, base: Base) -> None:
    folder = write(tmp_path / "d", train=[asked("a")])
    assert chat_lengths.of_base(folder, base) is chat_lengths.of_base(folder, base)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_rows_are_shown_once_each(count: int, tmp_path: Path, base: Base) -> None:
    folder = write(tmp_path / "d", train=[asked("a " * n) for n in range(count)])
    read = chat_lengths.of_base(folder, base)
    assert sorted(read.shown(2048)) == list(range(1, count + 1))
