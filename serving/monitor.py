"""How endpoints do: requests, errors, and how long answers take."""

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from serving.answers import Ended

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
    written: deque[Ended] = field(default_factory=lambda: deque(maxlen=WINDOW))


class Monitor:
    """Counts in memory; `take` hands over what is not yet in the records.

    What was asked of a model directly, past any endpoint (None), is not counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: defaultdict[str, Recent] = defaultdict(Recent)

    def answered(self, endpoint: str | None, latency_ms: float) -> None:
        self._count(endpoint, latency_ms=latency_ms)

    def wrote(self, endpoint: str | None, ended: Ended) -> None:
        self._count(endpoint, latency_ms=ended.latency_ms, ended=ended)

    def left(self, endpoint: str | None) -> None:
        """Whoever asked did not wait for the end: a request, but neither an error nor a time."""
        self._count(endpoint)

    def failed(self, endpoint: str | None) -> None:
        self._count(endpoint, errors=1)

    def _count(
        self,
        endpoint: str | None,
        *,
        errors: int = 0,
        latency_ms: float | None = None,
        ended: Ended | None = None,
    ) -> None:
        if endpoint is None:
            return
        with self._lock:
            recent = self._recent[endpoint]
            recent.unsaved.requests += 1
            recent.unsaved.errors += errors
            if latency_ms is not None:
                recent.answers.append((time.monotonic(), latency_ms))
            if ended is not None:
                recent.written.append(ended)

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
            taken = [latency for _, latency in self._recent[endpoint].answers]
        return halves(taken)

    def writing(self, endpoint: str) -> dict[str, Any] | None:
        """How the last answers were written; None where none was.

        `tokens_per_s`: what half of them reached at least, after their first token. `ttft_ms`:
        milliseconds to the first token. Tokens are means over the answers.
        """
        with self._lock:
            written = list(self._recent[endpoint].written)
        if not written:
            return None
        speeds = sorted(speed for one in written if (speed := one.tokens_per_s))
        return {
            "tokens_per_s": percentile(speeds, 0.50),
            "ttft_ms": halves([one.ttft_ms for one in written]),
            "prompt_tokens": round(sum(one.prompt_tokens for one in written) / len(written), 1),
            "completion_tokens": round(
                sum(one.completion_tokens for one in written) / len(written), 1
            ),
        }

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
            self._recent[endpoint].written.clear()


def halves(values: list[float]) -> dict[str, float | None]:
    """The value that half of them do not exceed, and the one that 19 of 20 do not."""
    ordered = sorted(values)
    return {"p50": percentile(ordered, 0.50), "p95": percentile(ordered, 0.95)}


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least this share of them does not exceed (nearest rank)."""
    if not ordered:
        return None
    rank = max(1, -int(-share * len(ordered) // 1))
    return round(ordered[rank - 1], 2)
