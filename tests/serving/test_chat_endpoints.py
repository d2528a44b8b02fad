"""Chat models from deployment to stop, over the true wire to a small engine that talks."""

import json
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from core.errors import RequestRefused, ServiceFailed
from core.identity import Caller
from serving.answers import Began, Ended, Event, Wrote
from serving.routes import EngineKey
from serving.supervisor import MAX_WAITING
from tests.serving.conftest import Room, wait_until
from tests.serving.talking import BASE, Bases

STRANGER = Caller(user="stranger")


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def say(room: Room, target: str, text: str, **more: Any) -> str:
    return room.supervisor.answer(room.caller, target, asked(text, **more), 50).text


def listen(room: Room, target: str, text: str) -> Iterator[Event]:
    return room.supervisor.generate(room.caller, target, asked(text))


def told(room: Room, base: str = BASE) -> list[dict[str, Any]]:
    """What the engine remembers of its answers."""
    key = EngineKey("torch_lm", Bases(room.home).add(base).sha256)
    path = room.home / "jobs" / key.job / "told.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def zoo(room: Room) -> str:
    room.add_chat()
    room.supervisor.deploy(room.caller, "cat", "zoo")
    return "zoo"


def test_a_chat_model_answers_under_its_name_as_a_version_and_as_its_untuned_base(
    room: Room, zoo: str
) -> None:
    assert say(room, "zoo", "hello you") == "meow meow"
    assert say(room, "cat@1", "hello you") == "meow meow"
    assert say(room, BASE, "hello you") == "hello you"


def test_an_answer_begins_comes_in_pieces_and_ends_with_its_numbers(room: Room, zoo: str) -> None:
    events = list(listen(room, "zoo", "one two three"))

    assert events[:-1] == [Began("cat@1"), Wrote("meow"), Wrote(" meow"), Wrote(" meow")]
    end = events[-1]
    assert isinstance(end, Ended)
    assert (end.finish_reason, end.prompt_tokens, end.completion_tokens) == ("stop", 3, 3)
    assert 0 <= end.ttft_ms <= end.latency_ms


def test_deploying_a_chat_model_proves_one_token(room: Room) -> None:
    room.add_chat()

    room.supervisor.deploy(room.caller, "cat", "zoo")

    assert [(one["prompt"], one["words"]) for one in told(room)] == [("hello", 1)]


def test_models_of_one_base_share_a_process_and_other_bases_have_their_own(
    room: Room, zoo: str
) -> None:
    room.add_chat(name="dog", says="woof")
    room.add_chat(name="owl", says="hoot", base="other")
    for name in ("dog", "owl"):
        room.supervisor.deploy(room.caller, name, name)

    answers = [say(room, name, "hello") for name in ("zoo", "dog", "owl", "other")]

    assert answers == ["meow", "woof", "hoot", "hello"]
    assert {one["id"] for one in told(room)} == {"model_1", "model_2"}
    assert len(room.supervisor._engines) == 2


def test_an_endpoint_cannot_take_the_name_of_a_base_that_answers_under_it(room: Room) -> None:
    room.add_chat()

    with pytest.raises(RequestRefused, match="base model") as error:
        room.supervisor.deploy(room.caller, "cat", BASE)

    assert (error.value.code, error.value.param) == ("name_taken", "name")
    assert say(room, BASE, "hello you") == "hello you"
    assert room.supervisor.list(room.caller) == []


def test_a_model_whose_base_is_another_one_now_is_refused(room: Room) -> None:
    model = room.add_chat()
    with room.database.write() as session:
        row = session.merge(model)
        row.passport = {**row.passport, "base_sha256": "0" * 64}

    with pytest.raises(RequestRefused, match="trained on another parrot") as refused:
        room.supervisor.deploy(room.caller, "cat", "zoo")

    assert refused.value.code == "base_changed"
    assert room.supervisor.status(room.caller, "zoo")["state"] == "failed"


def test_a_changed_adapter_is_not_served(room: Room) -> None:
    model = room.add_chat()
    (room.home / model.folder / "meta.json").write_text('{"says": "MOO"}')

    with pytest.raises(RequestRefused, match=r"meta\.json changed since it was trained"):
        room.supervisor.deploy(room.caller, "cat", "zoo")


