"""Several calls in one message: what they do comes in their order, reads run side by side."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Place:
    waits_for: list[asyncio.Event]
    done: asyncio.Event = field(default_factory=asyncio.Event)


class InOrder:
    """A call that changes something waits for all before it; any call waits for those."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}

    def line_up(self, calls: Iterable[tuple[str, bool]]) -> None:
        """Give each call, by id and whether it changes something, its place."""
        earlier: list[tuple[bool, asyncio.Event]] = []
        for call_id, changes in calls:
            place = Place([done for changed, done in earlier if changes or changed])
            self.places[call_id] = place
            earlier.append((changes, place.done))

    @asynccontextmanager
    async def place(self, call_id: str) -> AsyncIterator[None]:
        """Enter when it is the call's turn. After one that raised, nobody's turn comes."""
        place = self.places.pop(call_id, None) or Place([])
        for done in place.waits_for:
            await done.wait()
        yield
        place.done.set()
