"""One engine's process: started when needed, started again when it dies, and what it has loaded.

A question that meets a dying process is asked once more of the next one; classifying twice does no
harm. An answer that breaks off after its first words fails instead: they were read already. Models
are loaded when they are first asked, so a new process needs no ceremony.
"""

import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ServiceFailed
from core.job import ADDRESS_FILE, JOB_FILE, Job, JobState, read_json, write_json
from launchers.base import Launcher
from serving.wire import LOAD_TIMEOUT_S, EngineGone, NotLoaded, Wire, rebuilt

TRIES = 2
"""Processes that one question may meet."""
HEALTH_TIMEOUT_S = 20.0
"""It answers between the requests that wait, so a busy one takes a while."""
START_TIMEOUT_S = 120.0
POLL_S = 0.02
RESTARTS, RESTARTS_S = 5, 60.0
"""As many starts in so many seconds, and the next has to wait: something is broken for good."""
VISITORS = 2
"""Models kept loaded that no endpoint uses: they were asked by name."""


@dataclass(frozen=True)
class BaseFiles:
    """The base model that an adapter belongs to."""

    name: str
    folder: Path
    sha256: str
    """What adapters name it by; one that names another is not loaded."""
    files: Mapping[str, str] = field(default_factory=dict)
    """File to its hash; a changed one is not loaded."""


