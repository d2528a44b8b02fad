"""The base that is made on this machine: who waits for it, and what they are told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.events import Bus
from core.identity import Caller
from core.job import JOB_FILE, RESULT_FILE, Job, JobState, read_json, write_json
from core.records import tables
from core.records.database import Database
from core.storage import Storage
from data.datasets import Datasets
from data.files import Files
from finetune import tiny_chat
from finetune.bases import Bases
from finetune.follow import Follower
from finetune.making import JOB, MAX_ATTEMPTS
from finetune.quote import Quotes, as_dict
from finetune.runs import Runs
from finetune.worker import pretrain
from launchers.base import Status
from tests.fakes import FakeLauncher, probe_result, step_event, write_events

CALLER = Caller()


class Room:
    """A home with a chat dataset; jobs run until a test ends them."""

    def __init__(self, home: Path) -> None:
        storage, self.database = Storage(home), Database(home / "records.sqlite")
        storage.prepare()
        self.database.migrate()
        self.launcher, self.home = FakeLauncher(), home
        datasets, self.bases = Datasets(self.database, storage), Bases(home)
        file = Files(self.database, storage, 10**6).save_bytes(CALLER, "say.jsonl", chats())
        datasets.create(CALLER, name="say", file_id=file.id)
        rest = (self.database, storage, datasets, self.bases, self.launcher, Bus())
        self.quotes, self.runs = Quotes(*rest), Runs(*rest)
        self.follower = Follower(self.runs, self.quotes)

    def quote(self) -> tables.Quote:
        return self.quotes.quote(CALLER, dataset="say")

    def again(self, quote: tables.Quote) -> tables.Quote:
        return self.quotes.get(CALLER, quote.id)

    def jobs(self) -> list[tuple[str, int]]:
        return [(job.id, job.attempt) for job in self.launcher.submitted]

    def keep_attempt(self) -> None:
        """As the local launcher does; the fake one keeps nothing on the disk."""
        self.launcher.submitted[-1].attempt_folder.mkdir(parents=True)

    def end(self, state: JobState, exit_code: int | None) -> None:
        self.launcher.end(self.launcher.submitted[-1], Status(state, exit_code))


def chats() -> bytes:
    turns = [
        [
            {"role": "user", "content": f"Say the number {number}."},
            {"role": "assistant", "content": f"It is {number}."},
        ]
        for number in range(40)
    ]
    return "\n".join(json.dumps({"messages": pair}) for pair in turns).encode()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.database.close()


def work(job: Job) -> None:
    """What the worker would leave, at once."""
    content: dict[str, Any] = read_json(job.folder / JOB_FILE)
    if content["kind"] == "base":
        tiny_chat.random_weights(job.folder / pretrain.BASE)
    write_json(job.folder / RESULT_FILE, probe_result())


def test_a_quote_waits_for_the_base_and_shows_how_far_it_is(room: Room) -> None:
    quote = room.quote()

    room.follower.tick()
    write_events(room.home / "jobs" / JOB, [step_event(30, 300)])
    room.follower.tick()

    shown = as_dict(room.again(quote))
    assert shown["state"] == "measuring"
    assert shown["progress"]["phase"] == "preparing tiny-chat"
    assert (shown["progress"]["step"], shown["progress"]["total_steps"]) == (30, 300)
    assert room.jobs() == [(JOB, 1)]


def test_when_the_base_is_made_the_quote_is_measured_with_it(room: Room) -> None:
    quote = room.quote()
    assert not room.bases.get("tiny-chat").ready
    room.launcher.work = work

    room.follower.tick()

    base = room.bases.get("tiny-chat")
    shown = as_dict(room.again(quote))
    assert base.ready
    assert (shown["state"], shown.get("progress")) == ("ready", None)
    assert [name for name, _ in room.jobs()] == [JOB, quote.id]
    assert not (room.home / "jobs" / JOB).exists()


def test_the_same_question_is_the_same_quote_before_and_after(room: Room) -> None:
    before = room.quote()
    room.launcher.work = work
    room.follower.tick()

    assert room.quote().id == before.id


def test_all_who_wait_hear_why_it_failed_and_the_next_one_tries_anew(room: Room) -> None:
    quotes = [room.quote(), room.quotes.quote(CALLER, dataset="say", batch_size=4)]
    room.follower.tick()
    said = {"code": "out_of_memory", "message": "Out of memory.", "fix": "Close programs."}
    write_events(room.home / "jobs" / JOB, [{"type": "error", **said}])
    room.end(JobState.FAILED, 1)
    room.keep_attempt()

    room.follower.tick()

    for quote in quotes:
        assert (room.again(quote).state, room.again(quote).error) == ("failed", said)
    later = room.quote()
    room.follower.tick()
    assert room.again(later).state == "measuring"
    assert room.jobs() == [(JOB, 1), (JOB, 2)]


def test_a_run_without_a_quote_waits_too(room: Room) -> None:
    arguments = room.quote().result["arguments"]
    run = room.runs.start(CALLER, arguments, "ap_1", None, None)

    room.follower.tick()

    waiting = room.runs.get(CALLER, run.id)
    assert waiting.state == "queued"
    assert waiting.progress["phase"] == "preparing tiny-chat"


def test_one_that_is_cut_off_again_and_again_is_given_up(room: Room) -> None:
    quote = room.quote()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        room.follower.tick()
        assert room.jobs()[-1] == (JOB, attempt)
        room.end(JobState.LOST, None)
        room.follower.tick()

    error = room.again(quote).error
    assert error is not None
    assert error["code"] == "lost"


def test_after_a_restart_the_same_job_is_followed(room: Room) -> None:
    quote = room.quote()
    room.follower.tick()
    room.keep_attempt()
    room.follower = Follower(room.runs, room.quotes)
    write_events(room.home / "jobs" / JOB, [step_event(5, 300)])

    room.follower.tick()

    assert room.jobs() == [(JOB, 1)]
    assert as_dict(room.again(quote))["progress"]["step"] == 5
