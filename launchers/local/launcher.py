"""Start jobs by detached runners, and read from their folders how they do.

Nothing is kept in memory about jobs: a new process knows as much as the one that submitted.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.job import Job, JobState, read_json, write_json
from launchers.base import Capacity, Status
from launchers.local import locks, request
from launchers.local.runner import CANCEL, EXIT, LOG, REQUEST, STATE
from launchers.local.services import Services
from launchers.local.turns import LOCK, Turns

GRACE_S = 10.0
TAIL_BYTES = 64 * 1024


class LocalLauncher:
    """Runs jobs on this machine, in turn.

    Args:
        home: THIMBLE_HOME; the tickets lie below its `jobs` folder.
        environ: What jobs may see an allow-listed part of.
        capacity: What may be busy at once; by default, what the machine has.
        grace_s: Seconds between SIGTERM and SIGKILL for a cancelled job.
    """

    def __init__(
        self,
        home: Path,
        environ: Mapping[str, str],
        capacity: Capacity | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self.capacity = capacity or request.machine(environ)
        self._environ = dict(environ)
        self._queue = home / "jobs" / ".queue"
        self._grace_s = grace_s
        self._services = Services(grace_s)

    def render(self, job: Job) -> dict[str, Any]:
        return request.render(job, self._environ, self.capacity, self._queue, self._grace_s)

    def submit(self, job: Job) -> None:
        wanted = self.render(job)
        job.attempt_folder.mkdir(parents=True, exist_ok=True)
        if job.service:
            self._services.start(job, wanted)
            return
        if self._was_started(job) or self.state(job).state is not JobState.LOST:
            return
        lock = locks.take(job.attempt_folder / LOCK)
        if lock is not None:
            with lock:
                self._start_runner(job, wanted, lock.fileno())

    def _start_runner(self, job: Job, wanted: dict[str, Any], lock: int) -> None:
        """The runner inherits our lock, so that there is no moment without a holder."""
        if self._was_started(job):
            return
        turn = wanted["turn"]
        turns = Turns(Path(turn["queue"]), turn["lane"], turn["capacity"])
        turn["ticket"] = str(turns.queue_up(job.attempt_folder, turn["slots"]))
        write_json(job.attempt_folder / REQUEST, wanted)
        with (job.attempt_folder / "runner.txt").open("ab") as log:
            runner = subprocess.Popen(
                [sys.executable, "-m", "launchers.local", str(job.attempt_folder), str(lock)],
                cwd=job.folder,
                env=wanted["env"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        # Takes the exit status when it ends, so that no zombie stays.
        threading.Thread(target=runner.wait, name=f"{job.id} runner", daemon=True).start()

    def state(self, job: Job) -> Status:
        if job.service:
            return self._services.state(job)
        folder = job.attempt_folder
        alive = locks.is_held(folder / LOCK)
        # Read after the lock was looked at: a runner writes it before it lets go.
        if ended := read_json(folder / EXIT):
            return status_of_exit(ended)
        if alive and (folder / STATE).exists():
            return Status(JobState.RUNNING)
        if alive:
            return Status(JobState.QUEUED, message=self._waits_for(job))
        if (folder / CANCEL).exists():
            return Status(JobState.CANCELLED, message="It was cancelled.")
        return Status(JobState.LOST, message="Its runner is gone without a word.")

    def logs(self, job: Job, lines: int = 50) -> str:
        return tail(job.attempt_folder / LOG, lines)

    def cancel(self, job: Job) -> None:
        if job.service:
            self._services.stop(job)
        elif not (job.attempt_folder / EXIT).exists():
            job.attempt_folder.mkdir(parents=True, exist_ok=True)
            write_json(job.attempt_folder / CANCEL, True)

    def _was_started(self, job: Job) -> bool:
        return any((job.attempt_folder / name).exists() for name in (STATE, EXIT, CANCEL))

    def _waits_for(self, job: Job) -> str:
        written = read_json(job.attempt_folder / REQUEST)
        if written is None:
            return ""
        turn = written["turn"]
        turns = Turns(Path(turn["queue"]), turn["lane"], turn["capacity"])
        count = turns.before(Path(turn["ticket"]))
        return f"It waits for its turn; {count} before it." if count else ""


def status_of_exit(ended: dict[str, Any]) -> Status:
    code = ended["exit_code"]
    if code == 0:
        return Status(JobState.SUCCEEDED, 0)
    if ended["cancelled"]:
        return Status(JobState.CANCELLED, code, "It was cancelled.")
    return Status(JobState.FAILED, code, ended["message"] or reason(code))


def reason(code: int) -> str:
    if code >= 0:
        return f"It ended with exit code {code}."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name == "SIGKILL":
        return "It was killed by SIGKILL. Perhaps the machine ran out of memory."
    return f"It was killed by {name}."


def tail(path: Path, lines: int) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:]) if lines > 0 else ""
