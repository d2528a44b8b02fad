import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.errors import RequestRefused
from core.identity import Caller
from core.records import tables
from core.records.database import next_id
from core.records.queries import stamp
from data.datasets import SPLITS
from data.rows import key_of
from tests.data.room import CALLER, Room

Real = Callable[[str], Path]
OTHER = Caller(user="someone else")


def rows_of(room: Room, dataset: tables.Dataset) -> dict[str, list[tuple[int, str, str]]]:
    return {split: list(room.datasets.rows(dataset, split)) for split in SPLITS}


def csv_of(rows: list[tuple[str, str]]) -> str:
    return "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)


def many(count: int, classes: int = 2) -> list[tuple[str, str]]:
    return [(f"sentence number {n} about a thing", f"class {n % classes}") for n in range(count)]


@pytest.fixture
def tickets(room: Room, samples: Path) -> tables.Dataset:
    file_id = room.upload_file(samples / "tickets.csv")
    return room.datasets.create(CALLER, name="tickets", file_id=file_id)


def test_a_small_file_becomes_a_version_with_profile_and_splits(tickets: tables.Dataset) -> None:
    profile = tickets.profile

    assert tickets.ref == "tickets@1"
    assert tickets.task == "classification"
    assert tickets.columns == {"text": "message", "label": "queue"}
    assert tickets.rows == 150
    assert tickets.splits == {"train": 126, "validation": 12, "test": 12}
    assert (profile["format"], profile["encoding"], profile["delimiter"]) == ("csv", "utf-8", ",")
    assert profile["classes"] == 6
    assert profile["labels"][0] == {
        "label": "cancel", "rows": 25, "train": 21, "validation": 2, "test": 2,
    }  # fmt: skip
    assert profile["duplicates"] == {"rows": 0, "groups": 0}
    assert sum(count for _, _, count in profile["lengths"]["histogram"]) == 150
    assert json.loads(json.dumps([profile, tickets.problems], allow_nan=False))


def test_the_files_hold_every_row_once_with_its_place_in_the_upload(
    room: Room, samples: Path, tickets: tables.Dataset
) -> None:
    found = sorted(row for rows in rows_of(room, tickets).values() for row in rows)
    lines = (samples / "tickets.csv").read_text().splitlines()

    assert [number for number, _, _ in found] == list(range(1, 151))
    assert all(label in lines[number] for number, _, label in found)


def test_jsonl_for_the_worker_has_text_and_label_a_line(
    room: Room, tickets: tables.Dataset, tmp_path: Path
) -> None:
    room.datasets.export_jsonl(tickets, tmp_path)
    for split in SPLITS:
        lines = [
            json.loads(line) for line in (tmp_path / f"{split}.jsonl").read_text().splitlines()
        ]
        rows = list(room.datasets.rows(tickets, split))
        assert lines == [{"text": text, "label": label} for _, text, label in rows]


def test_the_same_content_again_is_the_version_that_is_there(
    room: Room, samples: Path, tickets: tables.Dataset
) -> None:
    again = room.upload_file(samples / "tickets.csv")
    same = room.datasets.create(CALLER, name="tickets", file_id=again, columns={"label": "queue"})
    other = room.datasets.create(CALLER, name="tickets", file_id=again, seed=7)

    assert same.id == tickets.id
    assert other.ref == "tickets@2"
    assert [row.ref for row in room.datasets.list(CALLER)] == ["tickets@1", "tickets@2"]
    assert room.datasets.get(CALLER, "tickets").ref == "tickets@2"
    folders = sorted(path.name for path in (room.home / "datasets").iterdir())
    assert folders == [tickets.id, other.id]


