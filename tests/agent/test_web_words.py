"""What the page says around the conversation: titles, Chainlit's words, the line of the cost."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from agent.channels.web.deeds import deeds
from agent.channels.web.quiet import cost_of, failure_of, marked, refusal_of
from agent.channels.web.titles import MOST_CHARACTERS, title_of
from agent.events import Spent, TurnFailed
from agent.language import words_in
from tools import base

ROOT = Path(__file__).parents[2]
TRANSLATIONS = ROOT / ".chainlit" / "translations"


@pytest.mark.parametrize(
    ("text", "files", "title"),
    [
        ("What is running?", [], "What is running?"),
        ("Make a dataset from tickets.csv. Then check it!", [], "Make a dataset from tickets.csv"),
        ("make it", ["tickets.csv"], "tickets.csv: make it"),
        ("", ["tickets.csv"], "tickets.csv"),
        ("join these", ["a.csv", "b.csv", "c.csv"], "a.csv +2: join these"),
        ("用它做一个数据集。然后微调", [], "用它做一个数据集"),
        ("\n  two\n lines", [], "two"),
        ("", [], ""),
    ],
)
def test_a_thread_is_called_by_its_first_words_or_its_file(
    text: str, files: list[str], title: str
) -> None:
    assert title_of(text, files) == title


@pytest.mark.parametrize("text", ["word " * 40, "字" * 200, "x" * 500])
def test_a_title_fits_into_the_list(text: str) -> None:
    assert len(title_of(text)) <= MOST_CHARACTERS
    assert title_of(text).endswith("…")


def leaves(words: Any, path: str = "") -> dict[str, str]:
    if isinstance(words, str):
        return {path: words}
    return {k: v for name, part in words.items() for k, v in leaves(part, f"{path}/{name}").items()}


def translation(path: Path) -> dict[str, str]:
    return leaves(json.loads(path.read_text(encoding="utf-8")))


def test_chainlits_words_are_all_there_in_both_languages() -> None:
    found = importlib.util.find_spec("chainlit")
    assert found is not None and found.origin is not None
    theirs = Path(found.origin).parent / "translations" / "en-US.json"
    keys = set(translation(theirs))
    for language in ("en-US", "zh-CN"):
        assert set(translation(TRANSLATIONS / f"{language}.json")) == keys


def test_chainlits_chinese_words_are_chinese() -> None:
    same = {"me@example.com", "S", ""}
    english = translation(TRANSLATIONS / "en-US.json")
    chinese = translation(TRANSLATIONS / "zh-CN.json")
    left = [key for key in english if chinese[key] == english[key]]
    assert [key for key in left if chinese[key] not in same] == []
    assert [key for key, words in chinese.items() if "您" in words] == []


def test_every_tool_is_said_in_plain_words() -> None:
    tools = {tool.name for tool in base.catalogue()}
    for language in ("en", "zh"):
        assert set(deeds(language)) == tools


def test_the_cost_is_told_with_two_digits_that_say_something() -> None:
    spent = Spent("gpt-x", 1204, 87, cost=0.00041, currency="USD", estimated=True)
    assert cost_of(spent, words_in("en")) == (
        "gpt-x · about 1,204 tokens read, 87 written · 0.00041 USD"
    )
    assert cost_of(Spent("gpt-x", 1, 2, 12.345, "EUR"), words_in("en")).endswith("12.35 EUR")
    assert cost_of(Spent("gpt-x", 1, 2), words_in("zh")) == "gpt-x · 读入 1 个 token，写出 2 个"


def test_figures_without_a_source_are_marked_where_they_stand() -> None:
    text = "It has 91.2 % and 88 %."
    marks = [{"text": "91.2 %", "start": 7, "end": 13}, {"text": "88 %", "start": 18, "end": 22}]
    assert marked(text, marks) == "It has 91.2 %⁽?⁾ and 88 %⁽?⁾."


def test_a_failure_leads_to_its_explanation_in_the_readers_language() -> None:
    failed = TurnFailed("Nothing came.", "llm_timeout")
    assert failure_of(failed, words_in("en")).endswith("(/help/errors#llm_timeout)")
    assert failure_of(failed, words_in("zh")).endswith("(/help/zh/errors#llm_timeout)")
    assert failure_of(TurnFailed("Nothing came."), words_in("en")) == "Nothing came."


def test_a_refusal_leads_to_its_explanation_in_the_readers_language() -> None:
    error = {"code": "not_found", "message": "There is no run run_9.", "fix": "List the runs."}
    told = refusal_of(error, words_in("en"))
    assert told == (
        "There is no run run_9. List the runs. [What this means](/help/errors#not_found)"
    )
    assert refusal_of(error, words_in("zh")).endswith("[这是什么意思](/help/zh/errors#not_found)")
    assert refusal_of({"message": "It failed."}, words_in("en")) == "It failed."
