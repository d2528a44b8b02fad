"""Answers that are written at the same time, each into its part; all of them change one card."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from agent.talk import LeftOut, Party
from core.errors import ThimbleError
from serving.answers import Ended, Event, Wrote

Work = Callable[[], AsyncIterator[Event | LeftOut]]


@dataclass
class Part:
    """One model's answer as far as it is written."""

    party: Party
    text: str = ""
    writing: bool = True
    left_out: int = 0
    """Exchanges that no longer fit what the model reads."""
    finish_reason: str = ""
    tokens: int | None = None
    seconds: float = 0.0
    error: ThimbleError | None = None
    began: float = field(default_factory=time.monotonic)

    def take(self, event: Event | LeftOut) -> None:
        match event:
            case LeftOut(exchanges=exchanges):
                self.left_out = exchanges
            case Wrote(text=text):
                self.text += text
            case Ended():
                self.finish_reason = event.finish_reason
                self.tokens = event.completion_tokens
        self.seconds = time.monotonic() - self.began


async def written(parts: Sequence[Part], works: Sequence[Work]) -> AsyncIterator[None]:
    """Once for each event, when it is in its part. Leaving the loop ends the answers.

    Errors of ours end one answer and stand in its part; others are raised.
    """
    news: asyncio.Queue[None] = asyncio.Queue()
    writers = [
        asyncio.create_task(write(part, work, news))
        for part, work in zip(parts, works, strict=True)
    ]
    for writer in writers:
        writer.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while not all(writer.done() for writer in writers):
            await news.get()
            yield
        await asyncio.gather(*writers)
    finally:
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)


async def write(part: Part, work: Work, news: "asyncio.Queue[None]") -> None:
    try:
        async for event in work():
            part.take(event)
            news.put_nowait(None)
    except ThimbleError as error:
        part.error = error
    finally:
        part.writing = False
