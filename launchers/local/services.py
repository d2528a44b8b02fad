"""Programs that live as long as this process does.

Each gets a pipe as its standard input and ends when that ends: the kernel closes it however we die,
on every system.
"""

import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from core.job import ADDRESS_FILE, Job, JobState
from launchers.base import Status
from launchers.local.runner import LOG, signal_group

Process = subprocess.Popen[bytes]
Key = tuple[str, int]


class Services:
    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._lock = threading.Lock()
        self._processes: dict[Key, Process] = {}
        self._stopped: set[Key] = set()

    def start(self, job: Job, request: Mapping[str, Any]) -> None:
        key = (job.id, job.attempt)
        with self._lock:
            if key in self._processes or key in self._stopped:
                return
            (job.folder / ADDRESS_FILE).unlink(missing_ok=True)
            with (job.attempt_folder / LOG).open("wb") as log:
                self._processes[key] = subprocess.Popen(
                    request["argv"],
                    cwd=request["cwd"],
                    env=request["env"],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C in our terminal is for us
                )

    def state(self, job: Job) -> Status:
        key = (job.id, job.attempt)
        process = self._processes.get(key)
        if process is None:
            lost = "No process here started it."
            return Status(JobState.CANCELLED if key in self._stopped else JobState.LOST, None, lost)
        code = process.poll()
        if code is None:
            return Status(JobState.RUNNING)
        close_stdin(process)
        if key in self._stopped:
            return Status(JobState.CANCELLED, code, "It was stopped.")
        if code == 0:
            return Status(JobState.SUCCEEDED, 0)
        return Status(JobState.FAILED, code, f"It ended with exit code {code}.")

    def stop(self, job: Job) -> None:
        key = (job.id, job.attempt)
        with self._lock:
            process = self._processes.get(key)
            if process is not None and self.state(job).state.ended:
                return
            if key in self._stopped:
                return
            self._stopped.add(key)
        if process is not None:
            ask_to_end(process)
            name = f"{job.id} ends"
            threading.Thread(target=self._bury, args=(process,), name=name, daemon=True).start()

    def _bury(self, process: Process) -> None:
        try:
            process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()


def ask_to_end(process: Process) -> None:
    close_stdin(process)
    signal_group(process.pid, signal.SIGTERM)


def close_stdin(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
