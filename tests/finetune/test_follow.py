"""From job folder to records: what the follower makes true, and what it survives."""

import shutil
from typing import Any

import pytest

from core.errors import ServiceFailed
from core.events import RunChanged
from core.job import Job, JobState, read_json, write_json
from core.records import tables
from finetune.follow import Follower
from finetune.models import Models
from finetune.worker import spec
from launchers.base import Status
from tests.fakes import (
    fake_worker,
    step_event,
    tickets,
    train_result,
    write_artifacts,
    write_events,
)
from tests.finetune.rooms import Rooms


def now(rooms: Rooms, run: tables.Run) -> tables.Run:
    return rooms.runs.get(rooms.caller, run.id)


def trainings(rooms: Rooms) -> list[tuple[str, int]]:
    """Run and attempt of every training that was started."""
    jobs = rooms.launcher.submitted
    return [(job.id, job.attempt) for job in jobs if job.id.startswith("run")]


def started(rooms: Rooms) -> tuple[tables.Run, Job, Follower]:
    """A run whose worker is at work and says nothing by itself."""
    rooms.launcher.work = None
    run, follower = rooms.start(), rooms.follower()
    follower.tick()
    return run, rooms.runs.job_of(run), follower


def test_a_run_becomes_models_with_the_figures_of_its_result(rooms: Rooms) -> None:
    run = rooms.start()

    rooms.follower().tick()

    found = now(rooms, run)
    models = {model.kind: model for model in rooms.runs.models.list(rooms.caller)}
    assert found.state == "succeeded"
    assert found.result is not None
    assert found.result["metrics"] == train_result()["metrics"]
    assert found.result["verdict"]["better"]
    assert found.model == "tickets@1"
    assert {kind: model.ref for kind, model in models.items()} == {
        "lora": "tickets@1",
        "tfidf": "tickets-tfidf@1",
        "frozen": "tickets-frozen@1",
    }
    assert (rooms.home / models["lora"].folder / "adapter" / "head.safetensors").exists()
    assert RunChanged(run.id, ended=True) in rooms.said


def test_the_worker_is_told_exactly_the_approved_recipe(rooms: Rooms) -> None:
    run, job, _ = started(rooms)

    written = spec.from_json(read_json(job.folder / "job.json"))

    assert isinstance(written, spec.TrainSpec)
    for name, value in vars(written.recipe).items():
        assert run.recipe.get(name, "all-linear") == value
    lines = (job.folder / "train.jsonl").read_text().splitlines()
    assert len(lines) == rooms.datasets.get(rooms.caller, "tickets").splits["train"]


def test_progress_is_in_the_records_while_it_runs(rooms: Rooms) -> None:
    run, job, follower = started(rooms)
    write_events(job.folder, [{"type": "phase", "phase": "training"}, step_event(3, 20)])

    follower.tick()

    found = now(rooms, run)
    assert (found.state, found.progress["step"], found.progress["phase"]) == (
        "running",
        3,
        "training",
    )
    assert found.progress["curve"] == [[3, 4.0 / 3]]
    assert found.started_at is not None


def test_many_events_between_two_looks_are_one_announcement(rooms: Rooms) -> None:
    _, job, follower = started(rooms)
    rooms.said.clear()
    write_events(job.folder, [step_event(step, 900) for step in range(1, 900)])

    follower.tick()
    follower.tick()

    assert len(rooms.said) == 1


def test_a_restarted_server_goes_on_where_the_job_is_and_starts_no_second(rooms: Rooms) -> None:
    run, job, follower = started(rooms)
    write_events(job.folder, [step_event(1, 20), step_event(2, 20)])
    follower.tick()

    write_events(job.folder, [step_event(3, 20)])
    rooms.follower().tick()

    assert [point[0] for point in now(rooms, run).progress["curve"]] == [1, 2, 3]
    assert trainings(rooms) == [(run.id, 1)]


def test_a_run_that_was_written_down_but_never_started_is_started_after_a_restart(
    rooms: Rooms,
) -> None:
    run = rooms.start()
    (rooms.home / "jobs" / run.id).mkdir()
    (rooms.home / "jobs" / run.id / "train.jsonl").write_text("half wr")

    rooms.follower().tick()

    assert now(rooms, run).state == "succeeded"


