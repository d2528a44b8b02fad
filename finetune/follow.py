"""From job folders to records and events: one thread, and the only writer of a run's state.

The records say what should be; each tick makes it true and writes down what is. Everything it
does may be cut off at any point and is then done again: starting a job is idempotent, events are
read from the beginning after a restart, and a model is registered in one transaction.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.errors import ServiceFailed, ThimbleError
from core.events import RunChanged
from core.identity import Caller
from core.job import Job, JobState
from core.records import tables
from finetune import endings, promote
from finetune.job import ENDED, Workshop
from finetune.making import Making
from finetune.progress import Progress, read_events
from finetune.quote import Quotes
from finetune.runs import Runs
from launchers.base import Status

INTERVAL_S = 0.5
MAX_ATTEMPTS = 3
MAX_PAUSE_S = 60.0
PASSING = ("records_busy",)
"""Codes of errors that go away by themselves: the next look tries again."""
TRAIN_RESULT = ("metrics", "baselines", "export", "adapter")
PROBE_RESULT = ("estimate", "seconds_per_step", "eval_seconds_per_row")

log = logging.getLogger(__name__)


@dataclass
class Watch:
    """What the follower remembers of one job between ticks; all of it can be found again."""

    progress: Progress = field(default_factory=Progress)
    submitted: int = 0
    """The newest attempt that this process handed to the launcher."""
    faults: int = 0
    quiet_until: float = 0.0
    """Monotonic time before which it is left alone after a fault of ours."""


class Follower:
    def __init__(self, runs: Runs, quotes: Quotes, interval_s: float = INTERVAL_S) -> None:
        self.runs = runs
        self.quotes = quotes
        self.database = runs.database
        self.workshop = runs.workshop
        self.launcher = runs.workshop.launcher
        self.making = Making(runs.workshop)
        self.interval_s = interval_s
        self.watches: dict[str, Watch] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Sweep what a crash left half made, then look at the jobs from now on."""
        self.runs.models.sweep()
        self.quotes.sweep()
        self._thread = threading.Thread(target=self._loop, name="follower", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Whether the thread runs: without it no run would start or end."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread; the jobs go on."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stopping.wait(self.interval_s):
            try:
                self.tick()
            except Exception:  # edge: the thread must outlive whatever one tick meets
                log.exception("a look at the jobs failed")

    def tick(self) -> None:
        """Look once at everything that has not ended."""
        self.making.new_tick()
        for quote in self.quotes.measuring():
            self.guarded(quote.id, partial(self.look_at_quote, quote))
        for run in self.runs.active():
            self.guarded(run.id, partial(self.look_at_run, run))

    def guarded(self, identifier: str, look: Callable[[Watch], None]) -> None:
        """Look at one job; a fault is logged, waits longer each time, and stops no other job."""
        watch = self.watches.setdefault(identifier, Watch())
        if time.monotonic() < watch.quiet_until:
            return
        try:
            look(watch)
            watch.faults = 0
        except Exception:  # edge: one run's fault must not reach the others
            watch.faults += 1
            watch.quiet_until = time.monotonic() + min(MAX_PAUSE_S, 2.0**watch.faults)
            log.exception("following %s failed", identifier)

    # Runs

    def look_at_run(self, run: tables.Run, watch: Watch) -> None:
        job = self.workshop.job(run.id, run.attempt)
        if run.cancel_requested and self.stop_run(run, job):
            return
        if not self.launch(job, watch, "train", run, run.recipe):
            return
        status = self.launcher.state(job)
        news = read_events(job.folder, watch.progress)
        if status.state.ended:
            self.settle_run(run, status, job, watch)
        elif news or status.state.value != run.state:
            self.update(run.id, state=status.state.value, progress=watch.progress.as_dict())

    def stop_run(self, run: tables.Run, job: Job) -> bool:
        """Pass a wish to cancel on to the launcher. True: nothing was running, it is done."""
        if self.launcher.state(job).state is JobState.LOST:
            self.end(run.id, "cancelled")
            return True
        self.launcher.cancel(job)
        return False

    def launch(
        self, job: Job, watch: Watch, kind: str, row: tables.Run | tables.Quote, recipe: Any
    ) -> bool:
        """Hand the attempt to the launcher, once in this process. False: it cannot be started, or
        not yet."""
        if watch.submitted == job.attempt:
            return True
        try:
            if not self.workshop.prepared(job.id):
                if not self.base_ready(row, recipe):
                    return False
                self.workshop.prepare(job.id, kind, self.dataset_of(row, recipe), recipe)
            self.launcher.submit(job)
        except ThimbleError as error:
            if error.code in PASSING:
                raise
            self.give_up(row, error.as_dict())
            return False
        watch.submitted = job.attempt
        return True

    def base_ready(self, row: tables.Run | tables.Quote, recipe: Any) -> bool:
        """Whether its base can be used. One that is made first is shown; if that fails, it ends."""
        state = self.making.look(recipe["base_model"])
        if state.error is not None:
            self.give_up(row, state.error)
        elif not state.ready:
            self.show(row, state.progress)
        return state.ready

    def show(self, row: tables.Run | tables.Quote, progress: dict[str, Any]) -> None:
        """What it waits for; written only when there is news."""
        if isinstance(row, tables.Quote):
            if row.result.get("progress") != progress:
                self.quotes.show(row.id, progress)
        elif row.progress != progress:
            self.update(row.id, progress=progress)

    def dataset_of(self, row: tables.Run | tables.Quote, recipe: Any) -> tables.Dataset:
        caller = Caller(row.owner, row.project)
        return self.workshop.datasets.get(caller, recipe["dataset"])

    def settle_run(self, run: tables.Run, status: Status, job: Job, watch: Watch) -> None:
        """Write down how a job ended, or start it again when it was lost."""
        if status.state is JobState.SUCCEEDED:
            self.succeed(run, job, watch)
        elif status.state is JobState.CANCELLED or run.cancel_requested:
            self.end(run.id, "cancelled", progress=watch.progress.as_dict())
        elif endings.cut_off(status):
            self.relaunch(run, watch)
        else:
            named, logs = watch.progress.error, self.launcher.logs(job)
            self.give_up(run, endings.failure(status, named, logs, run.quote))

    def succeed(self, run: tables.Run, job: Job, watch: Watch) -> None:
        result = read_result(self.workshop, job, TRAIN_RESULT)
        if result is None:
            self.give_up(run, endings.no_result())
            return
        self.keep_progress(run.id, watch)
        result["verdict"] = promote.verdict(result)
        try:
            self.runs.models.register(run, result, job.folder, self.dataset_of(run, run.recipe))
        except ServiceFailed as error:
            if error.code != "bad_result":
                raise
            self.give_up(run, error.as_dict())
            return
        self.forget(run.id)
        self.runs.bus.publish(RunChanged(run.id, ended=True))

    def keep_progress(self, identifier: str, watch: Watch) -> None:
        with self.database.write() as session:
            row = session.get_one(tables.Run, identifier)
            row.progress = row.progress | watch.progress.as_dict()

    def relaunch(self, run: tables.Run, watch: Watch) -> None:
        """Count one more attempt; the next tick starts it, from the newest checkpoint."""
        if run.attempt >= MAX_ATTEMPTS:
            self.give_up(run, endings.lost(run.attempt))
            return
        watch.progress.note(
            f"Attempt {run.attempt} was cut off; attempt {run.attempt + 1} goes on from its "
            "newest checkpoint."
        )
        self.update(
            run.id,
            state="queued",
            attempt=run.attempt + 1,
            progress=watch.progress.as_dict(),
        )

    def update(self, identifier: str, **changes: Any) -> None:
        """Change a run's record and say so."""
        with self.database.write() as session:
            row = session.get_one(tables.Run, identifier)
            for name, value in changes.items():
                setattr(row, name, value)
            if row.state == "running" and row.started_at is None:
                row.started_at = time.time()
        self.runs.bus.publish(RunChanged(identifier, ended=row.state in ENDED))

    def end(self, identifier: str, state: str, **changes: Any) -> None:
        self.update(identifier, state=state, ended_at=time.time(), **changes)
        self.forget(identifier)

    def give_up(self, row: tables.Run | tables.Quote, error: dict[str, Any]) -> None:
        if isinstance(row, tables.Quote):
            self.quotes.fail(row.id, error)
            self.close_quote(row.id)
            return
        watch = self.watches.get(row.id)
        progress = watch.progress.as_dict() if watch else row.progress
        self.end(row.id, "failed", error=error, progress=progress)

    def forget(self, identifier: str) -> None:
        self.watches.pop(identifier, None)

    # Quotes

    def look_at_quote(self, quote: tables.Quote, watch: Watch) -> None:
        job = self.workshop.job(quote.id, quote.result["attempt"])
        if not self.launch(job, watch, "probe", quote, quote.arguments):
            return
        status = self.launcher.state(job)
        if not status.state.ended:
            return
        read_events(job.folder, watch.progress)
        if status.state is JobState.SUCCEEDED:
            self.finish_quote(quote, job)
        elif endings.cut_off(status) and job.attempt < MAX_ATTEMPTS:
            self.quotes.relaunch(quote.id, job.attempt + 1)
        else:
            named, logs = watch.progress.error, self.launcher.logs(job)
            self.give_up(quote, endings.failure(status, named, logs, quote.result))

    def finish_quote(self, quote: tables.Quote, job: Job) -> None:
        probe = read_result(self.workshop, job, PROBE_RESULT)
        if probe is None:
            self.give_up(quote, endings.no_result())
            return
        self.quotes.finish(quote.id, probe)
        self.close_quote(quote.id)

    def close_quote(self, identifier: str) -> None:
        """A quote's folder is of no use once its numbers are in the records."""
        self.workshop.discard(identifier)
        self.forget(identifier)


def read_result(workshop: Workshop, job: Job, needed: tuple[str, ...]) -> dict[str, Any] | None:
    """The worker's result, when it is whole."""
    try:
        result = workshop.result(job.id)
    except ValueError:
        return None
    whole = isinstance(result, dict) and all(name in result for name in needed)
    return result if whole else None