def test_the_split_is_decided_by_content_and_seed_alone(room: Room, tmp_path: Path) -> None:
    rows = many(200)
    first = room.datasets.create(CALLER, name="a", file_id=room.upload("a.csv", csv_of(rows)))
    turned = csv_of(rows[::-1])
    second = room.datasets.create(CALLER, name="b", file_id=room.upload("b.csv", turned))

    texts = [{t for _, t, _ in rows_of(room, made)["test"]} for made in (first, second)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 20


def test_equal_texts_never_straddle_two_splits(room: Room) -> None:
    rows = [row for row in many(60) for _ in range(3)]
    loud = [(text.upper() + "  ", label) for text, label in many(60)]
    dataset = room.datasets.create(
        CALLER, name="a", file_id=room.upload("a.csv", csv_of(rows + loud))
    )
    keys = {s: {key_of(t) for _, t, _ in rows} for s, rows in rows_of(room, dataset).items()}

    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["validation"]
    assert not keys["validation"] & keys["test"]
    assert dataset.profile["duplicates"] == {"rows": 180, "groups": 60}


def test_contradicting_labels_are_counted_with_examples_and_rows(room: Room) -> None:
    rows = [*many(40), ("the same words", "class 0"), ("The  same words", "class 1")]
    dataset = room.datasets.create(CALLER, name="a", file_id=room.upload("a.csv", csv_of(rows)))
    conflict = next(entry for entry in dataset.problems if entry["code"] == "conflicts")

    assert dataset.profile["conflicts"] == {
        "groups": 1,
        "rows": 2,
        "examples": [
            {"text": "the same words", "labels": ["class 0", "class 1"], "rows": [41, 42]}
        ],
    }
    assert (conflict["severity"], conflict["rows"], conflict["count"]) == ("warning", [41, 42], 2)


def test_a_test_file_is_the_test_split_and_its_texts_leave_training(
    room: Room, samples: Path
) -> None:
    content = (samples / "tickets.csv").read_text() + "CANCEL order 20817 at  once.,cancel\n"
    test = (samples / "tickets_test.csv").read_text() + "Cancel order 20817 at once.,cancel\n"
    dataset = room.datasets.create(
        CALLER,
        name="tickets",
        file_id=room.upload("a.csv", content),
        test_file_id=room.upload("t.csv", test),
    )
    leak = next(entry for entry in dataset.problems if entry["code"] == "leak")

    assert dataset.splits["test"] == 43
    assert dataset.splits["train"] + dataset.splits["validation"] == 149
    assert leak["rows"] == [143, 151]
    assert dataset.profile["skipped"] == [
        {"reason": "also in the test or validation file", "count": 2, "rows": [143, 151]}
    ]


def test_a_label_that_only_the_test_file_has_is_a_warning(room: Room, samples: Path) -> None:
    test = (samples / "tickets_test.csv").read_text() + "What is this?,riddle\n"
    dataset = room.datasets.create(
        CALLER,
        name="tickets",
        file_id=room.upload_file(samples / "tickets.csv"),
        test_file_id=room.upload("t.csv", test),
    )
    unseen = next(entry for entry in dataset.problems if entry["code"] == "unseen_label")

    assert "'riddle'" in unseen["message"]
    assert unseen["rows"] == [43]
    assert "riddle" in [entry["label"] for entry in dataset.profile["labels"]]


def test_a_test_file_without_the_columns_is_refused_by_its_name(room: Room, samples: Path) -> None:
    with pytest.raises(RequestRefused, match="no column 'message'") as caught:
        room.datasets.create(
            CALLER,
            name="tickets",
            file_id=room.upload_file(samples / "tickets.csv"),
            test_file_id=room.upload("t.csv", csv_of(many(20))),
        )
    assert caught.value.param == "test_file_id"


def test_labels_are_trimmed_and_spellings_that_differ_by_case_are_named(room: Room) -> None:
    rows = [*many(40), ("another one", " class 0 "), ("yet another", "Class 1")]
    dataset = room.datasets.create(CALLER, name="a", file_id=room.upload("a.csv", csv_of(rows)))

    assert {e["label"] for e in dataset.profile["labels"]} == {"class 0", "class 1", "Class 1"}
    assert "labels_alike" in [entry["code"] for entry in dataset.problems]


def test_a_few_rows_without_text_are_left_out_and_named(room: Room) -> None:
    rows = [*many(40), ("  ", "class 0")]
    dataset = room.datasets.create(CALLER, name="a", file_id=room.upload("a.csv", csv_of(rows)))

    assert dataset.rows == 40
    assert dataset.profile["skipped"] == [{"reason": "no text", "count": 1, "rows": [41]}]
    assert "missing_text" in [entry["code"] for entry in dataset.problems]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("text,label\n", "no_rows", "header ('text', 'label') and no rows"),
        (csv_of([(text, "same") for text, _ in many(30)]), "one_class", "'same'"),
        (csv_of([*many(20), ("a text", ""), ("more", " ")]), "missing_label", "row 21 (line 22)"),
        (csv_of([*many(20), *[("", "class 0")] * 9]), "missing_text", "9 of 29 rows"),
        (csv_of(many(9)), "too_few_rows", "9 usable rows"),
        (csv_of(many(20, classes=10)), "too_few_rows", "validation"),
        ("text\n" + "a line\n" * 20, "one_column", "one column"),
        ("text,label\na,b\nc\n", "ragged_row", "row 2 (line 3)"),
        (b"text,label\ncaf\xe9,a\n", "bad_encoding", "byte 14"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_changes(
    room: Room, content: str | bytes, code: str, says: str
) -> None:
    file_id = room.upload("a.csv", content)
    before = room.everything()
    with pytest.raises(RequestRefused) as caught:
        room.datasets.create(CALLER, name="a", file_id=file_id)

    assert caught.value.code == code
    assert says in caught.value.message
    assert caught.value.fix
    assert caught.value.param == "file_id"
    assert room.everything() == before
    assert room.datasets.list(CALLER) == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "../../x"}, "bad_name"),
        ({"file_id": "file-nope"}, "not_found"),
        ({"test_file_id": "../records.sqlite"}, "not_found"),
        ({"task": "rank"}, "unsupported_task"),
        ({"seed": -1}, "out_of_range"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_read(
    room: Room, samples: Path, given: dict[str, str], code: str
) -> None:
    arguments = {"name": "a", "file_id": room.upload_file(samples / "tickets.csv")} | given
    with pytest.raises(RequestRefused) as caught:
        room.datasets.create(CALLER, **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.param == next(iter(given))
    assert list((room.home / "datasets").iterdir()) == []


def test_someone_elses_dataset_is_as_unknown_as_none(room: Room, tickets: tables.Dataset) -> None:
    for question in (room.datasets.get, room.datasets.delete):
        with pytest.raises(RequestRefused, match="There is no dataset"):
            question(OTHER, tickets.ref)
    assert room.datasets.list(OTHER) == []


def test_a_deleted_version_is_gone_and_its_number_is_not_used_again(
    room: Room, samples: Path, tickets: tables.Dataset
) -> None:
    room.datasets.delete(CALLER, "tickets@1")
    file_id = room.upload_file(samples / "tickets.csv")
    remade = room.datasets.create(CALLER, name="tickets", file_id=file_id)

    assert not room.datasets.folder(tickets).exists()
    assert remade.ref == "tickets@2"


def test_a_dataset_that_a_run_uses_is_not_deleted(room: Room, tickets: tables.Dataset) -> None:
    with room.database.write() as session:
        run = tables.Run(
            id=next_id(session, "run"),
            dataset=tickets.ref,
            base_model="minilm",
            recipe={},
            **stamp(CALLER),
        )
        session.add(run)
    with pytest.raises(RequestRefused, match="used by run_1") as caught:
        room.datasets.delete(CALLER, "tickets")
    assert caught.value.code == "in_use"
    assert room.datasets.folder(tickets).exists()


def test_a_sweep_removes_what_a_crash_left_and_nothing_else(
    room: Room, tickets: tables.Dataset
) -> None:
    for name in ("new-0123.part", "dataset_99"):
        (room.home / "datasets" / name).mkdir()
        (room.home / "datasets" / name / "train.parquet").write_bytes(b"half")

    assert room.datasets.sweep() == 2
    assert [path.name for path in (room.home / "datasets").iterdir()] == [tickets.id]


def test_the_same_content_made_by_two_at_once_is_one_version(room: Room, samples: Path) -> None:
    file_id = room.upload_file(samples / "tickets.csv")

    def make(_: int) -> str:
        return room.datasets.create(CALLER, name="tickets", file_id=file_id).id

    with ThreadPoolExecutor(3) as pool:
        made = set(pool.map(make, range(3)))
    assert len(made) == 1
    assert [path.name for path in (room.home / "datasets").iterdir()] == list(made)


def test_chinese_reviews_are_read_and_their_script_is_counted(room: Room, samples: Path) -> None:
    file_id = room.upload_file(samples / "reviews_zh.csv")
    dataset = room.datasets.create(CALLER, name="reviews", file_id=file_id)

    assert dataset.columns == {"text": "内容", "label": "类别"}
    assert dataset.profile["classes"] == 3
    assert dataset.profile["language"]["han"] == 1.0


# --- Real data


def test_banking77_is_read_whole_with_its_test_file(room: Room, real: Real) -> None:
    dataset = room.datasets.create(
        CALLER,
        name="banking77",
        file_id=room.upload_file(real("banking77/train.csv")),
        test_file_id=room.upload_file(real("banking77/test.csv")),
    )
    assert dataset.columns == {"text": "text", "label": "category"}
    assert dataset.profile["source_rows"] == 10_003
    assert dataset.profile["classes"] == 77
    assert dataset.splits["test"] == 3_080
    assert sum(dataset.splits.values()) + dataset.profile["skipped"][0]["count"] == 13_083
    parquet = pq.read_table(room.datasets.folder(dataset) / "test.parquet")
    assert parquet.column_names == ["row", "text", "label"]


def test_clinc150_flattened_with_other_column_names_is_read(room: Room, real: Real) -> None:
    content = json.loads(gzip.decompress(real("clinc150/data_full.json.gz").read_bytes()))
    lines = [json.dumps({"utterance": text, "skill": skill}) for text, skill in content["train"]]
    file_id = room.upload("clinc.jsonl", "\n".join(lines))
    dataset = room.datasets.create(CALLER, name="clinc", file_id=file_id)

    assert dataset.columns == {"text": "utterance", "label": "skill"}
    assert dataset.profile["classes"] == 150
    assert dataset.profile["source_rows"] == 15_000


def test_sst2_is_read_from_tabs_with_numbers_as_classes(room: Room, real: Real) -> None:
    file_id = room.upload_file(real("sst2/dev.tsv"))
    dataset = room.datasets.create(CALLER, name="sst2", file_id=file_id)

    assert dataset.profile["format"] == "tsv"
    assert {entry["label"] for entry in dataset.profile["labels"]} == {"0", "1"}
    assert dataset.rows == 872


def test_hotel_reviews_in_chinese_are_read_without_the_one_that_has_no_text(
    room: Room, real: Real
) -> None:
    file_id = room.upload_file(real("zh_sentiment/ChnSentiCorp_htl_all.csv"))
    dataset = room.datasets.create(CALLER, name="hotels", file_id=file_id)

    assert dataset.rows == 7_765
    assert dataset.profile["language"]["han"] > 0.95
    assert dataset.profile["skipped"] == [{"reason": "no text", "count": 1, "rows": [6375]}]


def test_a_large_split_is_exported_in_part_when_that_is_enough(
    room: Room, tickets: tables.Dataset, tmp_path: Path
) -> None:
    room.datasets.export_jsonl(tickets, tmp_path, at_most=20)
    whole = tickets.splits["train"]
    lines = (tmp_path / "train.jsonl").read_text().splitlines()
    assert 20 <= len(lines) <= 30 < whole
