"""The terminal channel against a server that answers from a list."""

from collections.abc import Iterator
from typing import Any

from agent.channels.terminal import talk
from agent.events import ApprovalNeeded, TextDelta, ToolStarted, TurnEnded, TurnFailed, to_json
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
        self.sent: list[tuple[str, str, list[str]]] = []

    def upload(self, path: str) -> str:
        if path == "missing.csv":
            raise RequestRefused("'missing.csv' cannot be read.", code="no_such_file")
        return f"file-{path}"

    def chat(
        self, thread_id: str, text: str, files: list[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        self.sent.append((thread_id, text, files or []))
        return iter([to_json(event) for event in (*self.events, TurnEnded())])


def conversation(server: Recorded, *lines: str) -> str:
    """What is printed when these lines are typed."""
    typing, printed = iter(lines), []

    def ask(_: str) -> str:
        try:
            return next(typing)
        except StopIteration:
            raise EOFError from None

    def show(text: str = "", nl: bool = True) -> None:
        printed.append(text + "\n" * nl)

    talk(server, "thread", ask, show)
    return "".join(printed)


def test_text_streams_onto_one_line() -> None:
    assert "Good day.\n" in conversation(Recorded(TextDelta("Good "), TextDelta("day.")), "hello")


def test_an_attached_file_goes_with_the_next_message_only() -> None:
    server = Recorded()

    conversation(server, "/file 'my data.csv'", "make a dataset", "thanks")

    assert server.sent == [
        ("thread", "make a dataset", ["file-my data.csv"]),
        ("thread", "thanks", []),
    ]


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
