"""Cards in threads: stored, and shown in every tab that has the thread open.

A card of a record, a run say, is one message that changes with it. It can be put there from
outside of any turn, also when nobody looks, and comes alive again when its thread is opened.
"""

import asyncio
import hashlib
import json
from typing import Any

from chainlit.server import sio
from chainlit.session import WebsocketSession, ws_sessions_id
from chainlit.utils import utc_now

from agent.channels.web.drawing import Button, Card, Element, element_bytes, name_id
from agent.channels.web.history import ELEMENT_URL, History

Json = dict[str, Any]
AUTHOR = "Thimble"


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
            step = message(message_id, thread_id, card, before, parent_id, last)
            gone = await self.keep(step, card)
            tabs = await self.open_tabs(thread_id)
            if before is not None:
                await take_away(tabs, before, gone, whole=last)
            await put(tabs, step, [row_of(step, element) for element in card.elements])
        return message_id

    async def stored(self, message_id: str) -> Json | None:
        rows = await self.history.rows(
            'SELECT id, "createdAt", "parentId", metadata FROM steps WHERE id = :id', id=message_id
        )
        return rows[0] | {"metadata": json.loads(rows[0]["metadata"])} if rows else None

    async def has(self, thread_id: str, key: str) -> bool:
        return await self.stored(name_id(thread_id, key)) is not None

    async def keep(self, step: Json, card: Card) -> list[str]:
        """Write the message and its elements; returns the ids of elements it no longer has."""
        await self.history.keep_step(step)
        rows = [row_of(step, element) for element in card.elements]
        for row, element in zip(rows, card.elements, strict=True):
            if element.type == "plotly":
                self.history.elements.write(row["id"], element_bytes(element))
            await self.history.keep_element(row)
        had = await self.history.rows('SELECT id FROM elements WHERE "forId" = :id', id=step["id"])
        gone = [row["id"] for row in had if row["id"] not in {row["id"] for row in rows}]
        for identifier in gone:
            await self.history.elements.delete_file(identifier)
            await self.history.execute_sql(
                "DELETE FROM elements WHERE id = :id", {"id": identifier}
            )
        return gone

    async def open_tabs(self, thread_id: str) -> list[WebsocketSession]:
        """The connected browser tabs that show the thread and belong to its owner."""
        owner = await self.history.owner_of(thread_id)
        return [
            tab
            for tab in list(ws_sessions_id.values())
            if tab.thread_id == thread_id
            and (tab.user is not None and tab.user.identifier == owner)
            and sio.manager.is_connected(tab.socket_id, "/")
        ]

    async def of_thread(self, thread_id: str) -> list[Json]:
        """The stored cards of a thread, oldest first: `id`, `key` and `buttons`."""
        rows = await self.history.rows(
            'SELECT id, metadata FROM steps WHERE "threadId" = :id ORDER BY "createdAt"',
            id=thread_id,
        )
        known = [{"id": row["id"], **json.loads(row["metadata"] or "{}")} for row in rows]
        return [row for row in known if "key" in row]

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
        """Ask the open tabs to scroll to a card; only one with buttons can be found there."""
        stored = await self.stored(name_id(thread_id, key))
        buttons = stored["metadata"]["buttons"] if stored else []
        for tab in await self.open_tabs(thread_id) if buttons else []:
            await tab.emit("window_message", {"thimble_show": buttons[0]["id"]})

    async def toast(self, thread_id: str, words: str) -> None:
        for tab in await self.open_tabs(thread_id):
            await tab.emit("toast", {"message": words, "type": "info"})


def message(
    message_id: str,
    thread_id: str,
    card: Card,
    before: Json | None,
    parent_id: str | None,
    last: bool,
) -> Json:
    """The message as Chainlit keeps it. What stays in its place keeps its time and its turn."""
    stays = before is not None and not last
    created = before["createdAt"] if before is not None and stays else utc_now()
    return {
        "id": message_id,
        "threadId": thread_id,
        "parentId": before["parentId"] if before is not None and stays else parent_id,
        "createdAt": created,
        "start": created,
        "end": created,
        "output": card.content,
        "name": AUTHOR,
        "type": "assistant_message",
        "streaming": False,
        "isError": False,
        "waitForAnswer": False,
        "metadata": {
            "key": card.key,
            "buttons": [action(message_id, button) for button in card.buttons],
        },
    }


def action(message_id: str, button: Button) -> Json:
    return {
        "id": name_id(message_id, button.label),
        "forId": message_id,
        "name": button.name,
        "label": button.label,
        "payload": button.payload,
        "icon": button.icon or None,
        "tooltip": "",
    }


def row_of(step: Json, element: Element) -> Json:
    """The element as Chainlit keeps it. Its address changes with its content, to be read anew."""
    identifier = name_id(step["id"], element.type, element.name)
    row: Json = {
        "id": identifier,
        "forId": step["id"],
        "threadId": step["threadId"],
        "type": element.type,
        "name": element.name,
        "display": "inline",
        "mime": "application/json",
    }
    if element.type == "custom":
        return row | {"props": element.content}
    mark = hashlib.sha256(element_bytes(element)).hexdigest()[:12]
    return row | {
        "size": "large",
        "objectKey": identifier,
        "url": f"{ELEMENT_URL}{identifier}?v={mark}",
    }


async def put(tabs: list[WebsocketSession], step: Json, elements: list[Json]) -> None:
    """Chainlit's page replaces messages and elements by their id."""
    for tab in tabs:
        await tab.emit("new_message", step)
        for element in elements:
            await tab.emit("element", element)
        await renew_buttons(tab, step["metadata"])


async def renew_buttons(tab: WebsocketSession, metadata: Json) -> None:
    """The page does not keep buttons, and would show one twice that comes twice."""
    for button in metadata.get("buttons", []):
        await tab.emit("remove_action", button)
        await tab.emit("action", button)


async def take_away(
    tabs: list[WebsocketSession], before: Json, gone: list[str], *, whole: bool
) -> None:
    for tab in tabs:
        if whole:
            await tab.emit("delete_message", before)
        for button in before["metadata"].get("buttons", []):
            await tab.emit("remove_action", button)
        for identifier in gone:
            await tab.emit("remove_element", {"id": identifier})
