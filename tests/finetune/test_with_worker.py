"""The whole room with nothing pretended: a CSV, the local launcher, the real worker."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.events import Bus
from core.identity import Caller
from core.job import read_json
from core.records.database import Database
from core.settings import Settings
from core.storage import Storage
from data.datasets import Datasets
from data.files import Files
from finetune.bases import Bases
from finetune.follow import Follower
from finetune.quote import Quotes
from finetune.runs import Runs
from launchers import local
from tests.fakes import tickets

CALLER = Caller()


def until(done: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[tuple[Quotes, Runs]]:
    storage, database = Storage(tmp_path), Database(tmp_path / "records.sqlite")
    storage.prepare()
    database.migrate()
    launcher = local.create(Settings(home=tmp_path))
    datasets, bases, bus = Datasets(database, storage), Bases(tmp_path), Bus()
    lines = ["text,label", *(f"{text},{label}" for text, label in tickets(120))]
    file = Files(database, storage, 10**7).save_bytes(
        CALLER, "tickets.csv", "\n".join(lines).encode()
    )
    datasets.create(CALLER, name="tickets", file_id=file.id)
    rest = (database, storage, datasets, bases, launcher, bus)
    quotes, runs = Quotes(*rest), Runs(*rest)
    follower = Follower(runs, quotes)
    follower.start()
    yield quotes, runs
    follower.stop()
    database.close()


@pytest.mark.slow
def test_a_csv_becomes_a_quoted_run_and_models_that_an_engine_can_load(
    rooms: tuple[Quotes, Runs],
) -> None:
    quotes, runs = rooms
    asked = {"dataset": "tickets", "epochs": 4, "batch_size": 16}
    quote = quotes.quote(CALLER, **asked)
    until(lambda: quotes.get(CALLER, quote.id).state != "measuring")
    quote = quotes.get(CALLER, quote.id)
    assert quote.state == "ready", quote.error

    run = runs.start(CALLER, quote.result["arguments"], "ap_1", None, quote.result)
    until(lambda: runs.get(CALLER, run.id).ended_at is not None)

    run = runs.get(CALLER, run.id)
    assert run.state == "succeeded", run.error
    told = runs.report(run)
    written = read_json(runs.workshop.folder(run.id) / "result.json")
    assert told["metrics"] == written["metrics"]
    assert told["baselines"] == written["baselines"]
    assert told["metrics"]["test"]["accuracy"] > 0.9
    assert told["step"] == told["total_steps"] == quote.result["steps"]
    model = runs.models.get(CALLER, "tickets")
    assert (runs.models.folder(model) / "model.onnx").is_file()
    assert quotes.quote(CALLER, **asked | {"epochs": 5}).state == "ready"
