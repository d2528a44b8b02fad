"""Talking to a running Thimble from a terminal: it prints the events of `POST /api/chat`.

`/file PATH` attaches a file to the next message, `/quit` or the end of input ends.
"""

import shlex
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from agent.commands import spoken
from agent.events import (
    ApprovalNeeded,
    Event,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnFailed,
    from_json,
)
from agent.language import Words, words_in
from agent.shown import approval_view
from agent.views import as_text
from core.errors import ThimbleError

WELCOME = "Thimble. /file PATH attaches a file, /quit ends. Try: what can you do?"
PROMPT = "you"
MOST_ARGUMENT = 60


class Server(Protocol):
    """What the terminal needs of `server.client.Client`."""

    def upload(self, path: str) -> str: ...

    def chat(
        self, thread_id: str, text: str, files: list[str] | None = None
    ) -> Iterator[dict[str, Any]]: ...


Ask = Callable[[str], str]
"""Returns what was typed after a prompt. Raises EOFError or KeyboardInterrupt at the end."""
Print = Callable[..., object]
"""As `typer.echo`: takes a text and `nl=False` to stay on the line."""


def talk(server: Server, thread_id: str, ask: Ask, show: Print) -> None:
    """Converse until the user leaves. What the server refuses is printed and the talk goes on."""
    show(WELCOME)
    attached: list[str] = []
    while (text := typed(ask)) is not None:
        try:
            attached = answer(server, thread_id, text, attached, show)
        except ThimbleError as error:
            show(str(error))


def typed(ask: Ask) -> str | None:
    """The next message, or None when there is none."""
    try:
        text = ask(PROMPT).strip()
    except (EOFError, KeyboardInterrupt):
        return None
    return None if text in ("/quit", "/exit") else text


def answer(
    server: Server, thread_id: str, text: str, attached: list[str], show: Print
) -> list[str]:
    """Act on one line; returns the files that wait for the next message."""
    if text.startswith("/file"):
        return [*attached, *attach(server, text, show)]
    if not text and not attached:
        return attached
    words = words_in("en")
    for data in server.chat(thread_id, spoken(text, words), attached):
        print_event(from_json(data), show, words)
    return []


def attach(server: Server, text: str, show: Print) -> list[str]:
    try:
        paths = shlex.split(text.removeprefix("/file"))
    except ValueError:
        paths = [text.removeprefix("/file").strip()]
    if not paths:
        show("Which file? Write /file PATH.")
    files = []
    for path in paths:
        files.append(server.upload(path))
        show(f"Attached {path}. Say what to do with it.")
    return files


def print_event(event: Event, show: Print, w: Words) -> None:
    """Text as it comes, a line for each call, cards as Markdown."""
    match event:
        case TextDelta(text=piece):
            show(piece, nl=False)
        case ToolStarted(name=name, arguments=arguments):
            show(f"[{name}{brief(arguments)}]")
        case ToolFinished(view=view) if view is not None:
            show(f"\n{as_text(view, words_in('en'))}\n")
        case ApprovalNeeded(approval=approval):
            show(f"\n{as_text(approval_view(approval, words_in('en')), words_in('en'))}\n")
        case TurnFailed(message=message):
            show(f"\n{message}")
        case TurnEnded():
            show("")


def brief(arguments: dict[str, Any]) -> str:
    shown = (f" {name}={str(value)[:MOST_ARGUMENT]}" for name, value in arguments.items())
    return "".join(shown)
