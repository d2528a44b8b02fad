"""Runs as records: started once, told from the records, compared honestly."""

import io
import zipfile
from typing import Any

import pytest

from core.errors import RequestRefused
from core.identity import Caller
from core.records import tables
from finetune import export
from finetune.runs import Runs
from tests.fakes import step_event, train_result, write_events
from tests.finetune.rooms import Rooms


def finished(rooms: Rooms, approval_id: str = "ap_1") -> tables.Run:
    run = rooms.start(approval_id)
    follower = rooms.follower()
    follower.tick()
    return rooms.runs.get(rooms.caller, run.id)


def test_the_same_approval_starts_one_run(rooms: Rooms) -> None:
    first, again = rooms.start("ap_1"), rooms.start("ap_1")

    assert first.id == again.id
    assert rooms.start("ap_2").id != first.id


def test_arguments_that_are_not_all_values_are_refused(rooms: Rooms) -> None:
    with pytest.raises(RequestRefused, match=r"missing: .*epochs.*unknown: colour"):
        rooms.runs.start(rooms.caller, {"dataset": "tickets", "colour": 1}, "ap_1", None, None)
    assert rooms.runs.list(rooms.caller) == []


def test_last_is_the_newest_and_without_any_it_is_said(rooms: Rooms) -> None:
    with pytest.raises(RequestRefused, match="no run yet"):
        rooms.runs.get(rooms.caller)
    rooms.start("ap_1")
    newest = rooms.start("ap_2")

    assert rooms.runs.get(rooms.caller).id == newest.id


def test_another_persons_run_is_as_unknown_as_none(rooms: Rooms) -> None:
    run, stranger = rooms.start(), Caller(user="somebody")

    for ask in (Runs.get, Runs.cancel):
        with pytest.raises(RequestRefused, match="no run"):
            ask(rooms.runs, stranger, run.id)
    assert rooms.runs.list(stranger) == []


def test_a_finished_run_cannot_be_cancelled(rooms: Rooms) -> None:
    run = finished(rooms)

    with pytest.raises(RequestRefused, match="succeeded already"):
        rooms.runs.cancel(rooms.caller, run.id)


def test_a_retry_has_the_same_arguments_and_its_own_record(rooms: Rooms) -> None:
    run = finished(rooms)

    again = rooms.runs.retry(rooms.caller, run.id, "ap_2", "thread")

    assert (again.recipe, again.quote) == (run.recipe, run.quote)
    assert (again.id, again.approval_id, again.thread_id) == ("run_2", "ap_2", "thread")


def test_a_quote_for_a_retry_keeps_values_and_origins(rooms: Rooms) -> None:
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets", epochs=9)
    run = rooms.runs.start(rooms.caller, quote.result["arguments"], "ap_1", None, quote.result)

    again = rooms.quotes.again(rooms.caller, run)

    assert again.id == quote.id
    run.quote = None
    assert rooms.quotes.again(rooms.caller, run).result["arguments"] == run.recipe


def test_the_report_has_the_figures_of_the_result_unchanged(rooms: Rooms) -> None:
    told, result = rooms.runs.report(finished(rooms)), train_result()

    assert told["metrics"] == result["metrics"]
    assert told["baselines"] == result["baselines"]
    assert told["confusions"] == result["confusions"]
    assert told["curve"] == result["training"]["curve"]
    assert told["seconds"] == result["seconds"]
    assert told["model"] == "tickets@1"
    assert told["models"]["tfidf"] == "tickets-tfidf@1"
    assert told["error"] is None


def test_seconds_taken_stand_beside_seconds_quoted(rooms: Rooms) -> None:
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets")
    rooms.follower().tick()
    quote = rooms.quotes.get(rooms.caller, quote.id)
    run = rooms.runs.start(rooms.caller, quote.result["arguments"], "ap_1", None, quote.result)
    rooms.follower().tick()

    told = rooms.runs.report(rooms.runs.get(rooms.caller, run.id))

    assert (told["seconds"], told["quoted_seconds"]) == (61.5, 100.0)
    assert told["quoted"] == {"low": 80.0, "expected": 100.0, "high": 150.0}


def test_the_report_of_a_running_run_has_its_progress(rooms: Rooms) -> None:
    rooms.launcher.work = None
    run, follower = rooms.start(), rooms.follower()
    follower.tick()
    write_events(rooms.runs.job_of(run).folder, [step_event(4, 20)])
    follower.tick()

    told = rooms.runs.report(rooms.runs.get(rooms.caller, run.id))

    assert (told["state"], told["step"], told["total_steps"]) == ("running", 4, 20)
    assert (told["loss"], told["eta_s"], told["tokens_per_s"]) == (1.0, 16.0, 1500.0)
    assert told["metrics"] is None
    assert told["parameters"]["rank"]["origin"] == "default"


def test_runs_are_listed_newest_first_and_the_active_ones_alone_on_demand(rooms: Rooms) -> None:
    finished(rooms, "ap_1")
    rooms.start("ap_2")

    assert [line["run"] for line in rooms.runs.summaries(rooms.caller)] == ["run_2", "run_1"]
    assert [line["run"] for line in rooms.runs.summaries(rooms.caller, active=True)] == ["run_2"]


