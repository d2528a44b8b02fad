"""Takes what the buttons and fields of cards call, and answers with plain data for the card.

A button that only speaks for the person needs nothing here: the page sends its words as a message.
"""

import asyncio
from functools import partial
from typing import Any

import chainlit as cl

from agent.channels.web import talks
from agent.channels.web.calls import CALLS, Json, Work, told
from agent.channels.web.desk import Desk
from agent.channels.web.drawing import draw
from agent.channels.web.edge import attempt, caller_for
from agent.language import words_in
from agent.shown import approval_view
from core.errors import ThimbleError
from tools.base import ToolContext


def register(desk: Desk) -> None:
    for name, work in CALLS.items():
        cl.action_callback(name)(partial(pressed, desk, work))


async def pressed(desk: Desk, work: Work, action: Any) -> Json:
    """What the work makes for whoever pressed, or `error` in words of the thread's language.

    What comes of a decision or a change is posted by `follow`, wherever it was decided.
    """
    session = cl.context.session
    w = words_in(await desk.history.language_of_thread(session.thread_id))
    ctx = ToolContext(desk.house, caller_for(session.user.identifier), session.thread_id)
    made: list[Json] = []

    async def run() -> None:
        try:
            made.append(await asyncio.to_thread(work, ctx, action.payload, w))
        except ThimbleError as refusal:
            made.append({"error": told(refusal, w)})

    failure = await attempt(run(), w)
    if failure is not None:
        return {"error": {"message": failure}}
    if asked := made[0].get("approval"):
        await desk.cards.show(session.thread_id, draw(approval_view(asked, w), w), last=True)
        await desk.cards.look_at(session.thread_id, asked["id"])
    if endpoint := made[0].get("talk"):
        made[0]["open"] = await talks.opened(desk, session, endpoint, w)
    return made[0]
