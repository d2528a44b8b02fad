"""The terminal channel against a server that answers from a list."""

from collections.abc import Iterator
from typing import Any

import pytest

from agent.channels.terminal import chosen_language, talk
from agent.events import (
    ApprovalNeeded,
    Spent,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnFailed,
    Unsourced,
    to_json,
)
from agent.language import Language
from agent.views import Link, View
from core.errors import RequestRefused

APPROVAL = {
    "id": "ap_1",
    "tool": "deploy_endpoint",
    "arguments": {"model": "tickets@1", "name": "tickets"},
    "asked": {"model": "tickets"},
    "quote": None,
    "state": "waiting",
    "error": None,
}


class Recorded:
    """Remembers what was sent; every message is answered by the same events."""

    def __init__(self, *events: Any) -> None:
        self.events = events
        self.url = "http://thimble"
        self.sent: list[tuple[str, str, list[str]]] = []
        self.languages: list[tuple[str | None, str]] = []

    def upload(self, path: str) -> str:
        if path == "missing.csv":
            raise RequestRefused("'missing.csv' cannot be read.", code="no_such_file")
        return f"file-{path}"

    def where_text_goes(self, language: str = "en") -> str:
        return f"What you type stays here ({language})."

    def chat(
        self,
        thread_id: str,
        text: str,
        files: list[str] | None = None,
        language: str | None = None,
        page_language: str = "en",
    ) -> Iterator[dict[str, Any]]:
        self.sent.append((thread_id, text, files or []))
        self.languages.append((language, page_language))
        return iter([to_json(event) for event in (*self.events, TurnEnded())])


def conversation(
    server: Recorded, *lines: str, language: Language = "en", asked: bool = False
) -> str:
    """What is printed when these lines are typed."""
    typing, printed = iter(lines), []

    def ask(_: str) -> str:
        try:
            return next(typing)
        except StopIteration:
            raise EOFError from None

    def show(text: str = "", nl: bool = True) -> None:
        printed.append(text + "\n" * nl)

    talk(server, "thread", ask, show, language, asked=asked)
    return "".join(printed)


def test_it_begins_with_where_text_goes() -> None:
    assert "stays here (zh)" in conversation(Recorded(), language="zh")


def test_text_streams_onto_one_line() -> None:
    assert "Good day.\n" in conversation(Recorded(TextDelta("Good "), TextDelta("day.")), "hello")


def test_what_anybody_wrote_cannot_steer_the_terminal() -> None:
    view = View(title="Rows\x1b[2J", summary="one\x9b31m two")

    printed = conversation(
        Recorded(
            TextDelta("a\x1b]52;c;eA==\x07b\n\tc\x1b[A"),
            ToolStarted("c", "list_runs", {"label": "x\x1b[8m"}),
            ToolFinished("c", "list_runs", {}, None, view),
        ),
        "?",
    )

    assert "b\n\tc" in printed and "one31m two" in printed
    assert not set(printed) & {"\x1b", "\x07", "\x9b"}


def test_an_attached_file_goes_with_the_next_message_only() -> None:
    server = Recorded()

    conversation(server, "/file 'my data.csv'", "make a dataset", "thanks")

    assert server.sent == [
        ("thread", "make a dataset", ["file-my data.csv"]),
        ("thread", "thanks", []),
    ]


def test_saving_a_conversation_is_left_to_the_browser() -> None:
    server = Recorded()

    printed = conversation(server, "/save")

    assert "saved in the browser" in printed and server.sent == []


def test_a_file_that_cannot_be_read_is_told_and_the_talk_goes_on() -> None:
    server = Recorded(TextDelta("Hi."))

    printed = conversation(server, "/file missing.csv", "hello")

    assert "cannot be read" in printed and "Hi." in printed


def test_an_approval_says_how_to_decide() -> None:
    printed = conversation(Recorded(ApprovalNeeded(APPROVAL)), "deploy it")

    assert "Deploy tickets@1 as tickets" in printed and "thimble approve ap_1" in printed


def test_calls_and_failures_are_plain_lines() -> None:
    printed = conversation(
        Recorded(ToolStarted("c", "list_runs", {}), TurnFailed("Too slow.")), "?"
    )

    assert "[list_runs]" in printed and "Too slow." in printed


def test_quit_sends_nothing() -> None:
    server = Recorded()

    conversation(server, "/quit", "hello")

    assert server.sent == []


def test_a_terminal_set_to_chinese_speaks_it_and_asks_for_chinese_cards() -> None:
    server = Recorded(ApprovalNeeded(APPROVAL))

    printed = conversation(server, "部署它", language="zh")

    assert "把 tickets@1 部署为 tickets" in printed and "等你决定" in printed
    assert server.languages == [(None, "zh")]


def test_a_language_that_was_asked_for_is_said_to_the_server() -> None:
    server = Recorded()

    conversation(server, "hello", language="zh", asked=True)

    assert server.languages == [("zh", "zh")]


@pytest.mark.parametrize(
    ("wanted", "environ", "spoken"),
    [
        ("", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("", {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ("", {}, "en"),
        ("zh", {"LANG": "en_GB.UTF-8"}, "zh"),
    ],
)
def test_the_language_is_what_was_asked_for_else_that_of_the_terminal(
    wanted: str, environ: dict[str, str], spoken: str
) -> None:
    assert chosen_language(wanted, environ) == spoken


def test_a_language_that_we_do_not_speak_is_refused() -> None:
    with pytest.raises(RequestRefused, match="There is no language 'fr'"):
        chosen_language("fr", {})


def test_links_can_be_opened_from_a_terminal() -> None:
    view = View(title="Sources", links=[Link("[1] Formats", "/help/document_3#passage")])

    printed = conversation(Recorded(ToolFinished("c", "search_docs", {}, None, view)), "?")

    assert "(http://thimble/help/document_3#passage)" in printed


def test_a_failure_names_its_section_of_the_help_and_a_turn_what_it_took() -> None:
    events = (
        TurnFailed("Too slow.", "llm_timeout"),
        Unsourced([{"text": "93 %", "start": 0, "end": 4}]),
        Spent("small", 1200, 30, 0.0012, "USD"),
    )

    printed = conversation(Recorded(*events), "?")

    assert "http://thimble/help/errors#llm_timeout" in printed
    assert "No result of this turn says: 93 %" in printed
    assert "small: 1,200 tokens read, 30 written · 0.0012 USD" in printed


def test_tokens_that_the_server_did_not_count_are_said_to_be_about_so_many() -> None:
    printed = conversation(Recorded(Spent("small", 1200, 30, 0.0000124, "USD", True)), "?")

    assert "small: about 1,200 tokens read, 30 written · 0.000012 USD" in printed
