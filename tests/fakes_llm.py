"""An OpenAI-compatible server on loopback that plays a script: one entry answers one request.

Besides proper answers it sends what true servers were seen to send: streams that end early or
drip, pages, calls without ids, thoughts, refusals, wrong content types.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """A streamed text."""

    text: str
    usage: tuple[int, int] | None = (100, 10)
    """Tokens in and out, told in a last chunk of their own."""


@dataclass(frozen=True)
class Call:
    """Tool calls, all in one message: name and arguments, as data or as raw text."""

    calls: Sequence[tuple[str, Json | str]]
    usage: tuple[int, int] | None = (100, 10)
    text: str = ""
    """What is said before."""


@dataclass(frozen=True)
class Refuse:
    """An HTTP error, or any other body sent at once."""

    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """Frames as they are, each a choice's delta, a whole chunk (with `choices`) or raw text.

    Args:
        finish: The reason told at the end; None: no end is told, as when the line broke.
        pause: Seconds between frames.
        forever: The frames are repeated until the client hangs up.
        broken: The connection ends in the middle of a piece.
    """

    frames: Sequence[Json | str]
    finish: str | None = "stop"
    pause: float = 0.0
    forever: bool = False
    broken: bool = False
    after: Sequence[Json | str] = ()
    """Frames after the end was told, as the usage is."""
    content_type: str = "text/event-stream"


Entry = Say | Call | Refuse | Stream
Script = Entry | Callable[[Json], Entry]
"""A function makes its answer from the request."""


@dataclass
class ScriptedLlm:
    """Remembers every request. When the script is at its end, its last entry is repeated."""

    script: Sequence[Script]
    requests: list[Json] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    url: str = ""
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when a client left in the middle of an answer."""

    def next(self, request: Json) -> Entry:
        self.requests.append(request)
        self.times.append(time.monotonic())
        entry = self.script[min(len(self.requests), len(self.script)) - 1]
        return entry(request) if callable(entry) else entry

    def said(self) -> list[Json]:
        """The messages of the newest request."""
        messages: list[Json] = self.requests[-1]["messages"]
        return messages


@contextmanager
def playing(*script: Script) -> Iterator[ScriptedLlm]:
    """Serve the script at `url`, ending in /v1, until the block is left."""
    llm = ScriptedLlm(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            entry = llm.next(json.loads(self.rfile.read(length)))
            try:
                answer(self, entry)
            except OSError:
                llm.hung_up.set()

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
    handler.close_connection = True
    match entry:
        case Refuse():
            refuse(handler, entry)
        case Stream():
            stream(handler, entry)
        case Say():
            stream(handler, Stream(words(entry.text), after=told(entry.usage)))
        case Call():
            frames = [*words(entry.text), *made(entry.calls)]
            stream(handler, Stream(frames, "tool_calls", after=told(entry.usage)))


def refuse(handler: BaseHTTPRequestHandler, entry: Refuse) -> None:
    text = isinstance(entry.body, str)
    body = (entry.body if isinstance(entry.body, str) else json.dumps(entry.body)).encode()
    headers = {
        "Content-Type": "text/html" if text else "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    handler.send_response(entry.status)
    for name, value in (headers | entry.headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def stream(handler: BaseHTTPRequestHandler, entry: Stream) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", entry.content_type)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        for frame in entry.frames:
            send(handler, frame)
            time.sleep(entry.pause)
        if not entry.forever:
            break
    if entry.broken:
        handler.wfile.write(b"40\r\ndata: {")
        return
    if entry.finish is not None:
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": entry.finish}]}
        for frame in (end, *entry.after, "data: [DONE]\n\n"):
            send(handler, frame)
    handler.wfile.write(b"0\r\n\r\n")


def send(handler: BaseHTTPRequestHandler, frame: Json | str) -> None:
    if not isinstance(frame, str):
        whole = frame if "choices" in frame or "error" in frame else choice(frame)
        frame = f"data: {json.dumps(HEAD | whole, ensure_ascii=False)}\n\n"
    data = frame.encode()
    handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    handler.wfile.flush()


HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}


def choice(delta: Json) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def words(text: str) -> list[Json]:
    pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
    return [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]


def told(usage: tuple[int, int] | None) -> list[Json]:
    if usage is None:
        return []
    tokens = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return [{"choices": [], "usage": tokens | {"total_tokens": sum(usage)}}]


def made(calls: Sequence[tuple[str, Json | str]]) -> Iterator[Json]:
    for index, (name, arguments) in enumerate(calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        head = {"name": name, "arguments": ""}
        about = {"index": index, "id": f"call_{index}", "type": "function"}
        yield {"tool_calls": [{**about, "function": head}]}
        for at in range(0, len(text), 5):
            yield {"tool_calls": [{"index": index, "function": {"arguments": text[at : at + 5]}}]}
