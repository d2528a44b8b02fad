"""What Chainlit calls: login, starters and messages. Buttons are in `pressed`.

The functions are registered by `mount`; Chainlit never loads a file of ours by itself.
"""

import hmac
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import chainlit as cl

from agent import commands
from agent.channels.web import cut, menu, panel, talks
from agent.channels.web.desk import Desk
from agent.channels.web.edge import OWNER, attempt, caller_for
from agent.channels.web.history import ELEMENT_URL
from agent.channels.web.tabs import InAllTabs, others
from agent.channels.web.titles import title_of
from agent.channels.web.turn import Turn
from agent.channels.web.visitors import language_of_tab
from agent.language import Language, Words, words_in
from agent.language.detect import language_of_tag
from agent.memory import FileRef

Json = dict[str, Any]
PUBLIC = "/chat/public/"


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
    cl.on_settings_update(partial(panel.changed, desk))


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
        for label, text, icon in beginnings(words_in(language_of_tag(language or "en")))
    ]


def beginnings(w: Words) -> list[tuple[str, str, str]]:
    """What stands on the first page to be pressed: label, what it says, icon."""
    return [
        (w("How do I begin?"), w("How do I build my first app, step by step?"), "begin"),
        (w("What can you do?"), w("What can you do?"), "abilities"),
        (w("Format my data"), w("How do I format data for fine-tuning?"), "format"),
        (w("What is running?"), w("What is running?"), "running"),
    ]


async def resumed(thread: Any) -> None:
    """A stored thread can be gone on with; its cards are brought up to date once it is shown."""


async def answer(desk: Desk, message: Any) -> None:
    """A message that was typed, or said by a button. Nothing but plain words leaves it."""
    w = words_in(language_of_tag(cl.context.session.language))
    failure = await attempt(taken(desk, message), w)
    if failure is not None:
        await cl.Message(failure).send()


async def taken(desk: Desk, message: Any) -> None:
    tab = cl.context.session
    language = await language_of_tab(desk.house, tab)
    w = words_in(language)
    await as_typed(message)
    await show_to_others(tab, message)
    if mark := await talks.mark_of(desk.history, tab.thread_id):
        await talked(desk, tab, mark, message, language)
        return
    files = [FileRef(Path(file.path).name, file.name) for file in message.elements if file.path]
    said = commands.spoken(message.content, w)
    await name_thread(desk, tab, message, said, files)
    if menu.is_save(said):
        await cl.Message(menu.saved(tab.thread_id, w)).send()
        return
    text, files = await cut.asked_again(desk.history, tab.thread_id, said, files)
    async with asking(desk, tab, language, message.id, text, files):
        await converse(desk, language, text, files)


async def talked(desk: Desk, tab: Any, mark: Json, message: Any, language: Language) -> None:
    """A message to a model itself: no word of it is a command, and none reaches the agent."""
    w = words_in(language)
    if menu.is_save(message.content):
        await cl.Message(menu.saved(tab.thread_id, w)).send()
        return
    async with asking(desk, tab, language, message.id, message.content, []):
        await one_at_a_time(desk, tab, talks.converse(desk, tab, mark, message, w))


@asynccontextmanager
async def asking(
    desk: Desk, tab: Any, language: Language, message_id: str, text: str, files: list[FileRef]
) -> AsyncIterator[None]:
    """Marked on the thread for as long as the message is not answered: if the process ends in the
    meantime, the mark is still there when the next one starts."""
    mark = {"text": text, "files": [asdict(file) for file in files]}
    await desk.history.mark_thread(
        tab.thread_id, tab=tab.id, language=language, asking={message_id: mark}
    )
    # Let a reload, and a tab that outlives the server, find the thread again.
    await cl.context.emitter.send_window_message({"thimble_thread": tab.thread_id})
    done = partial(desk.history.mark_thread, tab.thread_id, asking={message_id: None})
    try:
        yield
    except Exception:
        await done()
        raise
    await done()


async def as_typed(message: Any) -> None:
    """A command of the menu is said like one that is typed: only words are stored."""
    if message.command:
        message.content = f"/{message.command} {message.content}".strip()
        message.command = None
        await message.update()


async def show_to_others(tab: Any, message: Any) -> None:
    """The tab that sent a message shows it by itself; here the other tabs of the thread do."""
    run = cl.context.current_run
    for other in others(tab):
        await other.emit("new_message", message.to_dict())
        for file in message.elements:
            place = {"url": f"{ELEMENT_URL}{file.id}", "forId": message.id}
            await other.emit("element", file.to_dict() | place)
        if run is not None:
            await other.emit("new_message", run.to_dict())


async def name_thread(desk: Desk, tab: Any, message: Any, said: str, files: list[FileRef]) -> None:
    """A thread that begins with a file or a command: Chainlit itself only knows what was typed."""
    if not files and said == message.content:
        return
    title = title_of(said, [file.filename for file in files])
    if await desk.history.name_first(tab.thread_id, message.id, title):
        await tab.emit("first_interaction", {"interaction": title, "thread_id": tab.thread_id})


async def converse(desk: Desk, language: Language, text: str, files: list[FileRef]) -> None:
    """One turn, drawn as it goes."""
    tab = cl.context.session
    if await one_at_a_time(desk, tab, turn(desk, tab, language, text, files)):
        await cl.Message(words_in(language)("Stopped.")).send()


async def one_at_a_time(desk: Desk, tab: Any, work: Coroutine[Any, Any, None]) -> bool:
    """Answer in all tabs of the thread, after what it answered before; whether it was stopped."""
    cl.context.emitter = InAllTabs(tab)
    await tell_others(tab, "task_start")
    try:
        return await desk.turns.run(tab.thread_id, work)
    finally:
        await tell_others(tab, "task_end")


async def tell_others(tab: Any, event: str) -> None:
    """Chainlit itself tells the tab that asks when a turn begins and ends."""
    for other in others(tab):
        await other.emit(event, {})


async def turn(desk: Desk, tab: Any, language: Language, text: str, files: list[FileRef]) -> None:
    caller = caller_for(tab.user.identifier)
    conversation = desk.converse(desk.house, caller, tab.thread_id, language)
    drawn = Turn(desk.cards, tab.thread_id, language)
    failure = await attempt(drawn.run(conversation.reply(text, files)), drawn.w)
    if failure is not None:
        await cl.Message(failure).send()
