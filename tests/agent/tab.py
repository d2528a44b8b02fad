"""A browser tab of the chat without a browser: it logs in, talks and presses buttons."""

import asyncio
import json
import uuid
from collections import defaultdict
from typing import Any, Self

import httpx
import socketio

Json = dict[str, Any]
WAIT_S = 60.0


class Tab:
    """Use it as an async context manager; `messages` and `elements` hold what the page shows."""

    def __init__(
        self, url: str, thread_id: str = "", session_id: str | None = None, language: str = "en-US"
    ) -> None:
        self.url = url
        self.thread_id = thread_id
        self.session_id = session_id or str(uuid.uuid4())
        headers = {"Accept-Language": language}
        self.http = httpx.AsyncClient(base_url=url, timeout=WAIT_S, headers=headers)
        self.socket = socketio.AsyncClient(reconnection=False)
        self.messages: dict[str, Json] = {}
        self.elements: dict[str, Json] = {}
        self.events: list[tuple[str, Any]] = []
        self.counts: dict[str, int] = defaultdict(int)
        self._changed = asyncio.Condition()
        self.socket.on("*", self._take)

    async def __aenter__(self) -> Self:
        answer = await self.http.post("/chat/auth/header")
        assert answer.status_code == 200, answer.text
        await self.connect()
        return self

    async def connect(self) -> None:
        await self.socket.connect(
            self.url,
            headers={
                "Cookie": "; ".join(f"{k}={v}" for k, v in self.http.cookies.items()),
                "Accept-Language": self.http.headers["Accept-Language"],
            },
            socketio_path="/chat/ws/socket.io",
            auth={
                "sessionId": self.session_id,
                "threadId": self.thread_id,
                "clientType": "webapp",
                "userEnv": "{}",
                "chatProfile": "",
            },
            transports=["websocket"],
        )
        await self.socket.emit("connection_successful")
        await self.until(lambda: self.counts["clear_call_fn"])

    async def __aexit__(self, *_: object) -> None:
        await self.socket.disconnect()
        await self.http.aclose()

    async def say(self, text: str, *file_ids: str) -> None:
        """Send a message and wait until the turn is over."""
        over = self.counts["task_end"] + 1
        await self.begin(text, *file_ids)
        await self.until(lambda: self.counts["task_end"] >= over)

    async def begin(self, text: str, *file_ids: str) -> None:
        """Send a message, and do not wait."""
        message = {
            "id": str(uuid.uuid4()),
            "name": "You",
            "type": "user_message",
            "output": text,
            "createdAt": "",
        }
        references = [{"id": identifier} for identifier in file_ids]
        await self.socket.emit("client_message", {"message": message, "fileReferences": references})

    async def upload(self, name: str, content: bytes, mime: str = "text/csv") -> httpx.Response:
        return await self.http.post(
            f"/chat/project/file?session_id={self.session_id}",
            files={"file": (name, content, mime)},
        )

    async def press(self, label: str) -> Json:
        """Press the newest button of a card with this label; what its callback answers."""
        button = [button for button in self.buttons() if button["label"] == label][-1]
        if button["decide"] is None:
            await self.say(button["say"])
            return {}
        payload = {"approval_id": button["approval_id"], "decision": button["decide"]}
        return await self.call("decide", **payload)

    async def call(self, name: str, **payload: Any) -> Json:
        """What a card's own button or field does."""
        action = {"id": str(uuid.uuid4()), "name": name, "label": "", "payload": payload}
        answer = await self.http.post(
            "/chat/project/action", json={"sessionId": self.session_id, "action": action}
        )
        assert answer.status_code == 200, answer.text
        made: Json = answer.json()["response"] or {}
        return made

    def stream(self, id: str, token: str, isSequence: bool = False, **_: Any) -> None:
        if id in self.messages:
            before = "" if isSequence else self.messages[id]["output"]
            self.messages[id] = self.messages[id] | {"output": before + token}

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(true)

    async def until_seen(self, text: str) -> None:
        await self.until(lambda: self.sees(text))

    def sees(self, text: str) -> bool:
        """Whether it stands in a message, or somewhere on a card."""
        said = [message["output"] for message in self.messages.values()]
        return any(text in words for words in [*said, *map(words_of, self.views())])

    def views(self) -> list[Json]:
        """What the cards show, the newest last."""
        cards = [one for one in self.elements.values() if one["name"] == "Card"]
        shown = [one for one in cards if one["forId"] in self.messages]
        return [one["props"]["view"] for one in shown]

    def buttons(self) -> list[Json]:
        return [button for view in self.views() for button in view["actions"]]

    def labels(self) -> set[str]:
        return {button["label"] for button in self.buttons()}

    async def _take(self, event: str, data: Any = None) -> None:
        async with self._changed:
            self.counts[event] += 1
            self._show(event, data)
            self._changed.notify_all()

    def _show(self, event: str, data: Any) -> None:
        match event:
            case "new_message" | "update_message":
                self.messages[data["id"]] = data
            case "delete_message":
                self.messages.pop(data["id"], None)
            case "element":
                self.elements[data["id"]] = data
            case "stream_start":
                self.messages[data["id"]] = data
            case "stream_token":
                self.stream(**data)
            case "window_message" | "toast" | "chat_settings" | "set_commands":
                self.events.append((event, data))
            case "first_interaction":
                self.thread_id = data["thread_id"]
            case "resume_thread":
                self.messages |= {step["id"]: step for step in data["steps"]}
                self.elements |= {element["id"]: element for element in data["elements"]}


def words_of(view: Json) -> str:
    """Everything that stands on a card."""
    return json.dumps(view, ensure_ascii=False)
