"""What the local launcher promises beyond the contract: turns, environment, the exact request."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.job import Job, JobState
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from launchers.local.request import CODE, machine

GOLDEN = Path(__file__).parent / "golden_local_request.json"
SHELL = {
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "LC_ALL": "C.UTF-8",
    "CUDA_HOME": "/opt/cuda",
    "OMP_NUM_THREADS": "64",
    "OPENAI_API_KEY": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "THIMBLE_API_KEY": "secret",
    "HF_TOKEN": "secret",
    "PYTHONPATH": "/somewhere",
    "LD_PRELOAD": "/tmp/evil.so",
}
TURN = """
import pathlib, sys, time
here, name = pathlib.Path('..'), pathlib.Path.cwd().name
with open('../order', 'a') as order: print('start', name, file=order)
while not (here / 'go').exists(): time.sleep(0.01)
with open('../order', 'a') as order: print('end', name, file=order)
"""


def local(home: Path, cpus: int = 1, gpus: tuple[str, ...] = (), **more: float) -> LocalLauncher:
    return LocalLauncher(home, {"PATH": "/usr/bin"}, Capacity(cpus=cpus, gpus=gpus), **more)


def python(folder: Path, code: str, cpus: int = 1, gpus: int = 0) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    argv = (sys.executable, "-c", code)
    return Job(id=folder.name, argv=argv, folder=folder, cpus=cpus, gpus=gpus)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_state(launcher: LocalLauncher, job: Job, *wanted: JobState) -> JobState:
    deadline = time.monotonic() + 30
    while (state := launcher.state(job).state) not in wanted:
        assert time.monotonic() < deadline, launcher.state(job)
        time.sleep(0.02)
    return state


def test_the_request_is_the_reviewed_one() -> None:
    launcher = LocalLauncher(Path("/home/ada/.thimble"), SHELL, Capacity(cpus=8, gpus=("0", "1")))
    folder = Path("/home/ada/.thimble/jobs/run_7")
    argv = ("python", "-m", "finetune.worker", str(folder))
    job = Job(id="run_7", argv=argv, folder=folder, attempt=2, cpus=2, gpus=1, env={"X": "1"})

    text = json.dumps(launcher.render(job), indent=2).replace(str(CODE), "CODE")

    assert text + "\n" == GOLDEN.read_text()


def test_no_secret_of_the_shell_reaches_a_job(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path, SHELL, Capacity(cpus=1))
    job = python(tmp_path / "run_1", "import json, os; print(json.dumps(dict(os.environ)))")
    launcher.submit(job)
    wait_for_state(launcher, job, JobState.SUCCEEDED)

    seen = json.loads(launcher.logs(job))

    assert "secret" not in seen.values()
    assert "LD_PRELOAD" not in seen
    assert seen["HF_HUB_OFFLINE"] == "1"
    assert seen["OMP_NUM_THREADS"] == "1"


def test_no_more_jobs_run_than_there_are_cores_and_they_start_in_the_order_of_asking(
    tmp_path: Path,
) -> None:
    launcher = local(tmp_path)
    jobs = [python(tmp_path / f"run_{number}", TURN) for number in (9, 2, 5)]
    for job in jobs:
        launcher.submit(job)
    wait_for_state(launcher, jobs[0], JobState.RUNNING)

    assert launcher.state(jobs[2]).message == "It waits for its turn; 2 before it."
    (tmp_path / "go").touch()
    for job in jobs:
        wait_for_state(launcher, job, JobState.SUCCEEDED)

    words = (tmp_path / "order").read_text().split()
    assert words[1::2] == ["run_9", "run_9", "run_2", "run_2", "run_5", "run_5"]


def test_a_big_job_is_not_overtaken_for_ever_by_small_ones(tmp_path: Path) -> None:
    launcher = local(tmp_path, cpus=2)
    small = python(tmp_path / "small", TURN)
    big = python(tmp_path / "big", TURN, cpus=64)
    late = python(tmp_path / "late", TURN)
    for job in (small, big, late):
        launcher.submit(job)
        time.sleep(0.1)
    wait_for_state(launcher, small, JobState.RUNNING)
    time.sleep(0.5)

    assert launcher.state(late).state is JobState.QUEUED
    (tmp_path / "go").touch()
    for job in (small, big, late):
        wait_for_state(launcher, job, JobState.SUCCEEDED)


def test_each_gpu_job_sees_its_own_gpu_and_other_jobs_see_none(tmp_path: Path) -> None:
    launcher = local(tmp_path, gpus=("3", "GPU-5"))
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True)\n" + TURN
    jobs = [python(tmp_path / f"gpu_{number}", code, gpus=1) for number in (1, 2, 3)]
    jobs.append(python(tmp_path / "cpu", code))
    for job in jobs:
        launcher.submit(job)
    for job in (jobs[0], jobs[1], jobs[3]):
        wait_for_state(launcher, job, JobState.RUNNING)

    assert launcher.state(jobs[2]).state is JobState.QUEUED
    (tmp_path / "go").touch()
    for job in jobs:
        wait_for_state(launcher, job, JobState.SUCCEEDED)
    seen = [launcher.logs(job).split("\n")[0] for job in jobs]
    assert {seen[0], seen[1]} == {"3", "GPU-5"}
    assert seen[3] == ""


def test_a_queued_job_can_be_cancelled_and_the_next_one_moves_up(tmp_path: Path) -> None:
    launcher = local(tmp_path)
    jobs = [python(tmp_path / f"run_{number}", TURN) for number in (1, 2, 3)]
    for job in jobs:
        launcher.submit(job)
    launcher.cancel(jobs[1])
    wait_for_state(launcher, jobs[1], JobState.CANCELLED)

    (tmp_path / "go").touch()
    wait_for_state(launcher, jobs[2], JobState.SUCCEEDED)
    assert "run_2" not in (tmp_path / "order").read_text()
    wait_for(lambda: not list((tmp_path / "jobs" / ".queue").glob("*.json")))


def test_a_job_that_ignores_the_request_to_stop_is_killed_with_its_children(
    tmp_path: Path,
) -> None:
    launcher = local(tmp_path, grace_s=0.3)
    code = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path('child').write_text(str(child.pid))
pathlib.Path('ready').touch()
time.sleep(60)
"""
    job = python(tmp_path / "run_1", code)
    launcher.submit(job)
    while not (tmp_path / "run_1" / "ready").exists():
        time.sleep(0.02)
    launcher.cancel(job)

    wait_for_state(launcher, job, JobState.CANCELLED)
    assert launcher.state(job).exit_code == -9
    assert is_gone(int((tmp_path / "run_1" / "child").read_text()))


def is_gone(pid: int) -> bool:
    """Whether the process ended, also when nobody has taken its exit status yet."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/stat")
        try:
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("visible, gpus", [("", ()), ("2", ("2",)), ("0,GPU-a", ("0", "GPU-a"))])
def test_only_the_gpus_we_were_given_count(visible: str, gpus: tuple[str, ...]) -> None:
    assert machine({"CUDA_VISIBLE_DEVICES": visible}).gpus == gpus


def test_a_runner_without_a_lock_handed_to_it_takes_it_itself(tmp_path: Path) -> None:
    from launchers.local.__main__ import main

    launcher = local(tmp_path)
    job = python(tmp_path / "run_1", "open('ran', 'a').write('x')")
    launcher.submit(job)
    wait_for_state(launcher, job, JobState.SUCCEEDED)

    main([str(job.attempt_folder)])

    assert (tmp_path / "run_1" / "ran").read_text() == "x"
