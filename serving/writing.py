"""From the lines of an engine that writes to the events of an answer, in a thread or out of it."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import Executor
from typing import Any

from core.errors import ServiceFailed
from serving.answers import Began, Ended, Event, Wrote

PROOF = {
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 1,
    "temperature": 0.0,
}
"""One token of it shows that a model's template, base and adapter work together."""


def events(model: str, lines: Iterator[dict[str, Any]]) -> Generator[Event, None, None]:
    """What an engine's lines mean. Nothing comes before its first line, which may be an error.

    Raises ServiceFailed: the engine stopped in the middle.
    """
    started = time.perf_counter()
    try:
        for number, line in enumerate(lines):
            if number == 0:
                yield Began(model)
            if line.get("text"):
                yield Wrote(line["text"])
            if "finish_reason" in line:
                yield ended(line, started)
                return
    finally:
        close(lines)
    raise ServiceFailed(
        "The model stopped in the middle of its answer.",
        code="engine_error",
        fix="Try again; the engine's log may say why.",
    )


def ended(line: dict[str, Any], started: float) -> Ended:
    return Ended(
        finish_reason=line["finish_reason"],
        prompt_tokens=line["usage"]["prompt_tokens"],
        completion_tokens=line["usage"]["completion_tokens"],
        ttft_ms=round(line["ttft_ms"], 2),
        latency_ms=round((time.perf_counter() - started) * 1000, 2),
    )


def close(lines: Iterator[dict[str, Any]]) -> None:
    """Tell the engine that nobody listens any more; after the last line it does nothing."""
    if isinstance(lines, Generator):
        lines.close()


async def drawn(pool: Executor, found: Generator[Event, None, None]) -> AsyncGenerator[Event, None]:
    """The same events, made by a thread of the pool; closing this closes `found` at its next."""
    coming: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
    loop, left = asyncio.get_running_loop(), threading.Event()

    def tell(what: Event | BaseException | None) -> None:
        loop.call_soon_threadsafe(coming.put_nowait, what)

    def draw() -> None:
        try:
            for event in found:
                if left.is_set():
                    break
                tell(event)
            tell(None)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody listens
            tell(error)
        finally:
            found.close()

    pool.submit(draw)
    try:
        while (event := await coming.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        left.set()
