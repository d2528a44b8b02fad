"""The answers on their way: one at a time in a thread, and each can be stopped."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from weakref import WeakValueDictionary


class Turns:
    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, thread_id: str, turn: Coroutine[Any, Any, Any]) -> bool:
        """Run the turn, after those of the thread before it; whether it was stopped.

        Raises CancelledError when it is not the turn that ends, but the whole process.
        """
        lock = self._locks.setdefault(thread_id, asyncio.Lock())
        async with lock:
            task = asyncio.create_task(turn)
            self._running[thread_id] = task
            try:
                await task
            except asyncio.CancelledError:
                if ends_all():
                    raise
                return True
            finally:
                del self._running[thread_id]
        return False

    def is_running(self, thread_id: str) -> bool:
        return thread_id in self._running

    def stop(self, thread_id: str) -> None:
        """Break off the thread's turn, if there is one."""
        task = self._running.get(thread_id)
        if task is not None:
            task.cancel()


def ends_all() -> bool:
    """Whether the one who waits is cancelled itself."""
    waiting = asyncio.current_task()
    return waiting is not None and waiting.cancelling() > 0
