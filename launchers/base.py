"""What a launcher promises. A launcher starts jobs and services somewhere and says how they do."""

from dataclasses import dataclass
from typing import Any, Protocol

from core.job import Job, JobState


@dataclass(frozen=True)
class Status:
    state: JobState
    exit_code: int | None = None
    """As the operating system gave it, negative for a signal; None while it has not ended."""
    message: str = ""
    """For people: what it waits for, or why it ended."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What can be busy at once."""

    cpus: int
    gpus: tuple[str, ...] = ()
    """The name of each, as CUDA_VISIBLE_DEVICES takes it."""


class Launcher(Protocol):
    @property
    def capacity(self) -> Capacity: ...

    def render(self, job: Job) -> dict[str, Any]:
        """The exact request that `submit` would send. Pure: no network, no disk."""

    def submit(self, job: Job) -> None:
        """Start it, when its turn comes. The same id and attempt again changes nothing.

        Raises RequestRefused for a job that could never start here, and ServiceFailed.
        """

    def state(self, job: Job) -> Status:
        """How it does. A job that was never submitted, or whose runner is gone, is LOST."""

    def logs(self, job: Job, lines: int = 50) -> str:
        """The end of what it printed: at most so many lines, and at most 64 KiB."""

    def cancel(self, job: Job) -> None:
        """Ask it to stop and return at once; what has ended stays as it is.

        A running job gets SIGTERM to save its state, and is killed 10 s later.
        """