@dataclass(frozen=True)
class Artifact:
    """A model as an engine sees it."""

    id: str
    folder: Path | None
    """None is the base itself, untuned."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """File to the hash that it had when training ended; a changed one is not loaded."""
    base: BaseFiles | None = None
    """For engines that hold many adapters on one base."""

    def as_request(self) -> dict[str, Any]:
        return {
            "folder": None if self.folder is None else str(self.folder),
            "sha256": dict(self.sha256),
            "base": self.base and asdict(self.base) | {"folder": str(self.base.folder)},
        }


class Engine:
    """The process of one kind of engine. Any thread may use it.

    Args:
        kind: A module of `serving.engines`.
        folder: Of its service; what an earlier server left there is removed.
    """

    def __init__(self, kind: str, folder: Path, launcher: Launcher) -> None:
        self.kind = kind
        self._folder = folder
        self._launcher = launcher
        self._lock = threading.RLock()
        """Held while a process starts or a model loads; answering goes on without it."""
        self._counting = threading.Lock()
        self._job: Job | None = None
        self._wire: Wire | None = None
        self._loaded: dict[str, float] = {}
        """Model to when it was last asked (monotonic seconds)."""
        self._using: Counter[str] = Counter()
        self._pinned: frozenset[str] = frozenset()
        self._attempt = 0
        self._starts: list[float] = []
        self._closed = False

    def classify(self, artifact: Artifact, texts: list[str]) -> list[list[float]]:
        """For each text a probability for each label.

        Raises:
            RequestRefused: The model cannot be loaded.
            ServiceFailed: The engine cannot be started, or died under this question each time.
        """
        with self._in_use(artifact.id):
            for _ in range(TRIES):
                try:
                    return self._ask(artifact, texts)
                except (EngineGone, NotLoaded):
                    continue
        raise self._lost_at_work()

    def generate(self, artifact: Artifact, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """An answer in pieces: {"text"} …, then {"finish_reason", "usage", "ttft_ms"}.

        Nothing happens until the first piece is asked for; errors come from there. Closing the
        iterator ends the answer, also in the engine.

        Args:
            request: `messages` (and `tools`) or `prompt`, with `max_tokens`, `temperature`,
                `top_p`, `seed` and `stop`, as `serving.engines.torch_lm` takes them.

        Raises:
            RequestRefused: The model cannot be loaded, or the request is wrong.
            ServiceFailed: The engine cannot be started, is full (`too_many`), or ended in the
                middle of the answer (`engine_lost`).
        """
        with self._in_use(artifact.id):
            for _ in range(TRIES):
                told = False
                try:
                    for event in self._stream(artifact, request):
                        told = True
                        yield event
                    return
                except (EngineGone, NotLoaded):
                    if told:
                        raise self._broken_off() from None
        raise self._lost_at_work()

    def load(self, artifact: Artifact) -> None:
        """Have it loaded, by a process that lives; raises what `classify` does."""
        self._notice_death()
        for _ in range(TRIES):
            try:
                self._ready(artifact)
                return
            except EngineGone:
                continue
        raise ServiceFailed(
            f"The engine {self.kind!r} ended {TRIES} times while it loaded {artifact.id}.",
            code="engine_lost",
            fix="Perhaps memory is short: see what else runs on this machine.",
        )

    def keep(self, pinned: frozenset[str]) -> None:
        """From now on only these models stay loaded, and a few that were asked lately."""
        self._pinned = pinned
        self._make_room()

    def check(self, timeout_s: float = HEALTH_TIMEOUT_S) -> None:
        """Find out whether it works by letting each model answer; a process that does not goes."""
        wire = self._wire
        if wire is None:
            return
        try:
            wire.ask("GET", "/healthz", timeout_s=timeout_s)
        except (EngineGone, ServiceFailed):
            self._lost(wire)

    def is_up(self, model: str) -> bool:
        """Whether the process lives and holds this model."""
        alive = self._job is not None and not self._launcher.state(self._job).state.ended
        return alive and self._wire is not None and model in self._loaded

    def rest(self, after_s: float) -> None:
        """End the process when no endpoint needs it and nobody has asked it for so long."""
        with self._lock:
            asked = max(self._loaded.values(), default=0.0)
            idle = not self._pinned and time.monotonic() - asked > after_s
            if idle and not any(self._using.values()):
                self._end_process()

    def close(self) -> None:
        """End it; it will not start again."""
        self._closed = True  # before the lock: it ends the wait of whoever holds it
        with self._lock:
            self._end_process()

    def _ask(self, artifact: Artifact, texts: list[str]) -> list[list[float]]:
        wire = self._ready(artifact)
        try:
            answer = wire.ask("POST", f"/models/{artifact.id}/classify", {"texts": texts})
        except EngineGone:
            self._lost(wire)
            raise
        except NotLoaded:
            self._loaded.pop(artifact.id, None)
            raise
        scores: list[list[float]] = answer["scores"]
        return scores

    def _stream(self, artifact: Artifact, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        wire = self._ready(artifact)
        ended = False
        try:
            for event in wire.stream(f"/models/{artifact.id}/generate", dict(request)):
                if "error" in event:
                    raise rebuilt(event["error"])
                ended = "finish_reason" in event
                yield event
        except EngineGone:
            self._lost(wire)
            raise
        except NotLoaded:
            self._loaded.pop(artifact.id, None)
            raise
        if not ended:
            raise EngineGone("the answer has no end")

    def _lost_at_work(self) -> ServiceFailed:
        return ServiceFailed(
            f"The engine {self.kind!r} ended {TRIES} times while it worked on this.",
            code="engine_lost",
            fix="Try again with fewer or shorter texts; the engine's log may say why.",
        )

    def _broken_off(self) -> ServiceFailed:
        return ServiceFailed(
            f"The engine {self.kind!r} ended in the middle of this answer.",
            code="engine_lost",
            fix="Ask again; the engine's log may say why.",
        )

    def _ready(self, artifact: Artifact) -> Wire:
        wire = self._wire
        if wire is None or artifact.id not in self._loaded:
            with self._lock:
                wire = self._wire or self._start()
                if artifact.id not in self._loaded:
                    self._load(wire, artifact)
        self._loaded[artifact.id] = time.monotonic()
        return wire

    def _load(self, wire: Wire, artifact: Artifact) -> None:
        try:
            wire.ask("POST", f"/models/{artifact.id}", artifact.as_request(), LOAD_TIMEOUT_S)
        except EngineGone:
            self._lost(wire)
            raise
        self._loaded[artifact.id] = time.monotonic()
        self._make_room()

    def _notice_death(self) -> None:
        wire, job = self._wire, self._job
        if wire is not None and job is not None and self._launcher.state(job).state.ended:
            self._lost(wire)

    def _lost(self, wire: Wire) -> None:
        """This process does not answer; whoever asks next starts another."""
        with self._lock:
            if self._wire is wire:
                self._end_process()

    def _end_process(self) -> None:
        if self._wire is not None:
            self._wire.close()
        if self._job is not None:
            self._launcher.cancel(self._job)
            remove_socket(self._job.folder)
        self._wire, self._job = None, None
        self._loaded.clear()

    def _start(self) -> Wire:
        self._refuse_storm()
        if self._attempt == 0:
            shutil.rmtree(self._folder, ignore_errors=True)
        job = self._next_job()
        job.folder.mkdir(parents=True, exist_ok=True)
        spec = {"engine": self.kind, "threads": 1, "workers": self._launcher.capacity.cpus}
        write_json(job.folder / JOB_FILE, spec)
        self._launcher.submit(job)
        self._job = job
        self._wire = Wire(self._wait_for_address(job))
        return self._wire

    def _next_job(self) -> Job:
        """An attempt that the launcher has not seen, also when it knew an earlier one of us."""
        while True:
            self._attempt += 1
            job = Job(
                id=self._folder.name,
                argv=(sys.executable, "-m", "serving.engines", str(self._folder)),
                folder=self._folder,
                attempt=self._attempt,
                service=True,
            )
            if self._launcher.state(job).state is JobState.LOST:
                return job

    def _refuse_storm(self) -> None:
        now = time.monotonic()
        self._starts = [at for at in self._starts if now - at < RESTARTS_S]
        if self._closed or len(self._starts) >= RESTARTS:
            raise ServiceFailed(
                f"The engine {self.kind!r} is being shut down."
                if self._closed
                else f"The engine {self.kind!r} ended {RESTARTS} times in a minute.",
                code="engine_down",
                fix="Try again in a minute; the engine's log may say why.",
            )
        self._starts.append(now)

    def _wait_for_address(self, job: Job) -> str:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and not self._closed:
            if address := read_json(job.folder / ADDRESS_FILE):
                return str(address["socket"])
            if self._launcher.state(job).state is not JobState.RUNNING:
                break
            time.sleep(POLL_S)
        log = self._launcher.logs(job, lines=3)
        self._end_process()
        sentences = [f"The engine {self.kind!r} did not start."]
        if log:
            sentences.append(f"It last said: {log}")
        raise ServiceFailed(
            " ".join(sentences),
            code="engine_down",
            fix="Try again in a minute; if it stays so, see the engine's log.",
        )

    def _make_room(self) -> None:
        """Unload what nobody uses: all but the pinned models and the last few visitors."""
        idle = [model for model in list(self._loaded) if model not in self._pinned]
        idle.sort(key=lambda model: self._loaded.get(model, 0.0))
        for model in idle[: max(0, len(idle) - VISITORS)]:
            self._unload(model)

    def _unload(self, model: str) -> None:
        with self._lock:
            wire = self._wire
            if wire is None or self._using[model]:
                return  # whoever uses it makes room afterwards
            self._loaded.pop(model, None)
            try:
                wire.ask("DELETE", f"/models/{model}")
            except EngineGone:
                self._lost(wire)

    @contextmanager
    def _in_use(self, model: str) -> Iterator[None]:
        with self._counting:
            self._using[model] += 1
        try:
            yield
        finally:
            with self._counting:
                self._using[model] -= 1


def remove_socket(folder: Path) -> None:
    """A process killed with -9 leaves its socket's folder behind."""
    address = read_json(folder / ADDRESS_FILE)
    if address is not None:
        shutil.rmtree(Path(address["socket"]).parent, ignore_errors=True)
