"""One job's runner: waits for its turn, starts the program, writes how it ended.

It runs detached, so jobs outlive the app. Its lock, held for life and shared with the program,
says that the job lives; `state.json` that the program was started; `exit.json` how it ended. A
runner that is told to end by the system (a shutdown) writes no `exit.json`: the job is LOST and
will be started again. A cancellation is a file, so no process id can be mistaken.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from core.job import read_json, write_json
from launchers.local import locks
from launchers.local.turns import LOCK, Turns

REQUEST, STATE, EXIT, CANCEL, LOG = "request.json", "state.json", "exit.json", "cancel", "log.txt"
POLL_S = 0.2
CANNOT_START = 127
"""The shell's exit code for a program that cannot be started."""
PR_SET_PDEATHSIG = 1
OOM_SCORE = "500"
"""Of -1000 to 1000: when memory ends, the kernel takes the job before it takes the app."""


def run(folder: Path, lock: IO[bytes] | None) -> None:
    """Live through one attempt. Does nothing when it is or was run by another runner."""
    lock = lock or locks.take(folder / LOCK)
    if lock is None:
        return
    with lock:
        if (folder / STATE).exists() or (folder / EXIT).exists():
            return
        runner = Runner(folder, lock, read_json(folder / REQUEST))
        signal.signal(signal.SIGTERM, runner.shut_down)
        runner.live()


class Runner:
    def __init__(self, folder: Path, lock: IO[bytes], request: dict[str, Any]) -> None:
        self.folder = folder
        self.lock = lock
        self.request = request
        self.shutting_down = False

    def live(self) -> None:
        granted = self.wait_for_turn()
        if granted is None:
            if self.cancelled:
                self.write_exit(None, "It was cancelled before it started.")
            return
        started = time.monotonic()
        try:
            code = self.watch(self.start(granted))
        except OSError as error:
            self.write_exit(CANNOT_START, f"The program could not be started: {error}.")
            return
        if self.cancelled or not self.shutting_down:
            self.write_exit(code, seconds=round(time.monotonic() - started, 3))

    def wait_for_turn(self) -> tuple[int, ...] | None:
        turn = self.request["turn"]
        turns = Turns(Path(turn["queue"]), turn["lane"], turn["capacity"])
        while not (self.cancelled or self.shutting_down):
            granted = turns.try_start(Path(turn["ticket"]))
            if granted is not None:
                return granted
            time.sleep(POLL_S)
        return None

    def start(self, granted: tuple[int, ...]) -> "subprocess.Popen[bytes]":
        env = dict(self.request["env"])
        if devices := self.request["devices"]:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(devices[slot] for slot in granted)
        # Written first: a program that was perhaps started is never started twice.
        state = {"runner": os.getpid(), "slots": granted, "since": time.time()}
        write_json(self.folder / STATE, state)
        with (self.folder / LOG).open("ab") as log:
            program = subprocess.Popen(
                self.request["argv"],
                cwd=self.request["cwd"],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self.lock.fileno(),),
                preexec_fn=prepare_program(os.getpid()),
            )
        write_json(self.folder / STATE, state | {"pid": program.pid})
        return program

    def watch(self, program: "subprocess.Popen[bytes]") -> int:
        """The exit code, in the end. Asks the program to stop when we are asked to."""
        asked: float | None = None
        while True:
            try:
                code = program.wait(timeout=POLL_S)
            except subprocess.TimeoutExpired:
                if asked is None and (self.cancelled or self.shutting_down):
                    asked = time.monotonic()
                    signal_group(program.pid, signal.SIGTERM)
                elif asked is not None and time.monotonic() - asked > self.request["grace_s"]:
                    signal_group(program.pid, signal.SIGKILL)
            else:
                signal_group(program.pid, signal.SIGKILL)  # children it left behind
                return code

    @property
    def cancelled(self) -> bool:
        return (self.folder / CANCEL).exists()

    def shut_down(self, *_: Any) -> None:
        self.shutting_down = True

    def write_exit(self, code: int | None, message: str = "", **more: Any) -> None:
        content = {"exit_code": code, "cancelled": self.cancelled, "message": message}
        write_json(self.folder / EXIT, content | {"at": time.time()} | more)
        Path(self.request["turn"]["ticket"]).unlink(missing_ok=True)


def prepare_program(runner: int) -> Callable[[], None] | None:
    """What the new process does before it becomes the program: die when the runner dies.

    Elsewhere than on Linux a program outlives a killed runner; it then keeps the lock, so the job
    still counts as running and nobody starts it twice.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != runner:
            os._exit(CANNOT_START)  # it died before we asked
        with contextlib.suppress(OSError):  # a container may forbid it; the job runs all the same
            Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)

    return prepare


def signal_group(group: int, number: signal.Signals) -> None:
    # Nobody is left in it; macOS says so with EPERM while the last one is not yet buried.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
