"""One conversation: model, tools and memory in, events out."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.events import Event, TurnEnded
from core.identity import Caller


@dataclass(frozen=True)
class FileRef:
    """A file attached to a message, already uploaded."""

    id: str
    filename: str


class Session:
    def __init__(self, house: Any, caller: Caller, thread_id: str, channel: str) -> None:
        self.house = house
        self.caller = caller
        self.thread_id = thread_id
        self.channel = channel

    async def reply(self, text: str, files: Sequence[FileRef] = ()) -> AsyncIterator[Event]:
        """Answer the user's words. Leaving the loop early breaks the turn off safely."""
        yield TurnEnded()
