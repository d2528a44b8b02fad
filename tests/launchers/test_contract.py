"""Every launcher keeps the promises of `launchers.base`; a new one is covered by being there."""

import json
import sys
import time
from pathlib import Path

import pytest

import launchers
from core import plugins
from core.job import ADDRESS_FILE, Job, JobState
from core.settings import Settings
from launchers.base import Launcher, Status

ECHO = "import sys; print('said', *sys.argv[1:])"
SERVE = """
import json, pathlib, sys
pathlib.Path('address.json').write_text(json.dumps({'ready': True}))
sys.stdin.read()
"""


@pytest.fixture(params=plugins.names(launchers))
def launcher(request: pytest.FixtureRequest, tmp_path: Path) -> Launcher:
    made: Launcher = plugins.load(launchers, request.param).create(Settings(home=tmp_path / "home"))
    return made


def job_in(folder: Path, code: str, *arguments: str, service: bool = False) -> Job:
    folder.mkdir(exist_ok=True)
    return Job(
        id=folder.name,
        argv=(sys.executable, "-c", code, *arguments),
        folder=folder,
        service=service,
    )


def wait_until_ended(launcher: Launcher, job: Job) -> Status:
    deadline = time.monotonic() + 30
    while not (status := launcher.state(job)).state.ended:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def test_render_shows_every_argument_by_itself_and_touches_nothing(
    launcher: Launcher, tmp_path: Path
) -> None:
    job = Job(id="run_1", argv=("program", "two words; $(id)"), folder=tmp_path / "absent")

    request = launcher.render(job)

    assert request["argv"] == ["program", "two words; $(id)"]
    assert json.loads(json.dumps(request)) == request
    assert list(tmp_path.iterdir()) == []


def test_a_job_runs_in_its_folder_and_its_output_can_be_read(
    launcher: Launcher, tmp_path: Path
) -> None:
    job = job_in(tmp_path / "run_1", ECHO, "hello", "$HOME; two words")
    launcher.submit(job)

    assert wait_until_ended(launcher, job) == Status(JobState.SUCCEEDED, 0)
    assert launcher.logs(job) == "said hello $HOME; two words"


def test_the_exit_code_is_the_true_one(launcher: Launcher, tmp_path: Path) -> None:
    job = job_in(tmp_path / "run_1", "import sys; sys.exit(3)")
    launcher.submit(job)

    assert wait_until_ended(launcher, job) == Status(
        JobState.FAILED, 3, "It ended with exit code 3."
    )


def test_a_program_that_does_not_exist_fails_with_the_reason(
    launcher: Launcher, tmp_path: Path
) -> None:
    job = Job(id="run_1", argv=("/no/such/program",), folder=tmp_path)
    launcher.submit(job)

    status = wait_until_ended(launcher, job)

    assert status.state is JobState.FAILED
    assert "No such file" in status.message


def test_submitting_again_starts_nothing_more(launcher: Launcher, tmp_path: Path) -> None:
    job = job_in(tmp_path / "run_1", "print('once', file=open('starts', 'a'))")
    for _ in range(3):
        launcher.submit(job)
    wait_until_ended(launcher, job)
    launcher.submit(job)

    assert wait_until_ended(launcher, job).state is JobState.SUCCEEDED
    assert (tmp_path / "run_1" / "starts").read_text() == "once\n"


def test_another_attempt_of_the_same_job_is_another_start(
    launcher: Launcher, tmp_path: Path
) -> None:
    first = job_in(tmp_path / "run_1", "print('once', file=open('starts', 'a'))")
    second = Job(id=first.id, argv=first.argv, folder=first.folder, attempt=2)
    for job in (first, second):
        launcher.submit(job)
        wait_until_ended(launcher, job)

    assert (tmp_path / "run_1" / "starts").read_text() == "once\nonce\n"


def test_a_job_that_was_never_submitted_is_lost(launcher: Launcher, tmp_path: Path) -> None:
    assert launcher.state(job_in(tmp_path / "run_1", ECHO)).state is JobState.LOST


def test_a_cancelled_job_may_save_its_state(launcher: Launcher, tmp_path: Path) -> None:
    code = """
import pathlib, signal, sys, time
def save(*_): pathlib.Path('saved').touch(); sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path('ready').touch()
time.sleep(60)
"""
    job = job_in(tmp_path / "run_1", code)
    launcher.submit(job)
    wait_for(tmp_path / "run_1" / "ready")

    launcher.cancel(job)

    assert wait_until_ended(launcher, job) == Status(JobState.CANCELLED, 143, "It was cancelled.")
    assert (tmp_path / "run_1" / "saved").exists()


def test_cancelling_what_has_ended_changes_nothing(launcher: Launcher, tmp_path: Path) -> None:
    job = job_in(tmp_path / "run_1", ECHO)
    launcher.submit(job)
    ended = wait_until_ended(launcher, job)

    launcher.cancel(job)

    assert launcher.state(job) == ended


def test_a_job_cancelled_before_it_was_submitted_never_runs(
    launcher: Launcher, tmp_path: Path
) -> None:
    job = job_in(tmp_path / "run_1", "open('ran', 'w')")
    launcher.cancel(job)
    launcher.submit(job)

    assert launcher.state(job).state is JobState.CANCELLED
    assert not (tmp_path / "run_1" / "ran").exists()


def test_logs_are_the_last_lines_and_bounded(launcher: Launcher, tmp_path: Path) -> None:
    job = job_in(tmp_path / "run_1", "for i in range(20000): print('line', i)")
    launcher.submit(job)
    wait_until_ended(launcher, job)

    assert launcher.logs(job, lines=2) == "line 19998\nline 19999"
    assert len(launcher.logs(job, lines=10**9)) <= 64 * 1024


def test_a_job_for_more_gpus_than_there_are_is_refused_at_once(
    launcher: Launcher, tmp_path: Path
) -> None:
    many = len(launcher.capacity.gpus) + 1
    job = Job(id="run_1", argv=("program",), folder=tmp_path / "run_1", gpus=many)

    with pytest.raises(ValueError, match="this machine has"):
        launcher.submit(job)
    assert not (tmp_path / "run_1").exists()


def test_a_service_runs_until_it_is_stopped(launcher: Launcher, tmp_path: Path) -> None:
    service = job_in(tmp_path / "engine", SERVE, service=True)
    launcher.submit(service)
    launcher.submit(service)
    wait_for(service.folder / ADDRESS_FILE)
    assert launcher.state(service).state is JobState.RUNNING

    launcher.cancel(service)
    launcher.cancel(service)

    assert wait_until_ended(launcher, service).state is JobState.CANCELLED


def test_a_service_that_dies_is_seen_as_failed(launcher: Launcher, tmp_path: Path) -> None:
    service = job_in(tmp_path / "engine", "import sys; sys.exit(5)", service=True)
    launcher.submit(service)

    assert wait_until_ended(launcher, service) == Status(
        JobState.FAILED, 5, "It ended with exit code 5."
    )
