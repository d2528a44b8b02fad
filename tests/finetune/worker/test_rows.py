"""Rows of a job become batches."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import RequestRefused
from finetune.worker.rows import (
    load_tokenizer,
    parts,
    read_splits,
    reading_batches,
    tokenize,
    training_batches,
)
from tests.finetune.worker.small import small_rows, tiny_base, write_job

ROWS = [np.zeros(1 + (i * 7919) % 30, dtype=np.int64) for i in range(1000)]


def test_an_epoch_has_every_row_once_in_batches_of_nearly_one_length() -> None:
    batches = training_batches(ROWS, 16, seed=0, epoch=0)

    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    padded = sum(len(batch) * max(len(ROWS[i]) for i in batch) for batch in batches)
    assert padded / sum(map(len, ROWS)) < 1.05


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(training_batches(ROWS, 16, seed, epoch)).tolist()  # type: ignore[no-any-return]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_parts_hold_every_row_once_and_no_more_tokens_than_allowed() -> None:
    lengths = [3, 3, 3, 10, 2, 2, 2, 2]

    found = parts(lengths, 9)

    assert found == [slice(0, 3), slice(3, 4), slice(4, 8)]
    assert parts(lengths, 10_000) == [slice(0, 8)]


def test_batches_for_reading_hold_every_row_once_and_few_tokens() -> None:
    rows = [*ROWS, np.zeros(2000, dtype=np.int64)]

    batches = reading_batches(rows)

    assert sorted(np.concatenate(batches).tolist()) == list(range(1001))
    sizes = [len(batch) * max(len(rows[i]) for i in batch) for batch in batches]
    assert max(sizes[:-1]) <= 1024
    assert len(batches[-1]) == 1


def test_a_long_text_is_cut_and_none_is_padded(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    tokenizer = load_tokenizer(Path(base.path), 5)

    rows = tokenize(tokenizer, ["the cat", "the big red cat saw a dog"])

    assert [len(row) for row in rows] == [4, 5]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2 is not an object with text and label"),
        ('{"text": "hi"}', "line 2 is not an object with text and label"),
        ('["hi", "up"]', "line 2 is not an object with text and label"),
        ('{"text": 7, "label": "up"}', "line 2: text and label should be strings"),
        ('{"text": "hi", "label": "sideways"}', "line 2: the label 'sideways' is not in job.json"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, line: str, words: str) -> None:
    folder = write_job(tmp_path / "job", tiny_base(tmp_path), small_rows())
    good = '{"text": "hi", "label": "up"}\n'
    (folder / "test.jsonl").write_text(f"{good}{line}\n{good}")

    with pytest.raises(RequestRefused, match=words):
        read_splits(folder, ["down", "up"])


def test_a_missing_or_empty_split_is_refused(tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", tiny_base(tmp_path), small_rows() | {"validation": []})

    with pytest.raises(RequestRefused, match=r"validation\.jsonl has no rows"):
        read_splits(folder, ["down", "up"])
    (folder / "validation.jsonl").unlink()
    with pytest.raises(RequestRefused, match=r"validation\.jsonl is not in the job folder"):
        read_splits(folder, ["down", "up"])
