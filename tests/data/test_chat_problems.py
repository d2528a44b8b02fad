"""A chat dataset's profile and problems, made in this process."""

from pathlib import Path

import pytest

from core.errors import RequestRefused
from data.prepare import prepare
from data.request import Prepared, Request, Source
from tests.data.talk import Json, chat, jsonl, message, sums

USER, BOT = message("user", "Hi"), message("assistant", "Hello")
CALL = {"type": "function", "function": {"name": "clock", "arguments": {}}}


def created(folder: Path, rows: list[Json]) -> Prepared:
    upload, target = folder / "upload", folder / "made"
    upload.write_text(jsonl(rows), "utf-8")
    target.mkdir(exist_ok=True)
    main = Source(path=str(upload), filename="a.jsonl", sha256="0" * 64, param="file_id")
    return prepare(
        Request(folder=str(target), main=main, validation=None, test=None, columns={}, seed=0)
    )


def problem_of(dataset: Prepared, code: str) -> Json:
    return next(entry for entry in dataset.problems if entry["code"] == code)


def test_a_profile_counts_turns_roles_tools_and_answers(tmp_path: Path) -> None:
    system = message("system", "Be brief.")
    long = [chat(f"Say {n}", "Yes", system, *sums(1)[0]["messages"]) for n in range(20)]
    tool = {"type": "function", "function": {"name": "clock"}}
    rows = [*sums(20), *[{**row, "tools": [tool]} for row in long]]
    profile = created(tmp_path, rows).profile

    assert (profile["turns"]["min"], profile["turns"]["max"]) == (2, 4)
    assert profile["roles"] == {"user": 60, "assistant": 60, "system": 20}
    assert profile["system_prompts"] == {
        "rows": 20,
        "distinct": 1,
        "most_frequent": [{"text": "Be brief.", "count": 20}],
    }
    assert profile["tools"] == {"rows": 20, "share": 0.5, "distinct": 1, "calls": 0}
    assert profile["answers"]["count"] == 60
    assert profile["answers"]["distinct"] == 21
    assert profile["answers"]["short_share"] == 1.0
    assert profile["answers"]["most_frequent"][0] == {"text": "That is 0.", "count": 21}
    assert sum(rows for _, _, rows in profile["characters"]["answers"]["histogram"]) == 60
    assert sum(rows for _, _, rows in profile["characters"]["prompts"]["histogram"]) == 40


def test_copies_and_contradictions_are_counted_with_their_rows(tmp_path: Path) -> None:
    rows = [*sums(40), sums(1)[0], chat("What is 1 plus 1?", "Three.")]
    dataset = created(tmp_path, rows)

    assert dataset.profile["duplicates"] == {"rows": 1, "groups": 1}
    assert problem_of(dataset, "duplicates")["rows"] == [41]
    assert dataset.profile["conflicts"]["examples"] == [
        {"text": "What is 1 plus 1?", "answers": ["That is 2.", "Three."], "rows": [2, 42]}
    ]
    assert problem_of(dataset, "conflicts")["rows"] == [2, 42]


def test_the_same_question_under_other_instructions_is_no_contradiction(tmp_path: Path) -> None:
    asked = [chat("Hi", f"Hello {n}", message("system", f"Be number {n}.")) for n in range(30)]
    assert created(tmp_path, [*sums(40), *asked]).profile["conflicts"]["groups"] == 0


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([BOT, USER, BOT], "assistant_first"),
        ([message("system", "S"), BOT], "assistant_first"),
        ([USER, USER, BOT], "same_role_twice"),
        ([USER, BOT, BOT], "same_role_twice"),
        ([USER, message("system", "S"), BOT], "roles_out_of_order"),
        ([USER, message("tool", "noon"), BOT], "roles_out_of_order"),
        ([USER, BOT, USER], "ends_without_answer"),
        ([USER, message("assistant", " "), USER, BOT], "empty_answers"),
        ([USER, message("assistant", "", tool_calls=[CALL])], "unknown_tool"),
        ([USER, message("assistant", "I am {{name}}.")], "placeholders"),
        ([USER], "no_answer"),
        ([USER, message("assistant", "")], "no_answer"),
        ([USER, message("assistant", "Hello", weight=0)], "no_answer"),
    ],
)
def test_a_row_with_a_problem_is_named_with_what_to_do(
    tmp_path: Path, messages: list[Json], code: str
) -> None:
    found = problem_of(created(tmp_path, [*sums(40), {"messages": messages}]), code)

    assert (found["rows"], found["count"]) == ([41], 1)
    assert found["severity"] in ("warning", "note")
    assert found["fix"]


def test_a_clean_dataset_of_some_size_has_no_problem(tmp_path: Path) -> None:
    assert created(tmp_path, sums(500)).problems == []


def test_rows_without_an_answer_are_left_out_and_many_of_them_refused(tmp_path: Path) -> None:
    silent = {"messages": [USER]}
    dataset = created(tmp_path, [*sums(40), silent])
    assert dataset.rows == 40
    assert dataset.profile["skipped"] == [
        {"reason": "no answer to learn", "count": 1, "rows": [41]}
    ]

    with pytest.raises(RequestRefused, match="5 of 25 rows have no answer") as caught:
        created(tmp_path, [*sums(20), *[silent] * 5])
    assert caught.value.code == "no_answer"


def test_an_answer_that_most_rows_share_is_a_warning(tmp_path: Path) -> None:
    rows = [chat(f"Question {n}?", "I do not know." if n % 3 else f"{n}") for n in range(30)]
    assert problem_of(created(tmp_path, rows), "one_answer")["count"] == 20