def test_a_lost_job_is_started_again_at_most_three_times(rooms: Rooms) -> None:
    rooms.launcher.work = lambda _: Status(JobState.LOST)
    run, follower = rooms.start(), rooms.follower()
    for _ in range(6):
        follower.tick()

    found = now(rooms, run)
    assert trainings(rooms) == [(run.id, 1), (run.id, 2), (run.id, 3)]
    assert (found.state, found.error["code"] if found.error else "") == ("failed", "lost")


def test_a_worker_that_was_asked_to_end_by_a_shutdown_goes_on(rooms: Rooms) -> None:
    run, job, follower = started(rooms)
    write_events(job.folder, [step_event(9, 20)])
    rooms.launcher.end(job, Status(JobState.FAILED, 143))
    rooms.launcher.work = fake_worker
    follower.tick()
    follower.tick()

    found = now(rooms, run)
    assert (found.state, found.attempt) == ("succeeded", 2)
    assert "Attempt 1 was cut off" in found.progress["notes"][0]


def test_an_error_the_worker_named_is_what_the_user_reads(rooms: Rooms) -> None:
    run, job, follower = started(rooms)
    write_events(
        job.folder,
        [{"type": "error", "code": "nan_loss", "message": "The loss is NaN.", "fix": "Lower it."}],
    )
    rooms.launcher.end(job, Status(JobState.FAILED, 1))

    follower.tick()

    found = now(rooms, run)
    assert found.state == "failed"
    assert found.error == {"code": "nan_loss", "message": "The loss is NaN.", "fix": "Lower it."}
    assert rooms.runs.models.list(rooms.caller) == []


def test_a_killed_worker_is_explained_with_numbers_and_a_smaller_setting(rooms: Rooms) -> None:
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets", batch_size=32)
    rooms.follower().tick()
    quote = rooms.quotes.get(rooms.caller, quote.id)
    run = rooms.runs.start(rooms.caller, quote.result["arguments"], "ap_1", None, quote.result)
    rooms.launcher.work = lambda _: Status(JobState.FAILED, -9)

    rooms.follower().tick()

    error = now(rooms, run).error or {}
    assert error["code"] == "killed"
    assert "about 700 MB" in error["message"]
    assert "batch_size=16" in error["fix"]


def test_an_end_without_words_shows_the_last_line_of_the_log(rooms: Rooms) -> None:
    run, job, follower = started(rooms)
    rooms.launcher.printed = "Traceback\nImportError: no torch\n\n"
    rooms.launcher.end(job, Status(JobState.FAILED, 1))

    follower.tick()

    assert "ImportError: no torch" in (now(rooms, run).error or {})["message"]


@pytest.mark.parametrize("result", [None, "[1", "[]", "{}"])
def test_a_success_without_a_whole_result_is_a_failure(rooms: Rooms, result: str | None) -> None:
    def half(job: Job) -> None:
        if result is not None:
            (job.folder / "result.json").write_text(result)

    rooms.launcher.work = half
    run = rooms.start()

    rooms.follower().tick()

    assert (now(rooms, run).error or {})["code"] == "no_result"
    assert rooms.runs.models.list(rooms.caller) == []


def test_a_result_that_points_out_of_its_folder_registers_nothing(rooms: Rooms) -> None:
    def steal(job: Job) -> None:
        write_artifacts(job.folder)
        result = train_result()
        result["export"]["folder"] = "../../bases"
        write_json(job.folder / "result.json", result)

    rooms.launcher.work = steal
    run = rooms.start()

    rooms.follower().tick()

    assert (now(rooms, run).error or {})["code"] == "bad_result"
    assert rooms.runs.models.list(rooms.caller) == []


class Crash(BaseException):
    """The process is gone: nothing of ours may catch it."""


class CrashingModels(Models):
    """Dies at a chosen moment of registering."""

    moment = ""

    def reserve(self, *given: Any) -> dict[str, str]:
        found = super().reserve(*given)
        self.crash("reserved")
        return found

    def place(self, identifier: str, *given: Any) -> dict[str, str]:
        found = super().place(identifier, *given)
        self.crash("placed")
        return found

    def crash(self, moment: str) -> None:
        if moment == self.moment:
            raise Crash