def test_two_runs_are_compared_with_the_settings_in_which_they_differ(rooms: Rooms) -> None:
    for number, rank in enumerate((4, 8)):
        quote = rooms.quotes.quote(rooms.caller, dataset="tickets", rank=rank)
        arguments = quote.result["arguments"]
        rooms.runs.start(rooms.caller, arguments, f"ap_{number}", None, quote.result)
    rooms.follower().tick()

    found = rooms.runs.compare(rooms.caller, [])

    assert [line["differs"] for line in found["runs"]] == [
        {"rank": 4, "alpha": 4.0},
        {"rank": 8, "alpha": 8.0},
    ]
    assert "may be chance" in found["text"]


@pytest.mark.parametrize("runs", [[], ["run_1"], ["run_1", "run_1"]])
def test_a_comparison_needs_two_runs(rooms: Rooms, runs: list[str]) -> None:
    finished(rooms)

    with pytest.raises(RequestRefused, match="cannot be compared"):
        rooms.runs.compare(rooms.caller, runs)


def test_models_are_listed_with_scores_and_on_demand_with_passports(rooms: Rooms) -> None:
    finished(rooms)

    models = rooms.runs.models.listing(rooms.caller)
    one = rooms.runs.models.listing(rooms.caller, "tickets-tfidf@1")

    assert {line["model"] for line in models} == {
        "tickets@1",
        "tickets-tfidf@1",
        "tickets-frozen@1",
    }
    assert "passport" not in models[0]
    assert [line["kind"] for line in one] == ["tfidf"]
    assert one[0]["passport"]["recipe"]["seed"] == 0
    with pytest.raises(RequestRefused, match="no model"):
        rooms.runs.models.listing(rooms.caller, "other")


def deployed(rooms: Rooms, state: str) -> None:
    with rooms.database.write() as session:
        session.add(
            tables.Endpoint(
                id="endpoint_1",
                owner="owner",
                project="default",
                name="live",
                model="tickets@1",
                state=state,
            )
        )


def test_a_model_that_serves_an_endpoint_is_not_deleted(rooms: Rooms) -> None:
    finished(rooms)
    deployed(rooms, "live")

    with pytest.raises(RequestRefused, match="serves the endpoint live"):
        rooms.runs.models.delete(rooms.caller, "tickets@1")
    assert rooms.runs.models.listing(rooms.caller, "tickets")[0]["endpoints"] == ["live"]


def test_a_deleted_model_is_gone_from_records_and_disk(rooms: Rooms) -> None:
    finished(rooms)
    deployed(rooms, "stopped")
    model = rooms.runs.models.delete(rooms.caller, "tickets@1")

    assert not rooms.runs.models.folder(model).exists()
    assert len(rooms.runs.models.list(rooms.caller)) == 2


def packed(rooms: Rooms, ref: str) -> dict[str, bytes]:
    model = rooms.runs.models.get(rooms.caller, ref)
    content = b"".join(export.archive(model, rooms.runs.models.folder(model)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_export_holds_model_adapter_passport_and_readme(rooms: Rooms) -> None:
    finished(rooms)

    found = packed(rooms, "tickets")

    assert {name.partition("/")[2] for name in found} == {
        "README.md",
        "passport.json",
        "model.onnx",
        "tokenizer.json",
        "meta.json",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "adapter/head.safetensors",
    }
    assert b"Accuracy on the test rows: 90.0 %" in found["tickets-1/README.md"]


def test_the_export_of_a_linear_baseline_does_not_speak_of_onnx(rooms: Rooms) -> None:
    finished(rooms)

    readme = packed(rooms, "tickets-tfidf")["tickets-tfidf-1/README.md"]

    assert b"onnx" not in readme
    assert b"adapter" not in readme


def test_a_crash_leaves_no_folder_without_a_record(rooms: Rooms) -> None:
    finished(rooms)
    kept = sorted(path.name for path in (rooms.home / "models").iterdir())
    (rooms.home / "models" / "model_99.part").mkdir()
    (rooms.home / "models" / "model_98").mkdir()

    assert rooms.runs.models.sweep() == 2
    assert sorted(path.name for path in (rooms.home / "models").iterdir()) == kept


def test_a_dataset_of_another_task_cannot_be_quoted(rooms: Rooms) -> None:
    problem: dict[str, Any] = {"severity": "error", "message": "One class.", "fix": "Add one."}
    with rooms.database.write() as session:
        row = session.get_one(tables.Dataset, "dataset_1")
        row.problems = [problem]
    with pytest.raises(RequestRefused, match=r"cannot be trained on: One class\. Add one\."):
        rooms.quotes.quote(rooms.caller, dataset="tickets")
    with rooms.database.write() as session:
        session.get_one(tables.Dataset, "dataset_1").task = "pairs"
    with pytest.raises(RequestRefused, match="only classification, chat can be tuned yet"):
        rooms.quotes.quote(rooms.caller, dataset="tickets")
