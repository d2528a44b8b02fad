"""Endpoints: what is live, and that it stays so.

The records say what should be live; one thread of ours makes it true and keeps it true, after a
restart of the server as after the death of an engine.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.errors import RequestRefused, ServiceFailed, ThimbleError
from core.events import Bus, EndpointChanged
from core.identity import Caller
from core.names import check_name
from core.records.database import Database
from core.records.tables import Endpoint, Model
from core.storage import Storage
from launchers.base import Launcher
from serving.endpoints import WANTED, Endpoints
from serving.engines.base import read_meta
from serving.monitor import Monitor
from serving.process import Artifact, Engine
from serving.requests import check_texts, check_top_k

log = logging.getLogger(__name__)

TICK_S = 1.0
SAVE_TICKS = 5
"""Counters reach the records this often; a crash loses as much."""
CHECK_TICKS = 10
REST_AFTER_S = 300.0
MAX_WAITING = 64
"""Requests at once; more are told to come back."""


@dataclass(frozen=True)
class Route:
    """Where a question goes."""

    endpoint: str | None
    """Id of its record; None when a model version was asked directly."""
    model: str
    engine: str
    artifact: Artifact
    labels: list[str]


@dataclass(frozen=True)
class Classified:
    """Answers of one model."""

    model: str
    """The version that answered, such as `banking77@1`."""
    answers: list[list[tuple[str, float]]]
    """For each text the likeliest labels with their probabilities, best first."""
    latency_ms: float


class Supervisor:
    def __init__(self, database: Database, storage: Storage, launcher: Launcher, bus: Bus) -> None:
        self.endpoints = Endpoints(database)
        self._storage = storage
        self._launcher = launcher
        self._bus = bus
        self._monitor = Monitor()
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}
        self._routes: dict[tuple[str, str, str], Route] = {}
        self._routes_age = 0
        """Counts changes, so that a route read before one is not kept after it."""
        self._deploying = threading.Lock()
        self._slots = threading.BoundedSemaphore(MAX_WAITING)
        self._pool = ThreadPoolExecutor(2 * MAX_WAITING, thread_name_prefix="classify")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="endpoints", daemon=True)

    def start(self) -> None:
        """Bring back what was live, in the background, and keep it so until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the engines; the records keep what should be live."""
        self._ending.set()
        self._close_engines()  # which ends what the thread may wait for
        if self._thread.is_alive():
            self._thread.join()
        self._close_engines()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.endpoints.add_counts(self._monitor.take())

    def deploy(self, caller: Caller, model_ref: str, name: str) -> Endpoint:
        """Put a model live under a name and return when it answers.

        What is live under the name goes on answering until the new model is loaded, and stays if
        that fails. Deploying again what is live changes nothing.

        Raises:
            RequestRefused: Bad name, unknown model, or its files cannot be served.
            ServiceFailed: The engine does not start.
        """
        check_name(name)
        model = self.endpoints.model(caller, model_ref)
        with self._deploying:
            row = self.endpoints.prepare(caller, model, name)
            if row.state == "live" and row.model == model.ref and self._is_up(model):
                return row
            self._announce(row)
            return self._load_and_switch(row, model)

    def stop_endpoint(self, caller: Caller, name: str) -> Endpoint:
        """Stop answering under a name. Requests that are being answered get their answer."""
        row = self.endpoints.stop(caller, name)
        self._save()  # its counts belong to this life; the next one starts at 0
        self._changed(row)
        return row

    def list(self, caller: Caller) -> list[Endpoint]:
        """Endpoints that are not stopped, oldest first."""
        return self.endpoints.all(caller)

    def status(self, caller: Caller, name: str) -> dict[str, Any]:
        """How an endpoint does: from the records, and what was not yet written to them.

        `traffic` is the percentage of requests that `version` answers: all or none, since an
        endpoint has one version.
        """
        row = self.endpoints.get(caller, name)
        unsaved = self._monitor.unsaved(row.id)
        state = self._state(caller, row)
        return {
            "endpoint": row.name,
            "model": row.model,
            "version": row.model,
            "traffic": 100 if state == "live" else 0,
            "state": state,
            "requests": row.requests + unsaved.requests,
            "errors": row.errors + unsaved.errors,
            "requests_per_minute": self._monitor.per_minute(row.id),
            "latency_ms": self._monitor.latency_ms(row.id),
            "since": row.live_at,
            "error": row.error,
        }

    def healthy(self) -> bool:
        """Whether every endpoint that was live answers; one may be starting for the first time."""
        wanted = self.endpoints.wanted()
        return all(self._is_up(model) for row, model in wanted if row.state == "live")

    async def aclassify(
        self, caller: Caller, target: str, texts: Any, top_k: Any = 1
    ) -> Classified:
        """`classify`, off the event loop."""
        work = partial(self.classify, caller, target, texts, top_k)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def classify(self, caller: Caller, target: str, texts: Any, top_k: Any = 1) -> Classified:
        """The likeliest labels of one text or several.

        Args:
            target: Name of a live endpoint, or `model@version`.
            texts: A text or a list of at most 256, each of at most 32,000 characters.

        Raises:
            RequestRefused: Wrong texts, or nothing answers under this name.
            ServiceFailed: The engine failed, or too much is being asked at once (`too_many`).
        """
        wanted, count = check_texts(texts), check_top_k(top_k)
        route = self._route(caller, target)
        if not self._slots.acquire(blocking=False):
            raise too_many()
        started = time.perf_counter()
        try:
            scores = self._engine(route.engine).classify(route.artifact, wanted)
        except ThimbleError:
            if route.endpoint is not None:
                self._monitor.failed(route.endpoint)
            raise
        finally:
            self._slots.release()
        latency_ms = round((time.perf_counter() - started) * 1000, 2)
        if route.endpoint is not None:
            self._monitor.answered(route.endpoint, latency_ms)
        return Classified(
            route.model, [best(one, route.labels, count) for one in scores], latency_ms
        )

    def _route(self, caller: Caller, target: str) -> Route:
        key, age = (caller.user, caller.project, target), self._routes_age
        if route := self._routes.get(key):
            return route
        endpoint, model = self.endpoints.resolve(caller, target)
        artifact = self._artifact(model)
        labels = read_meta(artifact.folder)["labels"]
        route = Route(endpoint, model.ref, model.engine, artifact, labels)
        with self._lock:
            if endpoint is not None and age == self._routes_age:
                self._routes[key] = route
        return route

    def _load_and_switch(self, row: Endpoint, model: Model) -> Endpoint:
        try:
            self._engine(model.engine).load(self._artifact(model))
        except ThimbleError as error:
            self._fail(row, error, ("starting",))
            raise
        if row.model != model.ref:
            self._monitor.forget_latency(row.id)
        live = self.endpoints.go_live(row.id, model.ref)
        self._changed(live)
        if live.state != "live":
            raise RequestRefused(f"{row.name} was stopped while it started.", code="stopped")
        return live

    def _fail(self, row: Endpoint, error: ThimbleError, states: tuple[str, ...]) -> None:
        """What is in one of these states cannot be live; what is in another one goes on."""
        if failed := self.endpoints.fail(row.id, error, states):
            self._changed(failed)

    def _changed(self, row: Endpoint) -> None:
        """Another model answers under a name, or none: routes and loaded models follow."""
        with self._lock:
            self._routes_age += 1
            self._routes.clear()
        self._pin()
        self._announce(row)

    def _announce(self, row: Endpoint) -> None:
        self._bus.publish(EndpointChanged(row.name, row.state))

    def _pin(self) -> None:
        wanted = self.endpoints.wanted()
        for engine in list(self._engines.values()):
            engine.keep(frozenset(m.id for _, m in wanted if m.engine == engine.kind))

    def _state(self, caller: Caller, row: Endpoint) -> str:
        """As recorded; but what is being brought back is `starting`."""
        if row.state != "live":
            return row.state
        return "live" if self._is_up(self.endpoints.model(caller, row.model)) else "starting"

    def _is_up(self, model: Model) -> bool:
        engine = self._engines.get(model.engine)
        return engine is not None and engine.is_up(model.id)

    def _engine(self, kind: str) -> Engine:
        with self._lock:
            if kind not in self._engines:
                folder = self._storage.path("jobs", f"engine-{kind}")
                self._engines[kind] = Engine(kind, folder, self._launcher)
            return self._engines[kind]

    def _artifact(self, model: Model) -> Artifact:
        folder = self._storage.home / model.folder
        return Artifact(model.id, folder, model.passport.get("files", {}))

    def _close_engines(self) -> None:
        for engine in list(self._engines.values()):
            engine.close()

    # What the thread does

    def _keep(self) -> None:
        ticks = 0
        while True:
            attempt(self._restore)
            if ticks % SAVE_TICKS == 0:
                attempt(self._save)
            if ticks % CHECK_TICKS == 0:
                attempt(self._check)
            if self._ending.wait(TICK_S):
                return
            ticks += 1

    def _restore(self) -> None:
        for row, model in self.endpoints.wanted():
            if not self._is_up(model) and not self._ending.is_set():
                self._bring_back(row.id, model.ref)

    def _bring_back(self, identifier: str, model_ref: str) -> None:
        """What was interrupted while it started is finished; what was live is live again."""
        with self._deploying:
            # Looked up again: whoever held the lock may have changed it.
            for row, model in self.endpoints.wanted():
                if (row.id, model.ref) == (identifier, model_ref) and not self._is_up(model):
                    self._bring_back_now(row, model)

    def _bring_back_now(self, row: Endpoint, model: Model) -> None:
        try:
            self._engine(model.engine).load(self._artifact(model))
        except RequestRefused as error:
            log.error("endpoint %s cannot be served: %s", row.name, error)
            self._fail(row, error, WANTED)
        except ServiceFailed as error:
            log.warning("endpoint %s is not back yet: %s", row.name, error)
        else:
            if row.state == "starting":
                row = self.endpoints.go_live(row.id, model.ref)
            self._changed(row)

    def _save(self) -> None:
        self.endpoints.add_counts(self._monitor.take())

    def _check(self) -> None:
        for engine in list(self._engines.values()):
            engine.check()
            engine.rest(REST_AFTER_S)


def attempt(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # edge: the thread that keeps endpoints alive must itself live
        log.exception("keeping endpoints alive failed for now")


def best(scores_C: list[float], labels: list[str], count: int) -> list[tuple[str, float]]:
    """The `count` likeliest labels, best first; equal ones in the order of their names."""
    order = sorted(range(len(labels)), key=lambda index: -scores_C[index])
    return [(labels[index], round(scores_C[index], 6)) for index in order[:count]]


def too_many() -> ServiceFailed:
    return ServiceFailed(
        f"{MAX_WAITING} requests are being answered already.",
        code="too_many",
        fix="Try again in a moment, or send several texts in one request.",
    )
