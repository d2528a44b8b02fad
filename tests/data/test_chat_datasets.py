import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from core.errors import RequestRefused
from core.records import tables
from data import sample
from data.datasets import SPLITS
from data.rows import key_of
from tests.data.room import CALLER, Room
from tests.data.talk import Json, chat, jsonl, message, sums

USER, BOT = message("user", "Hi"), message("assistant", "Hello")
CALL = {"type": "function", "function": {"name": "clock", "arguments": {}}}


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


# --- Splits


def keys_of(room: Room, dataset: tables.Dataset) -> dict[str, set[str]]:
    """What is asked in each split."""
    return {
        split: {
            key_of(" ".join(m["content"] for m in messages if m["role"] == "user"))
            for _, messages, _ in room.datasets.conversations(dataset, split)
        }
        for split in SPLITS
    }


def created(room: Room, rows: list[Json], name: str = "a", **more: Any) -> tables.Dataset:
    file_id = room.upload(f"{name}.jsonl", jsonl(rows))
    return room.datasets.create(CALLER, name=name, file_id=file_id, **more)


def test_rows_that_ask_the_same_never_straddle_two_splits(room: Room) -> None:
    loud = [chat(f"WHAT is  {n} plus {n}?", "Who knows.") for n in range(60)]
    kind = [chat(f"What is {n} plus {n}?", f"{2 * n}", message("system", "S")) for n in range(60)]
    dataset = created(room, [*sums(60), *loud, *kind])
    asked = keys_of(room, dataset)

    assert sum(map(len, asked.values())) == 60
    assert dataset.splits == {"train": 144, "validation": 18, "test": 18}


def test_a_prompt_that_most_rows_have_is_split_by_its_answers(room: Room) -> None:
    rows = [chat("Tell me a joke.", f"Joke number {n}.") for n in range(100)]
    assert created(room, rows).splits == {"train": 80, "validation": 10, "test": 10}


def test_the_split_is_decided_by_content_and_seed_alone(room: Room) -> None:
    first, turned = created(room, sums(100)), created(room, sums(100)[::-1], "b")
    other = created(room, sums(100), "c", seed=1)

    assert keys_of(room, first) == keys_of(room, turned)
    assert keys_of(room, first)["test"] != keys_of(room, other)["test"]


def test_ten_rows_are_enough_even_where_each_is_there_twice(room: Room) -> None:
    assert created(room, sums(10)).splits == {"train": 8, "validation": 1, "test": 1}
    doubled = created(room, [*sums(5), *sums(5)], "b")
    assert doubled.splits == {"train": 6, "validation": 2, "test": 2}


def problem_of(dataset: tables.Dataset, code: str) -> Json:
    found: Json = next(entry for entry in dataset.problems if entry["code"] == code)
    return found


@pytest.mark.parametrize("rows", [sums(9), [chat("Hi", "Hello")] * 20])
def test_too_few_different_rows_are_refused(room: Room, rows: list[Json]) -> None:
    before = len(room.everything())
    with pytest.raises(RequestRefused) as caught:
        created(room, rows)
    assert caught.value.code == "too_few_rows"
    assert len(room.everything()) == before + 1


def test_a_test_file_is_the_test_split_and_its_rows_leave_training(room: Room) -> None:
    test_file_id = room.upload("t.jsonl", jsonl([*sums(3), chat("New?", "Yes.")]))
    dataset = created(room, sums(40), test_file_id=test_file_id)

    assert dataset.splits["test"] == 4
    assert dataset.splits["train"] + dataset.splits["validation"] == 37
    assert problem_of(dataset, "leak")["rows"] == [1, 2, 3]


def test_a_test_file_in_another_schema_is_refused_by_its_name(room: Room) -> None:
    test_file_id = room.upload("t.jsonl", jsonl([{"prompt": "a", "completion": "b"}]))
    with pytest.raises(RequestRefused, match="no column 'messages'") as caught:
        created(room, sums(40), test_file_id=test_file_id)
    assert caught.value.param == "test_file_id"


# --- Pages


def test_a_page_shows_turns_and_cuts_what_is_long(room: Room) -> None:
    talk = [USER, message("assistant", "x" * 600, weight=0), USER]
    talk += [message("assistant", "", tool_calls=[CALL]), message("tool", "noon"), BOT]
    tools = [{"type": "function", "function": {"name": "clock"}}]
    dataset = created(room, [{"messages": talk, "tools": tools}, *sums(20)])
    page = sample.page(room.datasets.folder(dataset), dataset, rows=50)
    row = next(row for row in page["rows"] if row["row"] == 1)

    assert page["total"] == 21
    assert row["tools"] == ["clock"]
    assert row["turns"][1] == {
        "role": "assistant", "text": "x" * 500, "cut": True, "trained": False,
    }  # fmt: skip
    assert row["turns"][3] == {
        "role": "assistant", "text": "", "cut": False, "calls": ["clock({})"],
    }  # fmt: skip
    assert row["more_turns"] == 0


def test_a_label_is_nothing_to_ask_a_chat_dataset_for(room: Room, talks: tables.Dataset) -> None:
    with pytest.raises(RequestRefused, match="no label"):
        sample.page(room.datasets.folder(talks), talks, label="cancel")
