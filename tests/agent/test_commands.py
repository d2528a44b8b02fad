"""Slash commands are words that the planner understands, in both languages."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from agent.channels.terminal import talk
from agent.commands import commands, spoken
from agent.language import Language, words_in
from agent.understanding.cases import run_case

LANGUAGES: tuple[Language, ...] = get_args(Language)
WORLD = {
    "datasets": ["tickets", "reviews"],
    "runs": ["run_1"],
    "models": ["tickets"],
    "endpoints": ["tickets"],
    "history": [["user", "describe tickets"], ["assistant", "tickets@1 has 150 rows."]],
}
TOOLS = {
    "help": None, "status": "list_runs", "approvals": "list_approvals", "data": "list_datasets",
    "sample": "sample_dataset", "check": "check_dataset", "quote": "quote_finetune",
    "runs": "list_runs", "models": "list_models", "endpoints": "list_endpoints",
    "disk": "disk_usage",
}  # fmt: skip
"""What each command leads to; help is only words."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TOOLS)
def test_a_command_is_understood_in_both_languages(language: Language, name: str) -> None:
    found = run_case({"text": spoken(f"/{name}", words_in(language)), **WORLD})

    wanted = TOOLS[name]
    assert [step["tool"] for step in found["steps"]] == ([wanted] if wanted else [])
    assert found["steps"] or "“" in found["reply"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["sample", "check", "quote"])
def test_what_follows_a_command_is_part_of_the_words(language: Language, name: str) -> None:
    found = run_case({"text": spoken(f"/{name} reviews", words_in(language)), **WORLD})

    assert found["steps"] == [{"tool": TOOLS[name], "arguments": {"dataset": "reviews"}}]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_has_a_name_an_icon_and_a_description(language: Language) -> None:
    listed = commands(words_in(language))

    assert [one.id for one in listed] == list(TOOLS)
    assert all(one.icon and one.description and one.says for one in listed)


@pytest.mark.parametrize(
    "text", ["status", "", "/nothing of ours", "what is /status", "/file a.csv"]
)
def test_other_texts_are_left_as_they_are(text: str) -> None:
    assert spoken(text, words_in("en")) == text


class Listener:
    """A server that answers nothing and remembers what it was told."""

    url = "http://thimble"

    def __init__(self) -> None:
        self.told: list[str] = []

    def upload(self, path: str) -> str:
        return path

    def where_text_goes(self, language: str = "en") -> str:
        return "It stays here."

    def chat(
        self,
        thread_id: str,
        text: str,
        files: list[str] | None = None,
        language: str | None = None,
        page_language: str = "en",
    ) -> Iterator[dict[str, Any]]:
        self.told.append(text)
        return iter(())


def test_a_command_in_the_terminal_says_its_words() -> None:
    server, lines = Listener(), iter(["/status", "/sample tickets", "/quit"])

    talk(server, "t1", lambda _: next(lines), lambda *_, **__: None, "zh")
    assert server.told == ["有什么正在运行？", "给我看几行 tickets"]
