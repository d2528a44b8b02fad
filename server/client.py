"""Thimble from Python: `connect()` finds the running server of a home and speaks to it.

from server.client import connect

thimble = connect()
file_id = thimble.upload("tickets.csv")
thimble.call("create_dataset", name="tickets", file_id=file_id)
asked = thimble.call("start_finetune", dataset="tickets")   # waits for approval
run = thimble.approve(asked["approval"]["id"])
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from core import settings
from core.errors import RequestRefused, ServiceFailed, ThimbleError
from core.home import TOKEN_FILE, running_server

TIMEOUT_S = 600.0
"""An approval answers when what it runs has started, a deployment when it is live."""


class Client:
    """A connection to one server. Every method raises RequestRefused for what the server refuses
    and ServiceFailed for what fails."""

    def __init__(self, url: str, key: str | None = None, token: str | None = None) -> None:
        """
        Args:
            url: Such as `http://127.0.0.1:8000`.
            key: The API key, where the server has one.
            token: The owner's token; needed to approve.
        """
        self.url = url
        self._token = token
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)

    def upload(self, path: str | Path, purpose: str = "user_data") -> str:
        """Upload a file and return its id."""
        path = Path(path)
        try:
            file = path.open("rb")
        except OSError as error:
            raise RequestRefused(
                f"{str(path)!r} cannot be read: {error.strerror}.",
                code="no_such_file",
                param="file",
            ) from None
        with file:
            form = {"file": (path.name, file)}
            return str(self._send("POST", "/v1/files", files=form, data={"purpose": purpose})["id"])

    def download(self, file_id: str) -> bytes:
        with self._reaching():
            response = self._http.get(f"/v1/files/{file_id}/content")
        if response.is_error:
            raise error_of(response)
        return response.content

    def tools(self) -> list[dict[str, Any]]:
        """The catalogue: name, description, effect and parameters of each tool."""
        found: list[dict[str, Any]] = self._send("GET", "/api/tools")["tools"]
        return found

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        approval_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Call a tool. Its result, or `{"approval": {…}}` when a person has to decide first.

        Args:
            arguments: The tool's arguments; they can be given by keyword as well.
            approval_id: An approval of this very call: returns what came of it.
        """
        body: dict[str, Any] = {"arguments": {**(arguments or {}), **more}}
        if approval_id is not None:
            body["approval_id"] = approval_id
        answer = self._send("POST", f"/api/tools/{tool}", json=body)
        result: dict[str, Any] = answer.get("result", answer)
        return result

    def approvals(self) -> list[dict[str, Any]]:
        """What waits for a decision."""
        found: list[dict[str, Any]] = self._send("GET", "/api/approvals")["approvals"]
        return found

    def approval(self, approval_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._send("GET", f"/api/approvals/{approval_id}")["approval"]
        return found

    def approve(self, approval_id: str) -> dict[str, Any]:
        """Approve, as the owner of this home, and return the approval with its result.

        A quote that is still being measured is waited for.
        """
        while self.approval(approval_id)["state"] == "measuring":
            time.sleep(0.5)
        return self._decide(approval_id, "approve")

    def reject(self, approval_id: str) -> dict[str, Any]:
        return self._decide(approval_id, "reject")

    def run_approved(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool that needs approval, approve it, and return the tool's result."""
        answer = self.call(tool, arguments)
        if "approval" not in answer:
            return answer
        decided = self.approve(answer["approval"]["id"])
        if decided["error"]:
            raise error_in(decided["error"])
        result: dict[str, Any] = decided["result"]
        return result

    def wait(self, run: str = "last", poll_s: float = 1.0) -> dict[str, Any]:
        """Wait until a run has ended and return its status."""
        while True:
            status = self.call("run_status", run=run)
            if status["state"] not in ("queued", "running"):
                return status
            time.sleep(poll_s)

    def classify(self, model: str, text: str | list[str], top_k: int = 1) -> dict[str, Any]:
        """Labels with scores, as `POST /v1/classify` gives them."""
        return self._send(
            "POST", "/v1/classify", json={"model": model, "input": text, "top_k": top_k}
        )

    def complete(
        self, model: str, messages: str | list[dict[str, Any]], **options: Any
    ) -> dict[str, Any]:
        """A chat model's answer, as `POST /v1/chat/completions` gives it.

        Args:
            model: A live endpoint, `model@version`, or a causal base as it is.
            messages: A conversation, or the one text that a user says.
            options: Such as max_tokens, temperature, top_p, seed and stop.
        """
        body = {"model": model, "messages": conversation(messages), **options}
        return self._send("POST", "/v1/chat/completions", json=body)

    def complete_streamed(
        self, model: str, messages: str | list[dict[str, Any]], **options: Any
    ) -> Iterator[str]:
        """`complete`, as pieces of text while they are written. Closing it stops the model."""
        body = {"model": model, "messages": conversation(messages), "stream": True, **options}
        for data in self._events("/v1/chat/completions", body):
            if data == "[DONE]":
                return
            chunk = json.loads(data)
            if "error" in chunk:
                raise error_in(chunk["error"])
            for choice in chunk["choices"]:
                yield choice["delta"].get("content") or ""

    def where_text_goes(self, language: str = "en") -> str:
        """Who reads what is said in the chat, and where: one sentence, in en or zh."""
        return str(self._send("GET", f"/api/chat?language={language}")["where_text_goes"])

    def chat(
        self,
        thread_id: str,
        text: str,
        files: list[str] | None = None,
        language: str | None = None,
        page_language: str = "en",
    ) -> Iterator[dict[str, Any]]:
        """Say something in a thread; yields the events of the answer as they come.

        Args:
            language: Of all that is said: en or zh. It wins over the saved choice.
            page_language: Of the cards, where neither is there. Words are then answered in the
                language they are in.
        """
        body = {"thread_id": thread_id, "text": text, "files": files or []}
        body |= {"language": language} if language else {"page_language": page_language}
        for data in self._events("/api/chat", body, self._as_owner()):
            yield json.loads(data)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise ServiceFailed(
                f"{self.url} does not answer ({type(error).__name__}).",
                code="no_server",
                fix="Start it with `make chat` or `thimble serve`.",
            ) from error

    def _decide(self, approval_id: str, decision: str) -> dict[str, Any]:
        answer = self._send(
            "POST",
            f"/api/approvals/{approval_id}",
            json={"decision": decision},
            headers=self._as_owner(),
        )
        approval: dict[str, Any] = answer["approval"]
        return approval

    def _events(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """The data of the server-sent events that answer a request."""
        with (
            self._reaching(),
            self._http.stream("POST", path, json=body, headers=headers) as response,
        ):
            if response.is_error:
                response.read()
                raise error_of(response)
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield line.removeprefix("data: ")

    def _as_owner(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        with self._reaching():
            response = self._http.request(method, path, **options)
        if response.is_error:
            raise error_of(response)
        found: dict[str, Any] = response.json()
        return found


def connect(home: str | Path | None = None) -> Client:
    """A client of the server that runs on a home, with the owner's rights.

    Args:
        home: Default: THIMBLE_HOME, or `~/.thimble`.

    Raises SettingsError: no server runs there.
    """
    read = settings.read(os.environ if home is None else {**os.environ, "THIMBLE_HOME": str(home)})
    url = running_server(read.home)
    token = read.home / TOKEN_FILE
    return Client(url, read.api_key, token.read_text().strip() if token.exists() else None)


def conversation(said: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": said}] if isinstance(said, str) else said


def error_of(response: httpx.Response) -> ThimbleError:
    try:
        return error_in(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return ServiceFailed(f"The server answered {response.status_code} without a reason.")


def error_in(error: Mapping[str, Any]) -> ThimbleError:
    """The server's error as the exception that it was there."""
    kind = ServiceFailed if error.get("type") == "ServiceFailed" else RequestRefused
    return kind(
        str(error["message"]),
        code=str(error.get("code") or ""),
        param=error.get("param"),
        fix=error.get("fix"),
    )
