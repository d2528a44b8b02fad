"""Cards in threads: stored, and shown in every tab that has the thread open.

A card of a record, a run say, is one message that changes with it. It can be put there from
outside of any turn, also when nobody looks, and comes alive again when its thread is opened.
"""

import asyncio
import json
from typing import Any

from chainlit.session import WebsocketSession
from chainlit.utils import utc_now

from agent.channels.web.drawing import Card, element, message, name_id
from agent.channels.web.history import History
from agent.channels.web.tabs import tabs_of

Json = dict[str, Any]


class Cards:
    def __init__(self, history: History) -> None:
        self.history = history
        self._lock = asyncio.Lock()

    async def show(
        self, thread_id: str, card: Card, *, parent_id: str | None = None, last: bool = False
    ) -> str:
        """Put the card into the thread, or change it there; returns the message's id.

        Args:
            parent_id: The turn it belongs to, for one that is new.
            last: Move it to the end of the thread, for news that should be seen.
        """
        message_id = name_id(thread_id, card.key) if card.key else name_id(thread_id, utc_now())
        async with self._lock:
            before = await self.stored(message_id)
            stays = before if not last else None
            created = stays["createdAt"] if stays else utc_now()
            step = message(
                message_id, thread_id, card, created, stays["parentId"] if stays else parent_id
            )
            drawn = element(step, card)
            await self.history.keep_step(step)
            await self.history.keep_element(drawn)
            for tab in await self.open_tabs(thread_id):
                if before is not None and last:
                    await tab.emit("delete_message", before)
                # Chainlit's page replaces messages and elements by their id.
                await tab.emit("new_message", step)
                await tab.emit("element", drawn)
        return message_id

    async def redraw(self, thread_id: str, card: Card) -> None:
        """Change a card that is there in the open tabs alone; what is stored follows later."""
        step = {"id": name_id(thread_id, card.key), "threadId": thread_id}
        drawn = element(step, card)
        for tab in await self.open_tabs(thread_id):
            await tab.emit("element", drawn)

    async def stored(self, message_id: str) -> Json | None:
        rows = await self.history.rows(
            'SELECT id, "createdAt", "parentId", metadata FROM steps WHERE id = :id', id=message_id
        )
        return rows[0] | {"metadata": json.loads(rows[0]["metadata"])} if rows else None

    async def has(self, thread_id: str, key: str) -> bool:
        return await self.stored(name_id(thread_id, key)) is not None

    async def is_buried(self, thread_id: str, key: str) -> bool:
        """Whether something was said in the thread after the card was put there."""
        found = await self.history.rows(
            'SELECT 1 FROM steps s JOIN steps c ON c."threadId" = s."threadId" '
            'WHERE c.id = :id AND s.id <> c.id AND s."createdAt" > c."createdAt" '
            "AND s.type LIKE '%_message' LIMIT 1",
            id=name_id(thread_id, key),
        )
        return bool(found)

    async def open_tabs(self, thread_id: str) -> list[WebsocketSession]:
        """The connected browser tabs that show the thread and belong to its owner."""
        owner = await self.history.owner_of(thread_id)
        return tabs_of(thread_id, owner) if owner is not None else []

    async def of_thread(self, thread_id: str) -> list[str]:
        """The keys of the cards in a thread that can change, oldest first."""
        rows = await self.history.rows(
            "SELECT json_extract(metadata, '$.key') AS key FROM steps "
            'WHERE "threadId" = :id AND key <> \'\' ORDER BY "createdAt"',
            id=thread_id,
        )
        return [row["key"] for row in rows]

    async def showing(self, key: str, owner: str) -> list[str]:
        """The owner's threads that have a card of this record."""
        rows = await self.history.rows(
            'SELECT DISTINCT s."threadId" AS id FROM steps s JOIN threads t ON t.id = s."threadId" '
            "WHERE json_extract(s.metadata, '$.key') = :key AND t.\"userIdentifier\" = :owner",
            key=key,
            owner=owner,
        )
        return [row["id"] for row in rows]

    async def look_at(self, thread_id: str, key: str) -> None:
        """Ask the open tabs to scroll to a card."""
        place = f"step-{name_id(thread_id, key)}"
        for tab in await self.open_tabs(thread_id):
            await tab.emit("window_message", {"thimble_show": place})

    async def toast(self, thread_id: str, words: str) -> None:
        for tab in await self.open_tabs(thread_id):
            await tab.emit("toast", {"message": words, "type": "info"})
