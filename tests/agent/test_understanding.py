"""Requests in many wordings, judged by hand: which tool with which arguments, or which question."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agent.understanding
from agent.language import words_in
from agent.understanding.cases import run_case
from agent.understanding.hanzi import FOLDED, PHRASES, WRONG, plain
from agent.understanding.likeness import THRESHOLD, nearest
from agent.understanding.numerals import number
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


LONG = ["a" * 20_000, "((((" * 500, "一" * 4000, "0" * 4000, "给我看" * 1300, "标签是" * 1300]


@pytest.mark.parametrize("text", ["", " ", "?", "\u200b", "💥" * 50, *LONG])
def test_anything_typed_gets_an_answer(text: str) -> None:
    found = run_case({"text": text, "datasets": ["banking77"]})
    assert found["reply"] or found["steps"]


@pytest.mark.parametrize("case", [{}, {"text": 3}, {"text": "x", "runs": [1]}])
def test_a_case_of_another_form_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        run_case(case)


def test_a_setting_with_a_word_for_a_number_is_asked_about() -> None:
    found = run_case({"text": "fine-tune on it with learning rate banana", "datasets": ["shop"]})

    assert found["steps"] == []
    assert found["ask"] == "What should learning_rate be? “banana” is not a number."


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


# Chinese ---------------------------------------------------------------------------------------

ROOM = Path(agent.understanding.__file__).parent
PAIRS = json.loads((ROOM.parent / "language/zh/told/understanding.json").read_text("utf-8"))
SENTENCE = re.compile(r"[A-Z].* .*[.?!]", re.DOTALL)
HAN = re.compile(r"[\u3400-\u9fff]")
ENGLISH = re.compile(r"\b(?:the|which|not|is|say)\b", re.IGNORECASE)


def sentences() -> Iterator[str]:
    """Every text of the room that reads as a sentence to somebody, with {} for each value."""
    for path in ROOM.glob("*.py"):
        if path.name != "cases.py":  # speaks to programs
            yield from filter(SENTENCE.fullmatch, texts(ast.parse(path.read_text("utf-8"))))


def texts(tree: ast.Module) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    described = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            pieces = [
                part.value if isinstance(part, ast.Constant) else "{}" for part in node.values
            ]
            yield "".join(map(str, pieces))
        elif isinstance(node, ast.Constant) and id(node) not in described | parts:
            yield str(node.value)


def test_every_sentence_of_the_planner_has_its_chinese() -> None:
    """`Which {}: {} or {}?` is the one pair that comes of another: of a list of names."""
    assert sorted({*sentences(), "Which {}: {} or {}?"}) == sorted(PAIRS)


def test_what_the_planner_says_can_be_said_in_chinese() -> None:
    replies = {run_case(case)["reply"] for case in CASES[::5]}

    said = [words_in("zh").told(reply) for reply in replies if reply]
    assert len(said) > 10
    assert [text for text in said if not HAN.search(text) or ENGLISH.search(text)] == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [("請把這個檔案做成資料集", "请把这个文件做成数据集"), ("佈署基準模型", "部署基线模型"),
     ("训连三轮,看准确律", "训练三轮,看准确率"), ("train tickets", "train tickets")],
)  # fmt: skip
def test_chinese_is_read_in_one_spelling_of_the_same_length(text: str, meant: str) -> None:
    assert plain(text) == meant
    assert all(len(typed) == len(ours) for typed, ours in [*PHRASES.items(), *WRONG.items()])
    assert len(FOLDED) > 500


def test_what_is_sent_or_named_keeps_the_characters_it_was_written_in() -> None:
    asked = run_case({"text": "問它:我的訂單還沒出貨", "endpoints": ["shop"]})
    made = run_case({"text": "做成資料集,文字欄位是 內容,標籤欄位是 類別", "file": "a.csv"})

    assert asked["steps"][0]["arguments"]["input"] == "我的訂單還沒出貨"
    assert made["steps"][0]["arguments"]["columns"] == {"text": "內容", "label": "類別"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("十", 10), ("二十四", 24), ("一百二十八", 128), ("两百", 200), ("零点一", 0.1),
     ("一万", 10_000), ("万分之五", 0.0005), ("百分之十", 0.1),
     ("三百零五", 305), ("1e-3", 0.001), ("5 %", 0.05)],
)  # fmt: skip
def test_numbers_are_read_as_they_are_said(text: str, value: float) -> None:
    assert number(text) == value


def test_the_next_page_is_of_the_same_rows() -> None:
    call = {"tool": "sample_dataset", "arguments": {"dataset": "a", "label": "x", "page": 2}}
    past = [["user", "show me rows labelled x"], ["call", json.dumps(call)], ["assistant", "…"]]

    for text, page in (("next page", 3), ("下一页", 3), ("previous page", 1), ("第五页", 5)):
        found = run_case({"text": text, "datasets": ["a"], "history": past})
        assert found["steps"] == [
            {"tool": "sample_dataset", "arguments": {"dataset": "a", "label": "x", "page": page}}
        ]
