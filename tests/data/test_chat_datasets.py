import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.records import tables
from data.datasets import SPLITS
from tests.data.room import CALLER, Room
from tests.data.talk import jsonl, sums


@pytest.fixture
def talks(room: Room) -> tables.Dataset:
    file_id = room.upload("sums.jsonl", jsonl(sums(100)))
    return room.datasets.create(CALLER, name="sums", file_id=file_id)


def test_an_openai_file_becomes_a_chat_version_with_profile_and_splits(
    talks: tables.Dataset,
) -> None:
    assert (talks.ref, talks.task, talks.rows) == ("sums@1", "chat", 100)
    assert talks.splits == {"train": 80, "validation": 10, "test": 10}
    assert talks.columns == {"messages": "messages"}
    assert talks.profile["shape"] == "openai_chat"
    assert any("'role' and 'content'" in why for why in talks.profile["why"])
    assert json.loads(json.dumps([talks.profile, talks.problems], allow_nan=False))


def test_every_row_is_in_one_split_with_its_place_in_the_upload(
    room: Room, talks: tables.Dataset
) -> None:
    rows = {split: list(room.datasets.conversations(talks, split)) for split in SPLITS}
    found = sorted((row for part in rows.values() for row in part), key=lambda row: row[0])

    assert found == [(at, row["messages"], None) for at, row in enumerate(sums(100), start=1)]
    parquet = pq.read_table(room.datasets.folder(talks) / "test.parquet")
    assert parquet.column_names == ["row", "messages", "tools"]


def test_jsonl_for_the_worker_has_row_messages_and_tools_a_line(
    room: Room, talks: tables.Dataset, tmp_path: Path
) -> None:
    room.datasets.export_jsonl(talks, tmp_path)
    for split in SPLITS:
        text = (tmp_path / f"{split}.jsonl").read_text("utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines == [
            {"row": row, "messages": messages, "tools": tools}
            for row, messages, tools in room.datasets.conversations(talks, split)
        ]
