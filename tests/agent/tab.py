"""A browser tab of the chat without a browser: it logs in, talks and presses buttons."""

import asyncio
import uuid
from collections import defaultdict
from typing import Any, Self

import httpx
import socketio

Json = dict[str, Any]
WAIT_S = 60.0


class Tab:
    """Use it as an async context manager; `messages` holds what the page would show."""

    def __init__(self, url: str, thread_id: str = "", session_id: str | None = None) -> None:
        self.url = url
        self.thread_id = thread_id
        self.session_id = session_id or str(uuid.uuid4())
        self.http = httpx.AsyncClient(base_url=url, timeout=WAIT_S)
        self.socket = socketio.AsyncClient(reconnection=False)
        self.messages: dict[str, Json] = {}
        self.elements: dict[str, Json] = {}
        self.buttons: dict[str, Json] = {}
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
            headers={"Cookie": "; ".join(f"{k}={v}" for k, v in self.http.cookies.items())},
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
        message = {
            "id": str(uuid.uuid4()),
            "name": "You",
            "type": "user_message",
            "output": text,
            "createdAt": "",
        }
        references = [{"id": identifier} for identifier in file_ids]
        await self.socket.emit("client_message", {"message": message, "fileReferences": references})
        await self.until(lambda: self.counts["task_end"] >= over)

    async def upload(self, name: str, content: bytes, mime: str = "text/csv") -> httpx.Response:
        return await self.http.post(
            f"/chat/project/file?session_id={self.session_id}",
            files={"file": (name, content, mime)},
        )

    async def press(self, label: str) -> httpx.Response:
        """Press the newest button with this label."""
        found = [button for button in self.buttons.values() if button["label"] == label]
        return await self.http.post(
            "/chat/project/action", json={"sessionId": self.session_id, "action": found[-1]}
        )

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(true)

    async def until_seen(self, text: str) -> None:
        await self.until(lambda: self.sees(text))

    def sees(self, text: str) -> bool:
        return any(text in message["output"] for message in self.messages.values())

    def labels(self) -> set[str]:
        return {button["label"] for button in self.buttons.values()}

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
            case "action":
                self.buttons[data["id"]] = data
            case "remove_action":
                self.buttons.pop(data["id"], None)
            case "first_interaction":
                self.thread_id = data["thread_id"]
            case "resume_thread":
                self.messages |= {step["id"]: step for step in data["steps"]}
                self.elements |= {element["id"]: element for element in data["elements"]}
