"""The base that is made on this machine: a job of its own, started when somebody first needs it.

The follower asks once a tick for those who wait. What is known between ticks can be found again
after a restart: the job's folder says how far it is.
"""

from dataclasses import dataclass, field
from typing import Any

from core.errors import ThimbleError
from core.job import EVENTS_FILE, JOB_FILE, Job, JobState
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
        self._attempt = 0
        """The one that is followed; 0: none yet."""
        self._cut_offs = 0
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
            self._progress, self._attempt, self._cut_offs = Progress(), 0, 0
        if state.ready:
            self.workshop.discard(JOB)
        return state

    def _submitted(self, base: Base) -> Job:
        """The job, written and handed to the launcher; again changes nothing."""
        if not self._attempt:
            self._attempt = self._first_attempt()
        job = self._job(self._attempt)
        if not self.workshop.prepared(JOB):
            self.workshop.need_room()
            tiny_chat.write_job(base.path, job.folder, job.cpus)
        self.launcher.submit(job)
        return job

    def _first_attempt(self) -> int:
        """That of an earlier process while it goes on or went well, else a new one."""
        folder = self.workshop.folder(JOB)
        newest = max((int(path.name) for path in (folder / "attempts").glob("[0-9]*")), default=0)
        state = self.launcher.state(self._job(newest)).state
        if newest and (state is JobState.SUCCEEDED or not state.ended):
            return newest
        for name in (JOB_FILE, EVENTS_FILE):  # written anew, from the files as they are now
            (folder / name).unlink(missing_ok=True)
        return newest + 1

    def _job(self, attempt: int) -> Job:
        folder = self.workshop.folder(JOB)
        cores = threads(self.launcher.capacity)
        return Job(id=JOB, argv=worker_argv(folder), folder=folder, attempt=attempt, cpus=cores)

    def _follow(self, base: Base, job: Job) -> State:
        status = self.launcher.state(job)
        read_events(job.folder, self._progress)
        if status.state is JobState.SUCCEEDED:
            tiny_chat.adopt(job.folder, base.path)
            return State(ready=self.workshop.bases.get(base.name).ready)
        if status.state.ended and not endings.cut_off(status):
            named, logs = self._progress.error, self.launcher.logs(job)
            return State(error=endings.failure(status, named, logs, None))
        if status.state.ended:
            self._attempt += 1
            self._cut_offs += 1
        if self._cut_offs == MAX_ATTEMPTS:
            return State(error=endings.lost(MAX_ATTEMPTS))
        return State(progress=self._shown())

    def _shown(self) -> dict[str, Any]:
        latest = self._progress.latest
        known = {name: latest[name] for name in SHOWN if name in latest}
        return {"phase": f"preparing {tiny_chat.NAME}", **known}