@pytest.mark.parametrize("moment", ["reserved", "placed"])
def test_models_are_registered_once_though_the_server_dies_in_between(
    rooms: Rooms, moment: str
) -> None:
    run, whole = rooms.start(), rooms.runs.models
    rooms.runs.models = CrashingModels(rooms.database, rooms.storage)
    rooms.runs.models.moment = moment
    with pytest.raises(Crash):
        rooms.follower().tick()
    assert now(rooms, run).state != "succeeded"

    rooms.runs.models = whole
    whole.sweep()
    for _ in range(3):
        rooms.follower().tick()

    assert now(rooms, run).state == "succeeded"
    models = whole.list(rooms.caller)
    assert sorted(model.ref for model in models) == [
        "tickets-frozen@1",
        "tickets-tfidf@1",
        "tickets@1",
    ]
    folders = sorted(path.name for path in (rooms.home / "models").iterdir())
    assert folders == sorted(model.id for model in models)


def test_one_run_that_cannot_be_followed_does_not_stop_the_others(rooms: Rooms) -> None:
    bad, good = rooms.start("ap_1"), rooms.start("ap_2")

    def work(job: Job) -> None:
        if job.id == bad.id:
            raise OSError("the disk is on fire")
        fake_worker(job)

    rooms.launcher.work = work
    rooms.follower().tick()

    assert now(rooms, good).state == "succeeded"


def test_a_full_disk_fails_the_run_with_the_reason(rooms: Rooms) -> None:
    run = rooms.start()

    def full(job: Job) -> None:
        raise ServiceFailed("The disk is full.", code="disk_full", fix="Free some room.")

    rooms.launcher.work = full
    rooms.follower().tick()

    assert (now(rooms, run).error or {})["message"] == "The disk is full."


def test_a_run_that_is_cancelled_before_it_began_never_starts(rooms: Rooms) -> None:
    run = rooms.start()
    rooms.runs.cancel(rooms.caller, run.id)

    rooms.follower().tick()

    assert now(rooms, run).state == "cancelled"
    assert trainings(rooms) == []


def test_a_cancelled_run_stops_at_once_and_keeps_its_checkpoints(rooms: Rooms) -> None:
    run, job, follower = started(rooms)
    checkpoint = job.folder / "checkpoints" / "step-5"
    checkpoint.mkdir(parents=True)

    rooms.runs.cancel(rooms.caller)
    assert rooms.launcher.cancelled == [run.id]
    follower.tick()

    assert now(rooms, run).state == "cancelled"
    assert now(rooms, run).ended_at is not None
    assert checkpoint.exists()


def test_a_wish_to_cancel_survives_a_restart(rooms: Rooms) -> None:
    run, _, _ = started(rooms)
    with rooms.database.write() as session:
        session.get_one(tables.Run, run.id).cancel_requested = True

    rooms.follower().tick()

    assert now(rooms, run).state == "cancelled"


def test_versions_of_models_are_never_given_twice(rooms: Rooms) -> None:
    rooms.start("ap_1")
    rooms.follower().tick()
    rooms.runs.models.delete(rooms.caller, "tickets@1")
    rooms.start("ap_2")
    rooms.follower().tick()

    refs = {model.ref for model in rooms.runs.models.list(rooms.caller)}
    assert "tickets@2" in refs
    assert "tickets@1" not in refs


def test_the_models_stay_when_the_job_folder_goes(rooms: Rooms) -> None:
    run = rooms.start()
    rooms.follower().tick()
    shutil.rmtree(rooms.home / "jobs" / run.id)

    model = rooms.runs.models.get(rooms.caller, "tickets")
    assert (rooms.runs.models.folder(model) / "model.onnx").read_text() == "onnx model.onnx"
    assert model.passport["base_sha256"] == rooms.bases.get().sha256
    assert "model.onnx" in model.passport["files"]


def test_the_thread_follows_and_stops(rooms: Rooms) -> None:
    follower = Follower(rooms.runs, rooms.quotes, interval_s=0.01)
    follower.start()
    run = rooms.start()
    for _ in range(1000):
        if now(rooms, run).state == "succeeded":
            break
        follower._stopping.wait(0.01)
    follower.stop()

    assert now(rooms, run).state == "succeeded"
    assert not follower.alive()


def test_a_longest_name_still_gives_names_to_its_baselines(rooms: Rooms) -> None:
    rooms.datasets.make(rooms.caller, "a" * 64, tickets())
    quote = rooms.quotes.quote(rooms.caller, dataset="a" * 64)
    rooms.runs.start(rooms.caller, quote.result["arguments"], "ap_1", None, quote.result)

    rooms.follower().tick()

    names = [model.name for model in rooms.runs.models.list(rooms.caller)]
    assert all(len(name) <= 64 for name in names)
    assert len(set(names)) == 3
