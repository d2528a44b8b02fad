"""Processes are killed with -9; afterwards everything is as promised, and new work finishes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.job import Job, JobState
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from launchers.local.request import CODE

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
WORK = """
import pathlib, time
with open('starts', 'a') as starts: print('start', file=starts)
pathlib.Path('ready').touch()
while not pathlib.Path('go').exists(): time.sleep(0.02)
"""
APP = """
import os, signal, sys
from pathlib import Path
from core.job import Job
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
home, folder, code = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
launcher = LocalLauncher(home, os.environ, Capacity(cpus=1))
job = Job(id=folder.name, argv=(sys.executable, '-c', code), folder=folder)
launcher.submit(job)
os.kill(os.getpid(), signal.SIGKILL)
"""
SERVER = """
import os, sys, time
from pathlib import Path
from core.job import Job
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
folder = Path(sys.argv[1])
launcher = LocalLauncher(folder, os.environ, Capacity(cpus=1))
code = "import os, pathlib, sys; pathlib.Path('pid').write_text(str(os.getpid())); " \\
    "pathlib.Path('ready').touch(); sys.stdin.read()"
argv = (sys.executable, '-c', code)
launcher.submit(Job(id='engine', argv=argv, folder=folder, service=True))
time.sleep(60)
"""


@pytest.fixture
def launcher(tmp_path: Path) -> LocalLauncher:
    return LocalLauncher(tmp_path / "home", os.environ, Capacity(cpus=1))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return work_in(tmp_path / "run_1")


def work_in(folder: Path, attempt: int = 1) -> Job:
    folder.mkdir(exist_ok=True)
    argv = (sys.executable, "-c", WORK)
    return Job(id=folder.name, argv=argv, folder=folder, attempt=attempt)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def wait_for_state(launcher: LocalLauncher, job: Job, wanted: JobState) -> None:
    deadline = time.monotonic() + 30
    while launcher.state(job).state is not wanted:
        assert time.monotonic() < deadline, launcher.state(job)
        time.sleep(0.02)


def finish(launcher: LocalLauncher, job: Job) -> None:
    (job.folder / "go").touch()
    wait_for_state(launcher, job, JobState.SUCCEEDED)


def processes_of(job: Job) -> dict[str, int]:
    deadline = time.monotonic() + 30
    while True:
        state: dict[str, int] = json.loads((job.attempt_folder / "state.json").read_text())
        if "pid" in state:
            return state
        assert time.monotonic() < deadline


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def start_python(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=CODE)


def test_a_job_goes_on_when_the_app_is_killed_and_the_next_app_finds_it(
    launcher: LocalLauncher, job: Job, tmp_path: Path
) -> None:
    app = start_python(APP, str(tmp_path / "home"), str(job.folder), WORK)
    assert app.wait(30) == -signal.SIGKILL
    wait_for(job.folder / "ready")

    assert launcher.state(job).state is JobState.RUNNING
    launcher.submit(job)
    finish(launcher, job)
    assert (job.folder / "starts").read_text() == "start\n"


def test_a_killed_runner_takes_its_program_along_and_a_new_attempt_finishes(
    launcher: LocalLauncher, job: Job
) -> None:
    launcher.submit(job)
    wait_for(job.folder / "ready")
    processes = processes_of(job)

    os.kill(processes["runner"], signal.SIGKILL)
    wait_for_state(launcher, job, JobState.LOST)

    assert not is_alive(processes["pid"])
    launcher.submit(job)
    assert launcher.state(job).state is JobState.LOST, "an attempt is never started twice"
    again = work_in(job.folder, attempt=2)
    launcher.submit(again)
    finish(launcher, again)


def test_a_killed_program_is_reported_with_its_signal_and_frees_its_slot(
    launcher: LocalLauncher, job: Job, tmp_path: Path
) -> None:
    launcher.submit(job)
    wait_for(job.folder / "ready")
    os.kill(processes_of(job)["pid"], signal.SIGKILL)
    wait_for_state(launcher, job, JobState.FAILED)

    status = launcher.state(job)
    assert status.exit_code == -9
    assert "SIGKILL" in status.message and "memory" in status.message
    following = work_in(tmp_path / "run_2")
    launcher.submit(following)
    finish(launcher, following)


def test_a_runner_killed_while_it_waits_loses_its_place_and_can_be_submitted_again(
    launcher: LocalLauncher, job: Job, tmp_path: Path
) -> None:
    waiting, last = work_in(tmp_path / "run_2"), work_in(tmp_path / "run_3")
    for each in (job, waiting, last):
        launcher.submit(each)
    wait_for(job.folder / "ready")
    kill_runner_of(waiting)
    wait_for_state(launcher, waiting, JobState.LOST)

    finish(launcher, job)
    finish(launcher, last)
    launcher.submit(waiting)
    finish(launcher, waiting)


def kill_runner_of(job: Job) -> None:
    """A waiting runner is known by its command line alone."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(job.attempt_folder).encode() in words and b"launchers.local" in words:
            os.kill(int(folder.name), signal.SIGKILL)


def test_a_shutdown_of_the_machine_leaves_a_job_to_be_started_again(
    launcher: LocalLauncher, job: Job
) -> None:
    launcher.submit(job)
    wait_for(job.folder / "ready")

    os.kill(processes_of(job)["runner"], signal.SIGTERM)

    wait_for_state(launcher, job, JobState.LOST)
    again = work_in(job.folder, attempt=2)
    launcher.submit(again)
    finish(launcher, again)


def test_a_job_whose_runner_died_can_be_cancelled(launcher: LocalLauncher, job: Job) -> None:
    launcher.submit(job)
    wait_for(job.folder / "ready")
    os.kill(processes_of(job)["runner"], signal.SIGKILL)
    wait_for_state(launcher, job, JobState.LOST)

    launcher.cancel(job)

    assert launcher.state(job).state is JobState.CANCELLED


def test_a_service_ends_when_the_app_is_killed(tmp_path: Path) -> None:
    server = start_python(SERVER, str(tmp_path))
    wait_for(tmp_path / "ready")
    pid = int((tmp_path / "pid").read_text())
    assert is_alive(pid)

    server.kill()
    server.wait(30)

    deadline = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
