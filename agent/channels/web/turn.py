"""One turn of the conversation, drawn as its events come."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import chainlit as cl
from chainlit.utils import utc_now

from agent.channels.web.cards import Cards
from agent.channels.web.deeds import deed_of
from agent.channels.web.drawing import draw
from agent.channels.web.quiet import (
    cost_of,
    failure_of,
    marked,
    meaning_of,
    note_on_marks,
    refusal_of,
)
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
)
from agent.language import Language, Words, words_in
from agent.shown import approval_view
from agent.views import View

KEEP_S = 1.0
"""An answer on its way is stored at most this often, so that a crash loses no more of it."""
MAX_SHOWN_CHARACTERS = 6_000
"""Of a tool's arguments or result, in its folded step; the whole is in the records."""
BELOW = ("passages",)
"""Kinds of card that stand below the words which refer to them."""
LIVE = ("run", "approval", "endpoint")
"""Kinds of card that follow their record: there is one of each in a thread, the newest."""


class Turn:
    """Made inside Chainlit's `on_message`, so that its messages belong to that message."""

    def __init__(self, cards: Cards, thread_id: str, language: Language = "en") -> None:
        self.cards = cards
        self.thread_id = thread_id
        self.w: Words = words_in(language)
        self.text: Any = None
        self.kept_at = 0.0
        self.steps: dict[str, Any] = {}
        self.pause: Any = None
        self.below: list[View] = []
        self.refused: dict[str, Any] | None = None
        """The error of the last call, until words have led to its explanation."""

    @property
    def parent_id(self) -> str | None:
        run = cl.context.current_run
        return run.id if run is not None else None

    async def run(self, events: AsyncIterator[Event]) -> None:
        """Draw until the events end. What has been said is kept, also when it is broken off."""
        try:
            async for event in events:
                await self.show(event)
        finally:
            await self.end_pause()
            await self.end_text()
            await self.end_steps()
            for view in self.below:
                await self.put(view)

    async def show(self, event: Event) -> None:
        await self.end_pause()
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
                await self.put(approval_view(approval, self.w))
            case Unsourced(marks=marks):
                await self.mark(marks)
            case Waiting(message=message):
                self.pause = await self.line(message, "hourglass", ended=False)
            case Spent():
                await self.explain()
                await self.end_text()
                await self.line(cost_of(event, self.w), "coins")
            case TurnFailed():
                self.refused = None  # it has its own words
                await self.end_text()
                await self.write(failure_of(event, self.w))
            case TurnEnded():
                await self.explain()
                await self.end_text()

    async def write(self, text: str) -> None:
        if self.text is None:
            self.text = cl.Message(content="", created_at=utc_now())
            self.kept_at = time.monotonic()
        await self.text.stream_token(text)
        if time.monotonic() - self.kept_at >= KEEP_S:
            await self.keep()

    async def keep(self) -> None:
        """Store what was said so far, and give it whole to tabs that came in its middle."""
        said = self.text.to_dict()
        await self.cards.history.create_step(said | {"streaming": False})
        await cl.context.emitter.update_step(said)
        self.kept_at = time.monotonic()

    async def mark(self, marks: list[dict[str, Any]]) -> None:
        """Figures that stand in no result get a mark, and a line below says what it means."""
        if self.text is not None and marks:
            text = marked(self.text.content, marks)
            await self.text.stream_token(f"{text}\n\n{note_on_marks(self.w)}", is_sequence=True)

    async def explain(self) -> None:
        """The words after a call that failed end with a link to what its error means."""
        error, self.refused = self.refused, None
        if error is not None and self.text is None:
            await self.write(refusal_of(error, self.w))
        elif error is not None and (link := meaning_of(error, self.w)):
            await self.write(f"\n\n{link}")

    async def end_text(self) -> None:
        """`send`, not `update`: only that ends the streaming and stores the message."""
        if self.text is not None:
            message, self.text = self.text, None
            await message.send()

    async def line(self, words: str, icon: str, *, ended: bool = True) -> Any:
        """A quiet line between the messages; one that has not ended is shown at work."""
        step = cl.Step(name=words, type="tool", parent_id=self.parent_id, metadata={"icon": icon})
        step.start = utc_now()
        step.end = step.start if ended else None
        await step.send()
        return step

    async def end_pause(self) -> None:
        if self.pause is not None:
            step, self.pause = self.pause, None
            await step.remove()

    async def start_step(self, event: ToolStarted) -> None:
        step = await self.line(deed_of(event.name, self.w).doing, "wrench", ended=False)
        self.steps[event.call_id] = step

    async def finish_step(self, event: ToolFinished) -> None:
        self.refused = event.error
        step = self.steps.pop(event.call_id, None)
        if step is not None:
            step.end = utc_now()
            step.is_error = event.error is not None
            step.name = name_of(event, self.w)
            step.output = outcome_of(event, self.w)
            step.language = "json" if event.result is not None else None
            await step.update()
        if event.view is None:
            return
        if event.view.kind in BELOW:
            self.below.append(event.view)
        else:
            await self.put(event.view)

    async def end_steps(self) -> None:
        """Those that a broken-off turn leaves at work."""
        for step in self.steps.values():
            step.end = utc_now()
            await step.update()

    async def put(self, view: View) -> None:
        card = draw(view, self.w)
        if view.kind not in LIVE:
            card = replace(card, key="")  # it stays as it was when it was asked for
        await self.cards.show(
            self.thread_id, card, parent_id=self.parent_id, last=view.kind in LIVE
        )


def name_of(event: ToolFinished, w: Words) -> str:
    deed = deed_of(event.name, w)
    if event.error is not None:
        return w("{doing}: this did not work", doing=deed.doing)
    return deed.done if event.result is not None else w("{doing}: asked you", doing=deed.doing)


def outcome_of(event: ToolFinished, w: Words) -> str:
    """What its step shows when it is unfolded."""
    if event.error is not None:
        return refusal_of(event.error, w)
    if event.result is not None:
        return shortened(event.result)
    return w("This is done when it is approved, and not before.")


def shortened(data: Any) -> str:
    words = json.dumps(data, ensure_ascii=False, indent=2)
    if len(words) <= MAX_SHOWN_CHARACTERS:
        return words
    return words[:MAX_SHOWN_CHARACTERS] + "\n…"
