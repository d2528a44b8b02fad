"""Talking to a running Thimble from a terminal: it prints the events of `POST /api/chat`.

`/file PATH` attaches a file to the next message, `/quit` or the end of input ends.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.commands import spoken
from agent.events import (
    ApprovalNeeded,
    Event,
    Spent,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnFailed,
    Unsourced,
    Waiting,
    from_json,
)
from agent.language import Language, Words, words_in
from agent.language.detect import language_of_tag
from agent.shown import approval_view, error_view
from agent.shown.cost import taken
from agent.shown.errors import help_url
from agent.view_text import as_text
from agent.views import View
from core.errors import RequestRefused, ThimbleError

MOST_ARGUMENT = 60
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What steers a terminal, all but line breaks and tabs."""
SPOKEN: dict[str, Language] = {"en": "en", "zh": "zh"}


class Server(Protocol):
    """What the terminal needs of `server.client.Client`."""

    url: str

    def upload(self, path: str) -> str: ...

    def where_text_goes(self, language: str = "en") -> str: ...

    def chat(
        self,
        thread_id: str,
        text: str,
        files: list[str] | None = None,
        language: str | None = None,
        page_language: str = "en",
    ) -> Iterator[dict[str, Any]]: ...


Ask = Callable[[str], str]
"""Returns what was typed after a prompt. Raises EOFError or KeyboardInterrupt at the end."""
Print = Callable[..., object]
"""As `typer.echo`: takes a text and `nl=False` to stay on the line."""


def chosen_language(wanted: str, environ: Mapping[str, str]) -> Language:
    """What was asked for, else that of the terminal: LC_ALL, LC_MESSAGES or LANG, the first set.

    Raises RequestRefused for a language that we do not speak.
    """
    if not wanted:
        tags = (environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        return language_of_tag(next(filter(None, tags), ""))
    if wanted not in SPOKEN:
        raise RequestRefused(
            f"There is no language {wanted[:20]!r}.",
            code="invalid_argument",
            param="language",
            fix="Say en or zh.",
        )
    return SPOKEN[wanted]


@dataclass
class Talk:
    """One conversation, and the files that wait for its next message."""

    server: Server
    thread_id: str
    show: Print
    w: Words
    asked: bool = False
    """Whether its language was asked for; that of the terminal's settings is only a hint."""
    attached: list[str] = field(default_factory=list)

    def answer(self, text: str) -> None:
        """Act on one line. What the server refuses is printed and the talk goes on."""
        try:
            self.act(text)
        except ThimbleError as error:
            self.card(error_view(error.as_dict(), self.w))

    def act(self, text: str) -> None:
        if text.startswith("/file"):
            self.attach(text.removeprefix("/file"))
        elif text.split(" ")[0] == "/save":
            self.show(self.w("A conversation is saved in the browser, with /save there."))
        elif text or self.attached:
            waiting, self.attached = self.attached, []
            said = spoken(text, self.w)
            asked = self.w.language if self.asked else None
            for data in self.server.chat(
                self.thread_id, said, waiting, asked, page_language=self.w.language
            ):
                self.event(from_json(data))

    def attach(self, text: str) -> None:
        try:
            paths = shlex.split(text)
        except ValueError:
            paths = [text.strip()]
        if not paths:
            self.show(self.w("Which file? Write /file PATH."))
        for path in paths:
            self.attached.append(self.server.upload(path))
            self.show(self.w("Attached {path}. Say what to do with it.", path=path))

    def event(self, event: Event) -> None:
        """Text as it comes, a line for each call, cards as Markdown."""
        match event:
            case TextDelta(text=piece):
                self.show(piece, nl=False)
            case ToolStarted(name=name, arguments=arguments):
                self.show(f"[{name}{brief(arguments)}]")
            case ToolFinished(view=view) if view is not None:
                self.card(view)
            case ApprovalNeeded(approval=approval):
                self.card(approval_view(approval, self.w))
            case Waiting(message=message):
                self.show(message)
            case Unsourced(marks=marks):
                figures = ", ".join(str(mark["text"]) for mark in marks)
                self.show("\n" + self.w("No result of this turn says: {figures}", figures=figures))
            case Spent(model=model):
                took = self.w("{label}: {value}", label=model, value=taken(event, self.w))
                self.show(f"\n{took}")
            case TurnFailed(message=message, code=code):
                self.show(f"\n{message}")
                if code:
                    self.show(f"{self.server.url}{help_url(code, self.w)}")
            case TurnEnded():
                self.show("")

    def card(self, view: View) -> None:
        self.show(f"\n{as_text(view, self.w, self.server.url)}\n")


def talk(
    server: Server,
    thread_id: str,
    ask: Ask,
    show: Print,
    language: Language = "en",
    *,
    asked: bool = False,
) -> None:
    """Converse until the user leaves, in the language that was `asked` for whatever was saved."""
    w, show = words_in(language), harmless(show)
    show(w("Thimble. /file PATH attaches a file, /quit ends. Try: what can you do?"))
    show(server.where_text_goes(language))
    conversation = Talk(server, thread_id, show, w, asked)
    while (text := typed(ask, w)) is not None:
        conversation.answer(text)


def harmless(show: Print) -> Print:
    """Documents, data and models were written by anybody: only their letters are printed."""
    return lambda text, **options: show(CONTROL.sub("", text), **options)


def typed(ask: Ask, w: Words) -> str | None:
    """The next message, or None when there is none."""
    try:
        text = ask(w("you")).strip()
    except (EOFError, KeyboardInterrupt):
        return None
    return None if text in ("/quit", "/exit") else text


def brief(arguments: dict[str, Any]) -> str:
    shown = (f" {name}={str(value)[:MOST_ARGUMENT]}" for name, value in arguments.items())
    return "".join(shown)
