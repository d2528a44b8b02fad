"""How endpoints do: requests, errors, and how long answers take."""

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

WINDOW = 1000
"""Answers that the percentiles look back on."""
RATE_S = 300.0
"""Seconds that the request rate looks back on."""


@dataclass
class Counts:
    requests: int = 0
    errors: int = 0


@dataclass
class Recent:
    """What is remembered of one endpoint."""

    unsaved: Counts = field(default_factory=Counts)
    answers: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    """When (monotonic seconds), and how long it took (ms)."""


class Monitor:
    """Counts in memory; `take` hands over what is not yet in the records."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: defaultdict[str, Recent] = defaultdict(Recent)

    def answered(self, endpoint: str, latency_ms: float) -> None:
        with self._lock:
            recent = self._recent[endpoint]
            recent.unsaved.requests += 1
            recent.answers.append((time.monotonic(), latency_ms))

    def failed(self, endpoint: str) -> None:
        with self._lock:
            recent = self._recent[endpoint]
            recent.unsaved.requests += 1
            recent.unsaved.errors += 1

    def take(self) -> dict[str, Counts]:
        """What happened since the last call, by endpoint."""
        with self._lock:
            taken = {key: one.unsaved for key, one in self._recent.items() if one.unsaved.requests}
            for key in taken:
                self._recent[key].unsaved = Counts()
        return taken

    def unsaved(self, endpoint: str) -> Counts:
        with self._lock:
            counts = self._recent[endpoint].unsaved
            return Counts(counts.requests, counts.errors)

    def latency_ms(self, endpoint: str) -> dict[str, float | None]:
        """Milliseconds that half (p50) and 19 of 20 (p95) of the last answers took at most."""
        with self._lock:
            taken = sorted(latency for _, latency in self._recent[endpoint].answers)
        return {"p50": percentile(taken, 0.50), "p95": percentile(taken, 0.95)}

    def per_minute(self, endpoint: str) -> float:
        """Answers a minute, over the last five."""
        since = time.monotonic() - RATE_S
        with self._lock:
            count = sum(at > since for at, _ in self._recent[endpoint].answers)
        return round(count * 60 / RATE_S, 2)

    def forget_latency(self, endpoint: str) -> None:
        """Another model answers from now on."""
        with self._lock:
            self._recent[endpoint].answers.clear()


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least this share of them does not exceed (nearest rank)."""
    if not ordered:
        return None
    rank = max(1, -int(-share * len(ordered) // 1))
    return round(ordered[rank - 1], 2)
