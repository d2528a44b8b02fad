"""What rooms tell each other: one in-process bus, with topics as data classes.

A publisher never waits for and never fails by a subscriber: what must not be lost is in the
records, the bus only says that it is worth looking.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunChanged:
    """A run made progress or ended; read it from the records."""

    run_id: str
    ended: bool = False


@dataclass(frozen=True)
class QuoteReady:
    """A quote left the state `measuring`."""

    quote_id: str


@dataclass(frozen=True)
class ApprovalChanged:
    """An approval was asked for, became decidable, or was decided."""

    approval_id: str
    state: str
    thread_id: str | None = None


@dataclass(frozen=True)
class EndpointChanged:
    endpoint: str
    state: str


Event = RunChanged | QuoteReady | ApprovalChanged | EndpointChanged
Subscriber = Callable[[Any], None]


class Bus:
    """Calls subscribers in the publisher's thread, one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber(event)` for every event from now on; returns how to stop it."""
        with self._lock:
            self._subscribers.append(subscriber)
        return lambda: self._remove(subscriber)

    def publish(self, event: Event) -> None:
        with self._lock:
            listeners = list(self._subscribers)
        for listener in listeners:
            try:
                listener(event)
            except Exception:  # edge: one listener's fault must not reach the publisher
                log.exception("a listener failed on %s", event)

    def _remove(self, subscriber: Subscriber) -> None:
        with self._lock:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)
