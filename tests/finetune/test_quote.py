"""Quotes: parameters at once, time and memory from a probe, nothing measured twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import RequestRefused
from core.events import QuoteReady
from core.identity import Caller
from core.job import Job, JobState, read_json
from core.records import tables
from finetune import lengths
from finetune.quote import as_dict
from finetune.worker import spec
from launchers.base import Status
from tests.fakes import write_events
from tests.finetune.rooms import Rooms


def measured(rooms: Rooms, **arguments: Any) -> tables.Quote:
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets", **arguments)
    rooms.follower().tick()
    return rooms.quotes.get(rooms.caller, quote.id)


def test_while_measuring_every_parameter_is_known_but_not_the_time(rooms: Rooms) -> None:
    found = as_dict(rooms.quotes.quote(rooms.caller, dataset="tickets", epochs=5))

    assert found["state"] == "measuring"
    assert found["minutes"] is None
    assert found["parameters"]["epochs"] == {"value": 5, "origin": "set", "reason": "set by you"}
    assert found["parameters"]["rank"]["origin"] == "default"
    assert [baseline["name"] for baseline in found["baselines"]] == ["majority", "tfidf", "frozen"]
    assert found["steps"] == 5 * 4


def test_arguments_are_real_values_and_versions(rooms: Rooms) -> None:
    arguments = rooms.quotes.quote(rooms.caller, dataset="tickets").result["arguments"]

    assert arguments["dataset"] == "tickets@1"
    assert arguments["base_model"] == "minilm"
    assert "auto" not in arguments.values()


def test_the_probe_makes_a_quote_ready_and_says_so(rooms: Rooms) -> None:
    quote = measured(rooms)

    assert quote.state == "ready"
    assert quote.result["seconds"] == {"low": 80.0, "expected": 100.0, "high": 150.0}
    assert quote.result["minutes"]["expected"] == pytest.approx(100 / 60, abs=0.01)
    assert quote.result["memory_mb"] == 700
    assert QuoteReady(quote.id) in rooms.said
    assert not (rooms.home / "jobs" / quote.id).exists()


def test_the_probe_is_told_exactly_what_was_quoted(rooms: Rooms) -> None:
    rooms.launcher.work = None
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets", rank=4)
    rooms.follower().tick()

    written = spec.from_json(read_json(rooms.home / "jobs" / quote.id / "job.json"))
    assert isinstance(written, spec.ProbeSpec)
    assert written.labels == ["card", "limit", "login", "refund"]
    assert (written.recipe.rank, written.recipe.alpha) == (4, 4.0)
    assert written.base.sha256 == rooms.bases.get("minilm").sha256


def test_the_same_question_is_the_same_quote(rooms: Rooms) -> None:
    first = measured(rooms, epochs=5)

    assert rooms.quotes.quote(rooms.caller, dataset="tickets@1", epochs=5).id == first.id
    assert len(rooms.launcher.submitted) == 1


def test_a_base_with_the_same_weights_under_another_name_is_another_quote(rooms: Rooms) -> None:
    first = measured(rooms)
    rooms.bases.add("twin", str(rooms.bases.get("minilm").path))

    twin = rooms.quotes.quote(rooms.caller, dataset="tickets", base_model="twin")

    assert twin.id != first.id
    assert twin.result["arguments"]["base_model"] == "twin"
    assert twin.state == "ready"  # its weights and words are those that were measured


def test_another_template_or_tokenizer_is_measured_anew(rooms: Rooms) -> None:
    dataset = rooms.datasets.get(rooms.caller, "tickets")
    base = rooms.bases.get("minilm")
    others = [replace(base, template_sha256="x"), replace(base, tokenizer_sha256="x")]

    keys = {rooms.quotes.key(dataset, one, {}) for one in (base, *others)}

    assert len(keys) == 3


def test_other_passes_need_no_new_measurement(rooms: Rooms) -> None:
    first = measured(rooms, epochs=5)

    longer = rooms.quotes.quote(rooms.caller, dataset="tickets", epochs=10)

    assert longer.state == "ready"
    added = longer.result["seconds"]["expected"] - first.result["seconds"]["expected"]
    assert added == pytest.approx(5 * 4 * 0.5 + 5 * 4 * 0.01)
    assert longer.result["seconds"]["high"] > longer.result["seconds"]["expected"]


def test_another_batch_size_is_measured_anew(rooms: Rooms) -> None:
    measured(rooms, epochs=5)

    assert rooms.quotes.quote(rooms.caller, dataset="tickets", batch_size=4).state == "measuring"


def test_what_was_set_by_the_user_is_another_quote_than_the_same_default(rooms: Rooms) -> None:
    first = measured(rooms)
    same = rooms.quotes.quote(rooms.caller, dataset="tickets", seed=0)

    assert same.id != first.id
    assert same.result["arguments"] == first.result["arguments"]
    assert same.result["parameters"]["seed"]["origin"] == "set"


def test_a_failed_probe_fails_the_quote_with_the_workers_words(rooms: Rooms) -> None:
    def fail(job: Job) -> Status:
        error = {"type": "error", "code": "no_device", "message": "No such device.", "fix": "Use."}
        write_events(job.folder, [error])
        return Status(JobState.FAILED, 1)

    rooms.launcher.work = fail
    quote = measured(rooms)

    assert quote.state == "failed"
    assert quote.error == {"code": "no_device", "message": "No such device.", "fix": "Use."}
    assert rooms.quotes.quote(rooms.caller, dataset="tickets").id != quote.id


def test_a_lost_probe_is_started_again_and_given_up_after_three(rooms: Rooms) -> None:
    rooms.launcher.work = lambda _: Status(JobState.LOST)
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets")
    for _ in range(5):
        rooms.follower().tick()

    assert [job.attempt for job in rooms.launcher.submitted] == [1, 2, 3]
    assert rooms.quotes.get(rooms.caller, quote.id).state == "failed"


def test_only_the_probes_that_are_awaited_survive_a_start(rooms: Rooms) -> None:
    rooms.launcher.work = None
    quote = rooms.quotes.quote(rooms.caller, dataset="tickets")
    rooms.follower().tick()
    (rooms.home / "jobs" / "quote_99" / "attempts").mkdir(parents=True)
    (rooms.home / "jobs" / "run_99").mkdir()

    assert rooms.quotes.sweep() == 1
    assert sorted(path.name for path in (rooms.home / "jobs").iterdir()) == [quote.id, "run_99"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"dataset": "nothing"}, "no dataset 'nothing'"),
        ({"dataset": ""}, "no dataset"),
        ({"dataset": "tickets@9"}, "no dataset 'tickets@9'"),
        ({"dataset": "tickets", "base_model": "gpt-9"}, "no base_model 'gpt-9'"),
        ({"dataset": "tickets", "rank": 0}, "whole number from 1 to 256"),
        ({"dataset": "tickets", "seed": "x"}, "whole number from 0 to 2,147,483,647"),
        ({"dataset": "tickets", "learning_rate": 1e308}, "number from 0.000001 to 0.1"),
        ({"dataset": "tickets", "ranks": 3}, "no parameter 'ranks'"),
    ],
)
def test_an_absurd_question_is_refused_and_nothing_is_kept(
    rooms: Rooms, arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(RequestRefused, match=why):
        rooms.quotes.quote(rooms.caller, **arguments)
    rooms.follower().tick()
    assert rooms.quotes.measuring() == []
    assert rooms.launcher.submitted == []


def test_another_persons_dataset_is_unknown(rooms: Rooms) -> None:
    with pytest.raises(RequestRefused, match="no dataset"):
        rooms.quotes.quote(Caller(user="somebody"), dataset="tickets")


def test_texts_in_a_language_the_base_cannot_read_are_warned_about(rooms: Rooms) -> None:
    rows = [("房间很干净，服务员态度也很好", "good"), ("早餐太差了，房间也很吵", "bad")] * 10
    rooms.datasets.make(rooms.caller, "hotel", rows)

    notes = rooms.quotes.quote(rooms.caller, dataset="hotel").result["notes"]

    assert any("made for another language" in note for note in notes)


def test_texts_that_do_not_fit_are_named_by_row(rooms: Rooms) -> None:
    rows = [(f"word {'very ' * (90 if number == 3 else 1)}{number}", "ab"[number % 2])
            for number in range(20)]  # fmt: skip
    rooms.datasets.make(rooms.caller, "long", rows)

    notes = rooms.quotes.quote(rooms.caller, dataset="long", max_length=32).result["notes"]

    assert "longer than 32 tokens; their end is not read (rows 4)." in notes[0]


def test_lengths_count_the_two_special_tokens(rooms: Rooms) -> None:
    rooms.datasets.make(rooms.caller, "short", [("hello world", "a"), ("hello", "b")] * 10)
    dataset = rooms.datasets.get(rooms.caller, "short")
    split: Path = rooms.datasets.folder(dataset) / "train.parquet"

    found = lengths.measure(split, rooms.bases.get().path / "tokenizer.json")

    assert (found.longest, min(found.tokens)) == (4, 3)
    assert found.unknown_share == 0.0
