"""Threads, messages and charts, kept in the records' file: Chainlit's data layer on SQLite."""

import asyncio
import json
from pathlib import Path
from typing import Any

from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.data.storage_clients.base import BaseStorageClient
from chainlit.data.utils import queue_until_user_message
from chainlit.types import PageInfo, PaginatedResponse
from chainlit.utils import utc_now
from sqlalchemy import text

from agent.channels.web.ids import is_uuid
from agent.channels.web.titles import title_of
from agent.language import Language
from core.errors import RequestRefused
from core.identity import Caller
from core.records.database import prepare

Json = dict[str, Any]
ELEMENT_URL = "/chat/element/"
OURS = ("tab", "language", "asking", "cut", "talk")
"""Our own entries of a thread's metadata, kept by `mark_thread`:

tab       the tab that last talked in it
language  of the page it was last talked on
asking    what is not answered yet: `text` and `files` by the id of their message
cut       the same of answers that the end of a process cut off, by the words that ask again
talk      of a thread with a model itself: its `endpoint`, and `back`, where it was opened
"""
STALE = (*OURS, "chat_settings")
"""What a tab that goes must not write back as it once found it."""
MARK = "UPDATE threads SET metadata = json_patch(coalesce(metadata, '{}'), :marks) WHERE id = :id"
JSON_COLUMNS = ("tags", "metadata", "generation", "props", "playerConfig")

LANGUAGE = """
    SELECT json_extract(t.metadata, '$.language') AS page,
           json_extract(p."values", '$.language') AS chosen
    FROM threads t LEFT JOIN preferences p ON p.owner = t."userIdentifier" AND p.project = :project
    WHERE t.id = :id
"""
THREADS = """
    SELECT t.id, t."createdAt", t.name, t."userId", t."userIdentifier", t.tags, t.metadata
    FROM threads t WHERE t."userId" = :user{found}
    ORDER BY (SELECT MAX(s."createdAt") FROM steps s WHERE s."threadId" = t.id) DESC
"""
FOUND = """
    AND (t.name LIKE :word{at} ESCAPE '\\' OR EXISTS (
        SELECT 1 FROM steps s WHERE s."threadId" = t.id AND s.type LIKE '%message%' AND (
            s.output LIKE :word{at} ESCAPE '\\' OR (
                s.metadata LIKE :word{at} ESCAPE '\\' AND EXISTS (
                    SELECT 1 FROM json_tree(s.metadata, '$.view') part
                    WHERE part.type = 'text' AND part.key NOT IN ('kind', 'key', 'tone')
                    AND part.value LIKE :word{at} ESCAPE '\\')))))
"""
"""A word of the title, of what was said, or of a card as it is shown."""
MOST_WORDS = 8


