"""One conversation: model, tools and memory in, events out."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from agent.budget import LIMITS, Limits
from agent.events import Event, TurnEnded
from agent.language import Language
from agent.memory import FileRef, Memory
from agent.turn.reply import Reply, Thread
from core.identity import Caller
from tools.base import House


class Session:
    """A thread of one caller. Make one for each turn or keep it: all state is in the records."""

    def __init__(
        self,
        house: House,
        caller: Caller,
        thread_id: str,
        language: Language = "en",
        limits: Limits = LIMITS,
        asked: Language | None = None,
    ) -> None:
        self.thread = Thread(house, caller, thread_id, language, limits, asked)

    @property
    def memory(self) -> Memory:
        return self.thread.memory

    async def reply(self, text: str, files: Sequence[FileRef] = ()) -> AsyncIterator[Event]:
        """Answer the user's words. Leaving the loop early breaks the turn off safely."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        turn = asyncio.create_task(Reply(self.thread, text, files, events.put_nowait).run())
        try:
            while (event := await events.get()) is not None:
                yield event
        finally:
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)
        yield TurnEnded()