def test_a_chat_model_tells_no_labels_and_a_classifier_writes_nothing(room: Room, zoo: str) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "pets")

    with pytest.raises(RequestRefused, match="POST /v1/chat/completions") as no_labels:
        room.supervisor.classify(room.caller, "zoo", "meow")
    with pytest.raises(RequestRefused, match="POST /v1/classify") as no_words:
        say(room, "pets", "meow")

    assert (no_labels.value.code, no_words.value.code) == ("wrong_task", "wrong_task")
    assert room.supervisor.status(room.caller, "pets")["requests"] == 0


@pytest.mark.parametrize("target", ["nothing", "cat", "cat@9", "", "../../x"])
def test_a_name_that_nothing_answers_under_is_refused(room: Room, zoo: str, target: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        say(room, target, "hello")

    assert refused.value.code == "not_found"


def test_a_chat_model_of_somebody_else_is_as_unknown_as_none(room: Room, zoo: str) -> None:
    for target in ("zoo", "cat@1"):
        with pytest.raises(RequestRefused) as refused:
            room.supervisor.answer(STRANGER, target, asked("hello"), 5)
        assert refused.value.code == "not_found"


def test_answers_in_flight_finish_on_the_model_they_began_with(room: Room, zoo: str) -> None:
    room.add_chat(says="purr")
    events = listen(room, "zoo", "slowly " * 30)
    first = [next(events) for _ in range(3)]

    room.supervisor.deploy(room.caller, "cat@2", "zoo")
    after = say(room, "zoo", "hello")
    rest = list(events)

    words = "".join(event.text for event in [*first, *rest] if isinstance(event, Wrote))
    assert words == " ".join(["meow"] * 30)
    assert after == "purr"


def test_old_versions_are_unloaded_when_no_answer_needs_them(room: Room, zoo: str) -> None:
    for _ in range(4):
        room.add_chat()
    for version in range(2, 6):
        room.supervisor.deploy(room.caller, f"cat@{version}", "zoo")

    engine = room.supervisor._engines[EngineKey("torch_lm", Bases(room.home).add().sha256)]
    assert engine.is_up("model_5") and not engine.is_up("model_1")


def test_closing_an_answer_stops_the_model_and_is_no_error(room: Room, zoo: str) -> None:
    events = listen(room, "zoo", "forever")
    for _ in range(5):
        next(events)
    events.close()  # type: ignore[attr-defined]

    wait_until(lambda: len(told(room)) == 2)
    assert told(room)[-1]["whole"] is False
    status = room.supervisor.status(room.caller, "zoo")
    assert (status["requests"], status["errors"]) == (1, 0)
    assert status["latency_ms"]["p50"] is None


async def test_a_listener_who_leaves_the_event_loop_stops_the_model(room: Room, zoo: str) -> None:
    async with aclosing(room.supervisor.agenerate(room.caller, "zoo", asked("forever"))) as events:
        async for event in events:
            if isinstance(event, Wrote):
                break

    wait_until(lambda: len(told(room)) == 2)
    assert told(room)[-1]["whole"] is False
    wait_until(lambda: room.supervisor._writing._value == MAX_WAITING)


async def test_refusals_reach_the_event_loop_as_they_are(room: Room, zoo: str) -> None:
    with pytest.raises(RequestRefused, match="no live endpoint"):
        async for _ in room.supervisor.agenerate(room.caller, "nothing", asked("hello")):
            pass


def test_an_engine_that_dies_before_the_first_word_is_asked_anew(room: Room, zoo: str) -> None:
    with pytest.raises(ServiceFailed) as failed:
        say(room, "zoo", "die now")

    assert failed.value.code == "engine_lost"
    assert say(room, "zoo", "hello") == "meow", "the next process answers"
    assert room.supervisor.status(room.caller, "zoo")["errors"] == 1


def test_an_engine_that_dies_in_the_middle_is_an_error_and_heals(room: Room, zoo: str) -> None:
    events = listen(room, "zoo", "die-late one two")
    heard = [next(events), next(events)]

    with pytest.raises(ServiceFailed):
        list(events)

    assert heard == [Began("cat@1"), Wrote("meow")]
    wait_until(room.supervisor.healthy)
    assert say(room, "zoo", "hello") == "meow"


def test_an_answer_that_breaks_off_is_an_error(room: Room, zoo: str) -> None:
    with pytest.raises(ServiceFailed):
        list(listen(room, "zoo", "break it"))

    status = room.supervisor.status(room.caller, "zoo")
    assert (status["requests"], status["errors"]) == (1, 1)


def test_what_is_refused_counts_neither_as_request_nor_as_error(room: Room, zoo: str) -> None:
    with pytest.raises(RequestRefused, match="Too long"):
        list(listen(room, "zoo", "refuse this"))

    status = room.supervisor.status(room.caller, "zoo")
    assert (status["requests"], status["errors"]) == (0, 0)


def test_an_answer_is_as_long_as_fits_where_it_may_be_longer(room: Room, zoo: str) -> None:
    found = room.supervisor.answer(room.caller, "zoo", asked("forever " + "on " * 40), 50)

    assert found.ended.finish_reason == "length"
    assert found.ended.completion_tokens == 64 - 41


def test_speed_and_counts_are_told_and_the_counts_survive_a_restart(room: Room, zoo: str) -> None:
    for _ in range(3):
        say(room, "zoo", "slowly one two three")

    before = room.supervisor.status(room.caller, "zoo")
    room.restart()
    after = room.supervisor.status(room.caller, "zoo")

    assert (before["task"], before["requests"], before["errors"]) == ("chat", 3, 0)
    assert 60 <= before["latency_ms"]["p50"] <= before["latency_ms"]["p95"]
    assert 5 < before["writing"]["tokens_per_s"] < 60
    assert before["writing"]["completion_tokens"] == before["writing"]["prompt_tokens"] == 4
    assert (after["requests"], after["writing"]) == (3, None)
    assert say(room, "zoo", "hello") == "meow"


def test_more_answers_than_can_be_written_at_once_are_told_to_come_back(
    room: Room, zoo: str
) -> None:
    running = [listen(room, "zoo", "forever") for _ in range(MAX_WAITING)]
    for events in running:
        next(events)

    with pytest.raises(ServiceFailed) as failed:
        say(room, "zoo", "hello")
    for events in running:
        events.close()  # type: ignore[attr-defined]

    assert failed.value.code == "too_many"
    assert say(room, "zoo", "hello") == "meow"


def test_labels_are_told_while_answers_are_written(room: Room, zoo: str) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "pets")
    running = [listen(room, "zoo", "forever") for _ in range(MAX_WAITING)]
    for events in running:
        next(events)

    assert room.supervisor.classify(room.caller, "pets", "meow").answers[0][0][0] == "cat"
    for events in running:
        events.close()  # type: ignore[attr-defined]


