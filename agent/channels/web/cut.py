"""Answers that the end of a process cut off: said in their threads, and asked again on request.

What is being answered is marked on its thread before anything else. A mark that is still there
when the next process starts is an answer that was never finished.
"""

from typing import Any

from agent.channels.web.cards import Cards
from agent.channels.web.drawing import draw
from agent.channels.web.history import History
from agent.language import Words, words_in
from agent.memory import FileRef
from agent.views import Action, View

Json = dict[str, Any]


async def tell(cards: Cards) -> None:
    """Say it once in each thread that was left in the middle of an answer."""
    history = cards.history
    for row in await history.marked("asking"):
        thread_id = row["id"]
        w = words_in(await history.language_of_thread(thread_id))
        for message_id, asked in row["mark"].items():
            await cards.show(thread_id, draw(notice(asked, w), w), last=True)
            marks = {"asking": {message_id: None}, "cut": {said(asked): asked}}
            await history.mark_thread(thread_id, **marks)


def notice(asked: Json, w: Words) -> View:
    return View(
        title=w("This answer was cut off"),
        kind="error",
        tone="wait",
        summary=w("Thimble was stopped in the middle of it and has been started again."),
        notes=[w("What stands above is kept. What was done until then is done.")],
        actions=[Action(label=w("Ask again"), say=said(asked))],
    )


def said(asked: Json) -> str:
    """The words that ask again; a message of files alone is asked by their names."""
    return str(asked["text"]) or ", ".join(file["filename"] for file in asked["files"])


async def asked_again(
    history: History, thread_id: str, text: str, files: list[FileRef]
) -> tuple[str, list[FileRef]]:
    """The message, with its files where it repeats the one that was cut off."""
    before = (await history.mark_of(thread_id, "cut") or {}).get(text)
    if before is None or files:
        return text, files
    await history.mark_thread(thread_id, cut={text: None})
    return before["text"], [FileRef(**file) for file in before["files"]]
