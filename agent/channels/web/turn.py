"""One turn of the conversation, drawn as its events come."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import chainlit as cl
from chainlit.utils import utc_now

from agent.channels.web.cards import Cards
from agent.channels.web.drawing import Card, draw
from agent.events import (
    ApprovalNeeded,
    Event,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnFailed,
)
from agent.language import words_in
from agent.shown import approval_view
from agent.views import View

MAX_SHOWN_CHARACTERS = 6_000
"""Of a tool's arguments or result, in its folded step; the whole is in the records."""
BELOW = ("passages",)
"""Kinds of card that stand below the words which refer to them."""
LIVE = ("run", "approval")
"""Kinds of card that follow their record: there is one of each in a thread, the newest."""


class Turn:
    """Made inside Chainlit's `on_message`, so that its messages belong to that message."""

    def __init__(self, cards: Cards, thread_id: str) -> None:
        self.cards = cards
        self.thread_id = thread_id
        self.text: Any = None
        self.steps: dict[str, Any] = {}
        self.below: list[View] = []

    @property
    def parent_id(self) -> str | None:
        run = cl.context.current_run
        return run.id if run is not None else None

    async def run(self, events: AsyncIterator[Event]) -> None:
        try:
            async for event in events:
                await self.show(event)
        finally:
            await self.end_text()
            for view in self.below:
                await self.put(view)

    async def show(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                await self.write(text)
            case ToolStarted():
                await self.end_text()
                await self.start_step(event)
            case ToolFinished():
                await self.finish_step(event)
            case ApprovalNeeded(approval=approval):
                await self.end_text()
                await self.put(approval_view(approval, words_in("en")))
            case TurnFailed(message=message):
                await self.end_text()
                await self.write(message)
            case TurnEnded():
                await self.end_text()

    async def write(self, text: str) -> None:
        if self.text is None:
            self.text = cl.Message(content="")
        await self.text.stream_token(text)

    async def end_text(self) -> None:
        """`send`, not `update`: only that gives the message its time, so that it sorts right."""
        if self.text is not None:
            message, self.text = self.text, None
            await message.send()

    async def start_step(self, event: ToolStarted) -> None:
        step = cl.Step(name=plain_name(event.name), type="tool", parent_id=self.parent_id)
        step.start = utc_now()
        step.input = shortened(event.arguments)
        self.steps[event.call_id] = step
        await step.send()

    async def finish_step(self, event: ToolFinished) -> None:
        step = self.steps.pop(event.call_id, None)
        if step is not None:
            step.end = utc_now()
            step.is_error = event.error is not None
            step.output = outcome_of(event)
            step.language = "json" if event.result is not None else None
            await step.update()
        if event.view is None:
            return
        if event.view.kind in BELOW:
            self.below.append(event.view)
        else:
            await self.put(event.view)

    async def put(self, view: View) -> None:
        card = draw(view) if view.kind in LIVE else draw_once(view)
        await self.cards.show(
            self.thread_id, card, parent_id=self.parent_id, last=view.kind in LIVE
        )


def draw_once(view: View) -> Card:
    """A card that stays as it was when it was asked for."""
    return replace(draw(view), key="")


def plain_name(tool: str) -> str:
    return tool.replace("_", " ")


def outcome_of(event: ToolFinished) -> str:
    if event.error is not None:
        parts = [event.error.get("message"), event.error.get("fix")]
        return " ".join(str(part) for part in parts if part)
    return shortened(event.result) if event.result is not None else "Waits for your approval."


def shortened(data: Any) -> str:
    words = json.dumps(data, ensure_ascii=False, indent=2)
    if len(words) <= MAX_SHOWN_CHARACTERS:
        return words
    return words[:MAX_SHOWN_CHARACTERS] + "\n…"