class Elements(BaseStorageClient):  # type: ignore[misc]
    """The contents of charts, one file each, named by the element's id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, identifier: str) -> Path:
        """Raises RequestRefused for what is not a UUID, so no name leads elsewhere."""
        if not is_uuid(identifier):
            raise RequestRefused("This is not the id of an element.", code="not_found")
        return self.folder / identifier

    def write(self, identifier: str, content: bytes) -> None:
        target = self.path(identifier)
        part = target.with_suffix(".part")
        part.write_bytes(content)
        part.replace(target)

    async def upload_file(
        self,
        object_key: str,
        data: bytes | str,
        mime: str = "application/octet-stream",
        overwrite: bool = True,
        content_disposition: str | None = None,
    ) -> Json:
        self.write(object_key, data.encode() if isinstance(data, str) else data)
        return {"object_key": object_key, "url": ELEMENT_URL + object_key}

    async def delete_file(self, object_key: str) -> bool:
        if is_uuid(object_key):
            self.path(object_key).unlink(missing_ok=True)
        return True

    async def get_read_url(self, object_key: str) -> str:
        return ELEMENT_URL + object_key

    async def close(self) -> None:
        return None


class History(SQLAlchemyDataLayer):  # type: ignore[misc]
    """Chainlit's SQL layer, made to work on SQLite: lists and maps are kept as JSON text."""

    def __init__(self, records: Path, elements: Elements) -> None:
        super().__init__(conninfo=f"sqlite+aiosqlite:///{records}", storage_provider=elements)
        self.elements = elements
        self._steps, self._threads = asyncio.Lock(), asyncio.Lock()
        prepare(self.engine.sync_engine)

    async def execute_sql(self, query: str, parameters: Json) -> list[Json] | int:
        """Rows, or how many were changed. Errors are raised: lost history must be noticed."""
        reads = query.lstrip()[:6].upper() == "SELECT"
        encoded = {name: encode(value) for name, value in parameters.items()}
        async with self.engine.connect() as connection:
            if reads:
                connection = await connection.execution_options(writes=False)
            async with connection.begin():
                result = await connection.execute(text(query), encoded)
                if result.returns_rows:
                    return [dict(row) for row in result.mappings()]
                return int(result.rowcount)

    async def rows(self, query: str, **parameters: Any) -> list[Json]:
        found = await self.execute_sql(query, parameters)
        assert isinstance(found, list)
        return found

    async def get_current_timestamp(self) -> str:
        return str(utc_now())

    async def get_thread(self, thread_id: str) -> Json | None:
        # Chainlit puts stored thread ids into SQL text, so only true ids may be stored or asked.
        return await super().get_thread(thread_id) if is_uuid(thread_id) else None

    async def update_thread(self, thread_id: str, *args: Any, **kwargs: Any) -> None:
        if not is_uuid(thread_id):
            raise RequestRefused("This is not the id of a thread.", code="not_found")
        # A tab that goes writes back the metadata as it found it: what we marked since must stay.
        for name in STALE:
            (kwargs.get("metadata") or {}).pop(name, None)
        # It reads the metadata and writes it back, so two at once would lose one of the changes.
        async with self._threads:
            if kwargs.get("user_id") and kwargs.get("name") is not None:
                kwargs["name"] = await self.first_name(thread_id, kwargs["name"])
            await super().update_thread(thread_id, *args, **kwargs)

    async def first_name(self, thread_id: str, said: str) -> str | None:
        """What Chainlit may call a thread that begins; it would take the whole message."""
        found = await self.rows("SELECT name FROM threads WHERE id = :id", id=thread_id)
        return None if found and found[0]["name"] else title_of(said)

    async def name_first(self, thread_id: str, message_id: str, title: str) -> bool:
        """Call the thread so if this is its first message; later its owner may have renamed it."""
        before = await self.rows(
            "SELECT 1 FROM steps WHERE \"threadId\" = :id AND type = 'user_message' "
            "AND id <> :message LIMIT 1",
            id=thread_id,
            message=message_id,
        )
        if not before:
            await self.update_thread(thread_id, name=title)
        return not before

    async def mark_thread(self, thread_id: str, **marks: Any) -> None:
        """Keep something of ours with the thread, by the names of `OURS`; None takes it away.

        What is a map is joined with the map that is there, name by name.
        """
        await self.update_thread(thread_id)
        async with self._threads:
            await self.execute_sql(MARK, {"id": thread_id, "marks": marks})

    async def mark_of(self, thread_id: str, name: str) -> Any:
        """What is kept with the thread under this name; None where there is nothing."""
        found = await self.rows("SELECT metadata FROM threads WHERE id = :id", id=thread_id)
        return json.loads(found[0]["metadata"] or "{}").get(name) if found else None

    async def marked(self, name: str) -> list[Json]:
        """The threads that have this mark: `id`, and `mark`."""
        found = await self.rows(
            "SELECT id, metadata FROM threads WHERE json_extract(metadata, :at) IS NOT NULL",
            at=f"$.{name}",
        )
        return [{"id": row["id"], "mark": json.loads(row["metadata"])[name]} for row in found]

    async def language_of_thread(self, thread_id: str) -> Language:
        """The language its owner has chosen, or that of the page it was last talked on."""
        found = await self.rows(LANGUAGE, id=thread_id, project=Caller().project)
        chosen = found[0]["chosen"] if found else None
        page = found[0]["page"] if found else None
        return "zh" if "zh" in (chosen, page) and chosen != "en" else "en"

    async def create_step(self, step_dict: Json) -> None:
        # Chainlit writes each state of a step in a task of its own; the last one must win.
        async with self._steps:
            await super().create_step(step_dict)

    async def delete_thread(self, thread_id: str) -> None:
        await super().delete_thread(thread_id)
        await self.execute_sql("DELETE FROM messages WHERE thread_id = :id", {"id": thread_id})

    async def list_threads(self, pagination: Any, filters: Any) -> Any:
        """One page of the sidebar. Chainlit's own way reads every message of every thread."""
        words = (filters.search or "").split()[:MOST_WORDS]
        wanted = {f"word{at}": f"%{literal(word)}%" for at, word in enumerate(words)}
        query = THREADS.format(found="".join(FOUND.format(at=at) for at in range(len(words))))
        found = await self.rows(query, user=filters.userId, **wanted)
        after = [at + 1 for at, row in enumerate(found) if row["id"] == pagination.cursor]
        start = after[0] if after else 0
        page = found[start : start + pagination.first]
        for row in page:
            decode(row)
        return PaginatedResponse(
            pageInfo=PageInfo(
                hasNextPage=start + len(page) < len(found),
                startCursor=page[0]["id"] if page else None,
                endCursor=page[-1]["id"] if page else None,
            ),
            data=[row | {"steps": [], "elements": []} for row in page],
        )

    async def get_all_user_threads(
        self, user_id: str | None = None, thread_id: str | None = None
    ) -> list[Json] | None:
        threads = await super().get_all_user_threads(user_id, thread_id)
        for thread in threads or []:
            decode(thread)
            for part in [*thread["steps"], *thread["elements"]]:
                decode(part)
        return threads  # type: ignore[no-any-return]

    @queue_until_user_message()  # type: ignore[untyped-decorator]
    async def create_element(self, element: Any) -> None:
        """Keep what came with a message; an upload lies in the files already."""
        if not element.for_id:
            return
        await self.update_thread(element.thread_id)
        row = {name: value for name, value in element.to_dict().items() if value is not None}
        row |= {"mime": element.mime or "application/octet-stream", "url": ELEMENT_URL + element.id}
        if element.path:
            row["objectKey"] = element.id
            row["path"] = Path(element.path).name
        elif element.content:
            row |= await self.upload(element.id, element.content)
        await self.keep_element(row)

    async def upload(self, identifier: str, content: bytes | str) -> Json:
        made = await self.elements.upload_file(identifier, content)
        return {"objectKey": made["object_key"]}

    async def keep_element(self, row: Json) -> None:
        await self.execute_sql(upsert("elements", row), row)

    async def keep_step(self, row: Json) -> None:
        """Store a message from outside of any turn."""
        await self.update_thread(row["threadId"])
        await self.execute_sql(upsert("steps", row), row)

    async def thread_of_tab(self, session_id: str) -> str | None:
        """The thread that a tab was in, for a tab that is older than this process."""
        found = await self.rows(
            "SELECT id FROM threads WHERE json_extract(metadata, '$.tab') = :tab", tab=session_id
        )
        return str(found[0]["id"]) if found else None

    async def owner_of(self, thread_id: str) -> str | None:
        found = await self.rows('SELECT "userIdentifier" FROM threads WHERE id = :id', id=thread_id)
        return str(found[0]["userIdentifier"]) if found else None


def literal(word: str) -> str:
    """The word for LIKE, with nothing in it that stands for other letters."""
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def upsert(table: str, row: Json) -> str:
    """SQL for the row's columns; the names are ours or Chainlit's, never a client's."""
    columns = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    updates = ", ".join(f'"{name}" = :{name}' for name in row if name != "id")
    insert = f"INSERT INTO {table} ({columns}) VALUES ({values})"
    return f"{insert} ON CONFLICT (id) DO UPDATE SET {updates}"


def encode(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def decode(row: Json) -> None:
    for name in JSON_COLUMNS:
        if isinstance(row.get(name), str):
            row[name] = json.loads(row[name])
