"""Endpoints: what is live, and that it stays so.

The records say what should be live; one thread of ours makes it true and keeps it true, after a
restart of the server as after the death of an engine.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
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
from serving.answers import Classified, Ended, Event, Generated, whole
from serving.endpoints import WANTED, Endpoints
from serving.monitor import Monitor
from serving.process import Engine
from serving.requests import check_texts, check_top_k
from serving.routes import CHAT, BaseFilesOf, EngineKey, Route, Routes, key_of, need_task, no_base
from serving.writing import PROOF, drawn, events

log = logging.getLogger(__name__)

TICK_S = 1.0
SAVE_TICKS = 5
"""Counters reach the records this often; a crash loses as much."""
CHECK_TICKS = 10
REST_AFTER_S = 300.0
MAX_WAITING = 64
"""Requests at once; more are told to come back. Answers that are being written count apart, since
they take seconds where a label takes milliseconds."""


class Supervisor:
    """
    Args:
        base_files: What a chat model is tuned on, and answers untuned under its own name.
    """

    def __init__(
        self,
        database: Database,
        storage: Storage,
        launcher: Launcher,
        bus: Bus,
        base_files: BaseFilesOf = no_base,
    ) -> None:
        self.endpoints = Endpoints(database)
        self._storage = storage
        self._launcher = launcher
        self._bus = bus
        self._monitor = Monitor()
        self._lock = threading.Lock()
        self._engines: dict[EngineKey, Engine] = {}
        self._routes = Routes(self.endpoints, storage, base_files)
        self._deploying = threading.Lock()
        self._slots = threading.BoundedSemaphore(MAX_WAITING)
        self._pool = ThreadPoolExecutor(2 * MAX_WAITING, thread_name_prefix="classify")
        self._writing = threading.BoundedSemaphore(MAX_WAITING)
        self._writers = ThreadPoolExecutor(2 * MAX_WAITING, thread_name_prefix="write")
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
        for pool in (self._pool, self._writers):
            pool.shutdown(wait=False, cancel_futures=True)
        self.endpoints.add_counts(self._monitor.take())

    def deploy(self, caller: Caller, model_ref: str, name: str) -> Endpoint:
        """Put a model live under a name and return when it answers.

        What is live under the name goes on answering until the new model is loaded, and stays if
        that fails. Deploying again what is live changes nothing.

        Raises:
            RequestRefused: Bad or taken name, unknown model, or its files cannot be served.
            ServiceFailed: The engine does not start.
        """
        self.check_name(name)
        model = self.endpoints.model(caller, model_ref)
        with self._deploying:
            row = self.endpoints.prepare(caller, model, name)
            if row.state == "live" and row.model == model.ref and self._is_up(model):
                return row
            self._announce(row)
            return self._load_and_switch(row, model)

    def check_name(self, name: str) -> str:
        """The name, where an endpoint can have it. Raises RequestRefused."""
        self._routes.check_free(check_name(name))
        return name

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
        endpoint has one version. `writing` tells how fast a chat model writes; None before it did.
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
            "task": self.endpoints.task(caller, row),
            "writing": self._monitor.writing(row.id),
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
        route = self._routes.to(caller, target)
        need_task(route, "classify")
        if not self._slots.acquire(blocking=False):
            raise too_many()
        started = time.perf_counter()
        try:
            scores = self._engine(route.engine).classify(route.artifact, wanted)
        except ThimbleError:
            self._monitor.failed(route.endpoint)
            raise
        finally:
            self._slots.release()
        latency_ms = round((time.perf_counter() - started) * 1000, 2)
        self._monitor.answered(route.endpoint, latency_ms)
        return Classified(
            route.model, [best(one, route.labels, count) for one in scores], latency_ms
        )

    async def agenerate(
        self, caller: Caller, target: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[Event, None]:
        """`generate`, off the event loop. Whoever stops listening has to close it."""
        async with aclosing(drawn(self._writers, self.generate(caller, target, asked))) as found:
            async for event in found:
                yield event

    def generate(
        self, caller: Caller, target: str, asked: Mapping[str, Any]
    ) -> Generator[Event, None, None]:
        """An answer as the model writes it: Began, Wrote…, Ended. Closing it stops the model.

        Args:
            target: Name of a live endpoint, `model@version`, or a causal base, which then answers
                untuned.
            asked: The `request` of what `serving.gateway.ask` made.

        Raises:
            RequestRefused: Nothing that can chat answers under this name, or it cannot take this.
            ServiceFailed: The engine failed, or too much is being asked at once (`too_many`).
        """
        route = self._routes.to(caller, target)
        need_task(route, CHAT)
        if not self._writing.acquire(blocking=False):
            raise too_many()
        try:
            with closing(self._written(route, asked)) as found:
                yield from found
        finally:
            self._writing.release()

    def answer(
        self, caller: Caller, target: str, asked: Mapping[str, Any], at_most: int
    ) -> Generated:
        """All of what `generate` yields, at its end.

        Args:
            at_most: Tokens; fewer where prompt and answer fill the model's context before.
        """
        try:
            return whole(self.generate(caller, target, {**asked, "max_tokens": at_most}))
        except RequestRefused as refusal:
            if (refusal.code, refusal.param) != ("prompt_too_long", "max_tokens"):
                raise
        # Left out, it is what still fits, which is less.
        return whole(self.generate(caller, target, asked))

    def _written(self, route: Route, asked: Mapping[str, Any]) -> Generator[Event, None, None]:
        """The answer, counted: an asker who left is a request and no error, a refusal neither."""
        count: Callable[[], None] = partial(self._monitor.left, route.endpoint)
        try:
            lines = self._engine(route.engine).generate(route.artifact, dict(asked))
            with closing(events(route.model, lines)) as found:
                for event in found:
                    if isinstance(event, Ended):
                        count = partial(self._monitor.wrote, route.endpoint, event)
                    yield event
        except RequestRefused:
            count = nothing
            raise
        except ServiceFailed:
            count = partial(self._monitor.failed, route.endpoint)
            raise
        finally:
            count()

    def _load_and_switch(self, row: Endpoint, model: Model) -> Endpoint:
        try:
            self._load(model)
            self._prove(model)
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

    def _load(self, model: Model) -> None:
        self._engine(key_of(model)).load(self._routes.artifact(model))

    def _prove(self, model: Model) -> None:
        """Have a chat model write one token; engines of classifiers do so when they load one."""
        if model.task == CHAT:
            lines = self._engine(key_of(model)).generate(self._routes.artifact(model), dict(PROOF))
            whole(events(model.ref, lines))

    def _fail(self, row: Endpoint, error: ThimbleError, states: tuple[str, ...]) -> None:
        """What is in one of these states cannot be live; what is in another one goes on."""
        if failed := self.endpoints.fail(row.id, error, states):
            self._changed(failed)

    def _changed(self, row: Endpoint) -> None:
        """Another model answers under a name, or none: routes and loaded models follow."""
        self._routes.forget()
        self._pin()
        self._announce(row)

    def _announce(self, row: Endpoint) -> None:
        self._bus.publish(EndpointChanged(row.name, row.state))

    def _pin(self) -> None:
        wanted = self.endpoints.wanted()
        for key, engine in list(self._engines.items()):
            engine.keep(frozenset(model.id for _, model in wanted if key_of(model) == key))

    def _state(self, caller: Caller, row: Endpoint) -> str:
        """As recorded; but what is being brought back is `starting`."""
        if row.state != "live":
            return row.state
        return "live" if self._is_up(self.endpoints.model(caller, row.model)) else "starting"

    def _is_up(self, model: Model) -> bool:
        engine = self._engines.get(key_of(model))
        return engine is not None and engine.is_up(model.id)

    def _engine(self, key: EngineKey) -> Engine:
        with self._lock:
            if key not in self._engines:
                folder = self._storage.path("jobs", key.job)
                self._engines[key] = Engine(key.kind, folder, self._launcher)
            return self._engines[key]

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
            self._load(model)
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


def nothing() -> None:
    """What is done where nothing is counted."""


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
        fix="Try again in a moment; texts to classify can go together in one request.",
    )
