"""Threads in which a person talks to a model itself: opened from a card, with a way back.

Such a thread is marked with the endpoint. Its messages never reach the agent; the answers of the
tuned model and of its base stand side by side in one card for each message, which grows while they
are written. What was said is read from these cards again.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import chainlit as cl

from agent import talk
from agent.channels.web.desk import Desk
from agent.channels.web.drawing import draw
from agent.channels.web.edge import caller_for
from agent.channels.web.history import History
from agent.channels.web.streams import Part, Work, written
from agent.language import Words
from agent.shown import talks as shown
from core.errors import RequestRefused

Json = dict[str, Any]
MARK = "talk"
"""Of the thread's metadata: `endpoint`, `back`, the thread that it was opened from, `system`, what
stands before all that is said, and `alone`, whether each message is answered by itself."""
KEY = "talk/"
"""Begins the keys of the cards with answers."""
DRAW_S = 0.12
KEEP_S = 1.0
"""An answer on its way is drawn, and stored, at most this often."""

SAID = """
    SELECT type, output, metadata FROM steps WHERE "threadId" = :id
    AND (type = 'user_message' OR metadata LIKE '%"key": "talk/%') ORDER BY "createdAt"
"""


async def opened(desk: Desk, tab: Any, endpoint: str, w: Words) -> str:
    """Begin a thread with the endpoint; returns its path. Raises what `talk.parties` does."""
    asked = (desk.house, caller_for(tab.user.identifier), endpoint)
    parties = await asyncio.to_thread(talk.parties, *asked)
    system = await asyncio.to_thread(talk.instructions, *asked)
    alone = await asyncio.to_thread(talk.knows_one_question, *asked)
    thread_id, title = str(uuid.uuid4()), w("Talk with {endpoint}", endpoint=endpoint)
    user = await desk.history.get_user(tab.user.identifier)
    await desk.history.update_thread(thread_id, name=title, user_id=user.id)
    mark = {"endpoint": endpoint, "back": tab.thread_id, "system": system, "alone": alone}
    await desk.history.mark_thread(thread_id, talk=mark, language=w.language)
    view = shown.beginning(endpoint, parties, system, back(mark), w, alone=alone)
    await desk.cards.show(thread_id, draw(view, w))
    return path_of(thread_id)


def path_of(thread_id: str) -> str:
    return f"/chat/thread/{thread_id}"


def back(mark: Json) -> str:
    return path_of(mark["back"]) if mark.get("back") else "/chat"


async def mark_of(history: History, thread_id: str) -> Json | None:
    """With which endpoint the thread talks; None for a thread with Thimble."""
    found: Json | None = await history.mark_of(thread_id, MARK)
    return found


def bar(mark: Json | None, w: Words) -> Json:
    """What the page says above all in such a thread, with the way back; nothing in others."""
    return {} if mark is None else shown.bar(mark["endpoint"], back(mark), w)


# One message -----------------------------------------------------------------------------------


async def converse(desk: Desk, tab: Any, mark: Json, message: Any, w: Words) -> None:
    """Answer one message by the models of the thread, after those before it."""
    if message.elements:
        raise RequestRefused(
            "The model reads words, and no files.",
            code="invalid_argument",
            fix="Go back to Thimble to make a dataset of a file.",
        )
    text = talk.check(message.content)
    caller = caller_for(tab.user.identifier)
    parties = await asyncio.to_thread(talk.parties, desk.house, caller, mark["endpoint"])
    alone = bool(mark.get("alone"))
    steps = [] if alone else await desk.history.rows(SAID, id=tab.thread_id)
    past = talk.said_in(steps)
    reply = Reply(desk, tab.thread_id, f"{KEY}{message.id}", w)
    speak, system = desk.house.supervisor.agenerate, str(mark.get("system") or "")
    works = [
        partial(talk.answer, speak, caller, party, system, before, text)
        for party, before in zip(parties, past, strict=True)
    ]
    await reply.run([Part(party) for party in parties], works)


@dataclass
class Reply:
    """The answers to one message, as one card that grows."""

    desk: Desk
    thread_id: str
    key: str
    w: Words
    drawn_at: float = 0.0
    kept_at: float = 0.0

    async def run(self, parts: list[Part], works: Sequence[Work]) -> None:
        parent = cl.context.current_run.id if cl.context.current_run else None
        await self.keep(parts, parent)
        try:
            async for _ in written(parts, works):
                await self.draw(parts)
        finally:
            for part in parts:
                part.writing = False
            await asyncio.shield(self.keep(parts, parent))

    async def draw(self, parts: list[Part]) -> None:
        now = time.monotonic()
        if now - self.kept_at >= KEEP_S:
            await self.keep(parts, None)
        elif now - self.drawn_at >= DRAW_S:
            self.drawn_at = now
            await self.desk.cards.redraw(self.thread_id, self.card(parts))

    async def keep(self, parts: list[Part], parent: str | None) -> None:
        self.drawn_at = self.kept_at = time.monotonic()
        await self.desk.cards.show(self.thread_id, self.card(parts), parent_id=parent)

    def card(self, parts: list[Part]) -> Any:
        return replace(draw(shown.answers(parts, self.w), self.w), key=self.key)
