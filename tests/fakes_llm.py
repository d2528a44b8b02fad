"""An OpenAI-compatible server on loopback that plays a script: one entry answers one request."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """A streamed text."""

    text: str


@dataclass(frozen=True)
class Call:
    """Tool calls, all in one message: name and arguments, as data or as raw text."""

    calls: Sequence[tuple[str, Json | str]]


@dataclass(frozen=True)
class Refuse:
    """An HTTP error."""

    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)


Entry = Say | Call | Refuse


@dataclass
class ScriptedLlm:
    """Remembers every request. When the script is at its end, its last entry is repeated."""

    script: Sequence[Entry]
    requests: list[Json] = field(default_factory=list)
    url: str = ""

    def next(self, request: Json) -> Entry:
        self.requests.append(request)
        return self.script[min(len(self.requests), len(self.script)) - 1]

    def said(self) -> list[Json]:
        """The messages of the newest request."""
        messages: list[Json] = self.requests[-1]["messages"]
        return messages


@contextmanager
def playing(*script: Entry) -> Iterator[ScriptedLlm]:
    """Serve the script at `url`, ending in /v1, until the block is left."""
    llm = ScriptedLlm(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            answer(self, llm.next(json.loads(self.rfile.read(length))))

        def log_message(self, *_: object) -> None:
            """Quiet: tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        llm.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield llm
        server.shutdown()
        thread.join()


def answer(handler: BaseHTTPRequestHandler, entry: Entry) -> None:
    if isinstance(entry, Refuse):
        return refuse(handler, entry)
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    for delta in deltas(entry):
        send(handler, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    reason = "tool_calls" if isinstance(entry, Call) else "stop"
    send(handler, {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    handler.wfile.write(b"data: [DONE]\n\n")


def refuse(handler: BaseHTTPRequestHandler, entry: Refuse) -> None:
    text = isinstance(entry.body, str)
    body = (entry.body if isinstance(entry.body, str) else json.dumps(entry.body)).encode()
    handler.send_response(entry.status)
    handler.send_header("Content-Type", "text/html" if text else "application/json")
    handler.send_header("Content-Length", str(len(body)))
    for name, value in entry.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def deltas(entry: Say | Call) -> Iterator[Json]:
    yield {"role": "assistant", "content": ""}
    if isinstance(entry, Say):
        for at in range(0, len(entry.text), 7):
            yield {"content": entry.text[at : at + 7]}
        return
    for index, (name, arguments) in enumerate(entry.calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        head = {"name": name, "arguments": ""}
        yield {
            "tool_calls": [
                {
                    "index": index,
                    "id": f"call_{index}_{id(entry)}",
                    "type": "function",
                    "function": head,
                }
            ]
        }
        for at in range(0, len(text), 5):
            yield {"tool_calls": [{"index": index, "function": {"arguments": text[at : at + 5]}}]}


def send(handler: BaseHTTPRequestHandler, content: Json) -> None:
    frame = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
    }
    handler.wfile.write(b"data: " + json.dumps(frame | content).encode() + b"\n\n")
    handler.wfile.flush()
