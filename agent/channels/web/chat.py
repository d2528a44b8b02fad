"""What Chainlit calls: login, starters and messages. Buttons are in `pressed`.

The functions are registered by `mount`; Chainlit never loads a file of ours by itself.
"""

import hmac
from functools import partial
from pathlib import Path
from typing import Any

import chainlit as cl

from agent.channels.web.desk import Desk
from agent.channels.web.edge import OWNER, attempt, caller_for
from agent.channels.web.turn import Turn
from agent.language import Language
from agent.language.detect import language_of_tag
from agent.session import FileRef

PUBLIC = "/chat/public/"
STARTERS = (
    ("How do I begin?", "How do I build my first app, step by step?", "begin"),
    ("What can you do?", "What can you do?", "abilities"),
    ("Format my data", "How do I format data for fine-tuning?", "format"),
    ("What is running?", "What is running?", "running"),
)


def register(desk: Desk) -> None:
    """Hand Chainlit our functions. Called once in a process."""
    cl.data_layer(lambda: desk.history)
    if desk.house.settings.api_key is None:
        cl.header_auth_callback(let_in)
    else:
        cl.password_auth_callback(partial(check, desk))
    cl.set_starters(starters)
    cl.on_message(partial(answer, desk))
    cl.on_chat_resume(resumed)


async def let_in(_: Any) -> Any:
    """Without a key only this machine can reach us (the gate sees to it): its user is the owner."""
    return person()


def person() -> Any:
    return cl.User(identifier=OWNER, display_name="You")


async def check(desk: Desk, _: str, password: str) -> Any:
    key = desk.house.settings.api_key or ""
    right = hmac.compare_digest(password.encode(), key.encode())
    return person() if right else None


async def starters(_: Any = None, language: str | None = None) -> list[Any]:
    return [
        cl.Starter(label=label, message=text, icon=f"{PUBLIC}icons/{icon}.svg")
        for label, text, icon in STARTERS
    ]


async def resumed(thread: Any) -> None:
    """A stored thread can be gone on with; its cards are brought up to date once it is shown."""


async def answer(desk: Desk, message: Any) -> None:
    files = [FileRef(Path(file.path).name, file.name) for file in message.elements if file.path]
    await converse(desk, message.content, files)


async def converse(desk: Desk, text: str, files: list[FileRef]) -> None:
    """One turn, drawn as it goes. Nothing but plain words leaves it, whatever happens."""
    session = cl.context.session
    await remember_tab(desk, session)
    turn = Turn(desk.cards, session.thread_id)
    caller = caller_for(session.user.identifier)
    conversation = desk.converse(desk.house, caller, session.thread_id, "web")
    failure = await attempt(turn.run(conversation.reply(text, files)))
    if failure is not None:
        await cl.Message(failure).send()


def page_language(tab: Any) -> Language:
    """What the browser asks for; Chainlit keeps the first of its languages."""
    return language_of_tag(tab.language)


async def remember_tab(desk: Desk, session: Any) -> None:
    """Let a reload, and a tab that outlives the server, find the thread again."""
    await desk.history.mark_thread(
        session.thread_id, tab=session.id, language=page_language(session)
    )
    await cl.send_window_message({"thimble_thread": session.thread_id})