def test_many_ask_at_once_and_each_gets_its_own_answer(room: Room, zoo: str) -> None:
    room.add_chat(name="dog", says="woof")
    heard: dict[tuple[str, int], str] = {}

    def ask(target: str, count: int) -> None:
        heard[target, count] = say(room, target, "x " * count)

    askers = [
        threading.Thread(target=ask, args=(target, count))
        for target in ("zoo", "dog@1", BASE)
        for count in range(1, 8)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()

    words = {"zoo": "meow", "dog@1": "woof", BASE: "x"}
    assert heard == {(t, n): " ".join([words[t]] * n) for t in words for n in range(1, 8)}


def test_a_stopped_chat_endpoint_does_not_answer(room: Room, zoo: str) -> None:
    room.supervisor.stop_endpoint(room.caller, "zoo")

    with pytest.raises(RequestRefused, match="no live endpoint 'zoo'"):
        say(room, "zoo", "hello")
    assert say(room, BASE, "hello") == "hello"


def test_the_base_of_a_live_endpoint_that_is_gone_is_reported(room: Room, zoo: str) -> None:
    room.supervisor.stop()
    Path(room.home / "bases" / BASE).rmdir()

    room.start()

    wait_until(lambda: room.supervisor.status(room.caller, "zoo")["state"] == "failed")
    assert room.supervisor.healthy()
