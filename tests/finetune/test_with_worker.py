"""The whole room with nothing pretended: a CSV, the local launcher, the real worker."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.job import read_json
from finetune import export
from tests.fakes import tickets
from tests.finetune.rooms import CALLER, RealRooms, until


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[RealRooms]:
    made = RealRooms(tmp_path)
    made.upload("tickets", tickets(120))
    yield made
    made.close()


def steps(home: Path, run: str) -> list[int]:
    """The steps that a worker has told of."""
    events = home / "jobs" / run / "events.jsonl"
    told = events.read_text().splitlines() if events.exists() else []
    return [
        int(line.split('"step": ')[1].split(",")[0]) for line in told if '"type": "step"' in line
    ]


@pytest.mark.slow
def test_a_csv_becomes_a_quoted_run_and_models_that_run_anywhere(rooms: RealRooms) -> None:
    asked = {"dataset": "tickets", "epochs": 4, "batch_size": 16}
    quote = rooms.quotes.quote(CALLER, **asked)
    until(lambda: rooms.quotes.get(CALLER, quote.id).state != "measuring")
    quote = rooms.quotes.get(CALLER, quote.id)
    assert quote.state == "ready", quote.error

    run = rooms.runs.start(CALLER, quote.result["arguments"], "ap_1", None, quote.result)
    until(lambda: rooms.run(run.id).ended_at is not None)

    run = rooms.run(run.id)
    assert run.state == "succeeded", run.error
    told = rooms.runs.report(run)
    written = read_json(rooms.home / "jobs" / run.id / "result.json")
    assert told["metrics"] == written["metrics"]
    assert told["baselines"] == written["baselines"]
    assert told["metrics"]["test"]["accuracy"] > 0.9
    assert told["step"] == told["total_steps"] == quote.result["steps"]
    assert rooms.quotes.quote(CALLER, **asked | {"epochs": 5}).state == "ready"
    assert answer_of_export(rooms) == "card"


def answer_of_export(rooms: RealRooms) -> str:
    """What the program in an export's README says, run in the export's folder."""
    model = rooms.runs.models.get(CALLER, "tickets")
    program = export.RUN_ONNX.replace("your text here", "my bank card has not arrived yet")
    assert program.splitlines()[0] in export.readme(model)
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=rooms.runs.models.folder(model),
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def serve(home: Path) -> None:
    """A server of its own that starts a run and goes on until it is killed."""
    RealRooms(home).start("ap_1", epochs=12, batch_size=8, rank=4)
    time.sleep(600)


@pytest.mark.slow
@pytest.mark.faults
def test_a_server_killed_during_training_loses_nothing_and_starts_no_second_job(
    tmp_path: Path,
) -> None:
    rooms = RealRooms(tmp_path)
    rooms.upload("tickets", tickets(120))
    rooms.close()
    server = multiprocessing.get_context("fork").Process(target=serve, args=[tmp_path], daemon=True)
    server.start()
    until(lambda: bool(steps(tmp_path, "run_1")))
    server.kill()
    server.join()

    rooms = RealRooms(tmp_path)
    until(lambda: rooms.run("run_1").ended_at is not None)
    run = rooms.run("run_1")
    attempts = [path.name for path in (tmp_path / "jobs" / "run_1" / "attempts").iterdir()]
    rooms.close()

    assert (run.state, run.attempt, run.model) == ("succeeded", 1, "tickets@1"), run.error
    assert attempts == ["1"]
    told = steps(tmp_path, "run_1")
    assert told == sorted(set(told))


@pytest.mark.slow
def test_a_cancelled_training_stops_keeps_its_checkpoint_and_new_work_finishes(
    rooms: RealRooms,
) -> None:
    run = rooms.start("ap_1", epochs=50, batch_size=8, rank=4)
    until(lambda: bool(steps(rooms.home, run.id)))
    rooms.runs.cancel(CALLER, run.id)
    until(lambda: rooms.run(run.id).ended_at is not None, 60)

    assert rooms.run(run.id).state == "cancelled"
    assert any((rooms.home / "jobs" / run.id / "checkpoints").iterdir())
    again = rooms.start("ap_2", epochs=1, rank=4)
    until(lambda: rooms.run(again.id).ended_at is not None)
    assert rooms.run(again.id).state == "succeeded"
