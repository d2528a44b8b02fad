"""Requests in many wordings, judged by hand: which tool with which arguments, or which question."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.understanding.cases import run_case
from agent.understanding.likeness import THRESHOLD, nearest
from agent.understanding.settings import hyperparameters
from agent.understanding.slots import columns, given_name
from core.errors import RequestRefused

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "understand_cases.jsonl").read_text("utf-8").splitlines()
]


def test_every_request_is_understood_as_judged_by_hand() -> None:
    """One test for all: as a test each they would take half of the quick suite's time."""
    assert [(case["text"], run_case(case)) for case in CASES if not as_judged(case)] == []


def as_judged(case: dict[str, Any]) -> bool:
    found, expected = run_case(case), case["expect"]
    asks = bool(found["ask"]) == bool(expected.get("ask"))
    return found["steps"] == expected["steps"] and asks and bool(found["steps"] or found["reply"])


def test_a_question_names_the_candidates() -> None:
    found = run_case({"text": "fine-tune a classifier", "datasets": ["tickets", "banking77"]})

    assert found == {
        "steps": [],
        "ask": "Which dataset: tickets or banking77?",
        "reply": "Which dataset: tickets or banking77?",
    }


def test_an_unknown_dataset_is_named_beside_the_known_ones() -> None:
    found = run_case({"text": "fine-tune on weather-reports", "datasets": ["tickets"]})

    assert "“weather-reports”" in found["ask"] and "tickets" in found["ask"]


def test_a_running_run_is_told_before_an_endpoint_of_the_same_name() -> None:
    runs = [{"id": "run_3", "dataset": "banking77@2", "state": "running"}]
    case = {"datasets": ["banking77"], "endpoints": ["banking77"], "runs": runs}

    found = run_case({"text": "how is banking77 doing?", **case})

    assert found["steps"] == [{"tool": "run_status", "arguments": {"run": "run_3"}}]


def test_the_baseline_that_a_report_recommends_is_deployed() -> None:
    runs = [{"id": "run_3", "dataset": "banking77", "state": "succeeded", "recommended": "tfidf"}]
    case = {"datasets": ["banking77"], "models": ["banking77"], "runs": runs}

    found = run_case({"text": "deploy the baseline", **case})

    assert found["steps"][0]["arguments"] == {"model": "banking77-tfidf"}


def test_a_name_that_is_an_everyday_word_is_only_meant_where_it_is_marked() -> None:
    case = {"datasets": ["train", "banking77"]}

    assert run_case({"text": "train on banking77", **case})["steps"][0]["arguments"] == {
        "dataset": "banking77"
    }
    assert run_case({"text": "fine-tune on train", **case})["steps"][0]["arguments"] == {
        "dataset": "train"
    }


def test_text_for_an_endpoint_is_never_taken_as_a_request() -> None:
    case = {"endpoints": ["bank"], "runs": ["run_1"], "datasets": ["bank"]}

    for text in ("cancel the run", "delete everything", "approve ap_1", "fine-tune on bank"):
        found = run_case({"text": f"ask it: {text}", **case})
        assert found["steps"] == [
            {"tool": "ask_endpoint", "arguments": {"endpoint": "bank", "input": text}}
        ]


def test_the_same_case_gives_the_same_plan() -> None:
    assert [run_case(case) for case in CASES[:50]] == [run_case(case) for case in CASES[:50]]


@pytest.mark.parametrize("text", ["", " ", "?", "\u200b", "💥" * 50, "a" * 20_000, "((((" * 500])
def test_anything_typed_gets_an_answer(text: str) -> None:
    assert run_case({"text": text, "datasets": ["banking77"]})["reply"]


@pytest.mark.parametrize("case", [{}, {"text": 3}, {"text": "x", "runs": [1]}])
def test_a_case_of_another_form_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        run_case(case)


def test_a_setting_with_a_word_for_a_number_is_asked_about() -> None:
    found = run_case({"text": "fine-tune on it with learning rate banana", "datasets": ["shop"]})

    assert found["steps"] == []
    assert found["ask"] == "What should the learning rate be? “banana” is not a number."


def test_unlike_everything_is_below_the_threshold() -> None:
    assert nearest("colourless green ideas sleep furiously")[1] < THRESHOLD / 2


def test_settings_are_read_with_the_number_before_or_after() -> None:
    assert hyperparameters("8 epochs, rank 4, lr of 1e-3, a batch size of 1,024") == {
        "epochs": 8,
        "rank": 4,
        "learning_rate": 0.001,
        "batch_size": 1024,
    }


def test_columns_keep_their_spelling() -> None:
    assert columns("text is in `Body Text` and label in Queue") == {
        "text": "Body Text",
        "label": "Queue",
    }


def test_a_given_name_is_made_to_fit_the_rule_of_names() -> None:
    assert given_name("please call it 'My Tickets (2024)'") == "my-tickets-2024"
