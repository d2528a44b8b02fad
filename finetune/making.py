"""The base that is made on this machine: a job of its own, started when somebody first needs it.

The follower asks once a tick for those who wait. What is known between ticks can be found again
after a restart: the job's folder says how far it is.
"""

from dataclasses import dataclass, field
from typing import Any

from core.errors import ThimbleError
from core.job import Job, JobState
from finetune import endings, tiny_chat
from finetune.bases import Base
from finetune.job import Workshop, threads, worker_argv
from finetune.progress import Progress, read_events

JOB = f"base_{tiny_chat.NAME}"
MAX_ATTEMPTS = 3
SHOWN = ("step", "total_steps", "eta_s")


@dataclass(frozen=True)
class State:
    """How far a base is."""

    ready: bool = False
    progress: dict[str, Any] = field(default_factory=dict)
    """What those who wait are shown."""
    error: dict[str, Any] | None = None
    """Why it cannot be made. Said to all who wait at that moment; the next one tries anew."""


class Making:
    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.launcher = workshop.launcher
        self._progress = Progress()
        self._looked: State | None = None

    def new_tick(self) -> None:
        """From now on `look` looks again."""
        self._looked = None

    def look(self, name: str) -> State:
        """Whether the base of this name can be used; if not, its job is started and followed.

        Raises:
            RequestRefused: No such base.
            ServiceFailed: Its files were changed on the disk.
        """
        base = self.workshop.bases.get(name)
        if base.ready:
            return State(ready=True)
        if self._looked is None:
            self._looked = self._advance(base)
        return self._looked

    def _advance(self, base: Base) -> State:
        try:
            state = self._follow(base, self._submitted(base))
        except ThimbleError as error:
            state = State(error=error.as_dict())
        if state.ready or state.error is not None:
            self._progress = Progress()
            self.workshop.discard(JOB)
        return state

    def _submitted(self, base: Base) -> Job:
        """The job, written and handed to the launcher; again changes nothing."""
        folder = self.workshop.folder(JOB)
        cores = threads(self.launcher.capacity)
        if not self.workshop.prepared(JOB):
            self.workshop.need_room()
            tiny_chat.write_job(base.path, folder, cores)
        job = Job(id=JOB, argv=worker_argv(folder), folder=folder, cpus=cores)
        attempts = [int(path.name) for path in (folder / "attempts").glob("[0-9]*")]
        newest = Job(**vars(job) | {"attempt": max(attempts, default=1)})
        if endings.cut_off(self.launcher.state(newest)) and attempts:
            newest = Job(**vars(job) | {"attempt": newest.attempt + 1})
        if newest.attempt <= MAX_ATTEMPTS:
            self.launcher.submit(newest)
        return newest

    def _follow(self, base: Base, job: Job) -> State:
        if job.attempt > MAX_ATTEMPTS:
            return State(error=endings.lost(MAX_ATTEMPTS))
        status = self.launcher.state(job)
        read_events(job.folder, self._progress)
        if not status.state.ended:
            return State(progress=self._shown())
        if status.state is JobState.SUCCEEDED:
            tiny_chat.adopt(job.folder, base.path)
            return State(ready=self.workshop.bases.get(base.name).ready)
        if endings.cut_off(status):
            return State(progress=self._shown())
        named, logs = self._progress.error, self.launcher.logs(job)
        return State(error=endings.failure(status, named, logs, None))

    def _shown(self) -> dict[str, Any]:
        latest = self._progress.latest
        known = {name: latest[name] for name in SHOWN if name in latest}
        return {"phase": f"preparing {tiny_chat.NAME}", **known}
