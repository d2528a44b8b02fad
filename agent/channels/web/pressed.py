"""What the buttons of cards call."""

import asyncio
from functools import partial
from typing import Any

import chainlit as cl

from agent.channels.web import chat
from agent.channels.web.desk import Desk
from agent.channels.web.edge import attempt, caller_for
from tools import base
from tools.base import ToolContext


def register(desk: Desk) -> None:
    cl.action_callback("say")(partial(say, desk))
    cl.action_callback("decide")(partial(decide, desk))


async def say(desk: Desk, action: Any) -> None:
    """A button that speaks for the user, as if it had been typed."""
    text = str(action.payload.get("text", ""))[:2_000]
    spoken = cl.Message(content=text, type="user_message", author="You")
    await spoken.send()
    await cl.context.emitter.task_start()
    try:
        async with cl.Step(name="on_message", type="run", parent_id=spoken.id):
            await chat.converse(desk, text, [])
    finally:
        await cl.context.emitter.task_end()


async def decide(desk: Desk, action: Any) -> None:
    """Approve or reject. What comes of it is posted by `follow`, wherever it was decided."""
    session = cl.context.session
    ctx = ToolContext(desk.house, caller_for(session.user.identifier), session.thread_id)
    approval_id = str(action.payload.get("approval_id", ""))
    decision = str(action.payload.get("decision", ""))
    failure = await attempt(asyncio.to_thread(base.decide, ctx, approval_id, decision))
    if failure is not None:
        await cl.Message(failure).send()
