"""Endpoints from deployment to stop, with true engine processes."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from core.errors import RequestRefused, ServiceFailed, ThimbleError
from core.events import EndpointChanged
from core.identity import Caller
from core.records.tables import Endpoint
from serving.routes import EngineKey
from tests.serving.conftest import Room, wait_until

STRANGER = Caller(user="stranger")


def test_a_deployed_model_answers_under_its_name_and_as_a_version(room: Room) -> None:
    room.add()
    live = room.supervisor.deploy(room.caller, "pets", "zoo")

    by_name = room.supervisor.classify(room.caller, "zoo", "meow", 2)
    by_version = room.supervisor.classify(room.caller, "pets@1", ["woof", "tweet"])

    assert (live.state, live.model) == ("live", "pets@1")
    assert [label for label, _ in by_name.answers[0]] == ["cat", "bird"]
    assert by_name.answers[0][0][1] > 0.9
    assert [answer[0][0] for answer in by_version.answers] == ["dog", "bird"]
    assert room.events == [EndpointChanged("zoo", "starting"), EndpointChanged("zoo", "live")]


def test_every_engine_serves_side_by_side(room: Room) -> None:
    for engine in ("linear", "onnx"):
        room.add(name=engine, engine=engine)
        room.supervisor.deploy(room.caller, engine, engine)

    for engine in ("linear", "onnx"):
        assert room.supervisor.classify(room.caller, engine, "woof").answers[0][0][0] == "dog"
    assert room.supervisor.healthy()


@pytest.mark.parametrize("target", ["nothing", "pets", "pets@9", "pets@x", "", "../../x"])
def test_a_name_under_which_nothing_was_deployed_does_not_answer(room: Room, target: str) -> None:
    room.add()

    with pytest.raises(RequestRefused) as refused:
        room.supervisor.classify(room.caller, target, "meow")

    assert refused.value.code == "not_found"


def test_an_unknown_name_is_refused_with_the_names_that_are_live(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")

    with pytest.raises(RequestRefused, match=r"no live endpoint 'farm'.*Live: zoo"):
        room.supervisor.classify(room.caller, "farm", "meow")


def test_an_endpoint_of_somebody_else_is_as_unknown_as_none(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    room.supervisor.classify(room.caller, "zoo", "meow")

    for ask in (
        lambda: room.supervisor.classify(STRANGER, "zoo", "meow"),
        lambda: room.supervisor.classify(STRANGER, "pets@1", "meow"),
        lambda: room.supervisor.status(STRANGER, "zoo"),
        lambda: room.supervisor.stop_endpoint(STRANGER, "zoo"),
        lambda: room.supervisor.deploy(STRANGER, "pets", "zoo"),
    ):
        with pytest.raises(RequestRefused) as refused:
            ask()
        assert refused.value.code == "not_found"
        assert "zoo" not in (refused.value.fix or "")
    assert room.supervisor.list(STRANGER) == []


@pytest.mark.parametrize("name", ["", "Zoo", "a b", "../x", "x" * 65])
def test_a_bad_endpoint_name_is_refused_and_nothing_starts(room: Room, name: str) -> None:
    room.add()

    with pytest.raises(RequestRefused) as refused:
        room.supervisor.deploy(room.caller, "pets", name)

    assert refused.value.code == "bad_name"
    assert room.supervisor.list(room.caller) == []


def test_deploying_again_what_is_live_changes_nothing(room: Room) -> None:
    room.add()
    first = room.supervisor.deploy(room.caller, "pets", "zoo")
    pid = room.engine_pid()
    again = room.supervisor.deploy(room.caller, "pets@1", "zoo")

    assert (again.id, again.live_at) == (first.id, first.live_at)
    assert room.engine_pid() == pid


def test_a_stopped_endpoint_does_not_answer_and_can_be_deployed_again(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "pets")
    room.supervisor.classify(room.caller, "pets", "meow")

    assert room.supervisor.stop_endpoint(room.caller, "pets").state == "stopped"
    assert room.supervisor.stop_endpoint(room.caller, "pets").state == "stopped"

    assert room.supervisor.list(room.caller) == []
    with pytest.raises(RequestRefused, match="no live endpoint 'pets'"):
        room.supervisor.classify(room.caller, "pets", "meow")
    room.supervisor.deploy(room.caller, "pets", "pets")
    assert room.supervisor.classify(room.caller, "pets", "meow").answers[0][0][0] == "cat"
    assert room.supervisor.status(room.caller, "pets")["requests"] == 1


def test_a_model_is_replaced_under_load_without_one_lost_request(room: Room) -> None:
    room.add(strength=4.0)
    room.add(strength=1.0)
    room.add(name="fast", engine="linear")
    room.supervisor.deploy(room.caller, "pets@1", "zoo")
    answered, failed, stop = [], [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                found = room.supervisor.classify(room.caller, "zoo", ["meow"] * 20)
                answered.append((found.model, found.answers[0][0][0]))
            except ThimbleError as error:
                failed.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for ref in ("pets@2", "fast@1", "pets@1"):
        wait_until(lambda: len(answered) > 20)
        answered.clear()
        room.supervisor.deploy(room.caller, ref, "zoo")
        wait_until(lambda ref=ref: any(model == ref for model, _ in list(answered)))
    stop.set()
    for asker in askers:
        asker.join()

    assert failed == []
    assert {label for _, label in answered} == {"cat"}


def test_a_model_that_cannot_be_loaded_leaves_the_live_one_in_place(room: Room) -> None:
    room.add()
    broken = room.add()
    (room.home / broken.folder / "model.onnx").write_bytes(b"broken")
    room.supervisor.deploy(room.caller, "pets@1", "zoo")

    with pytest.raises(RequestRefused, match=r"model\.onnx"):
        room.supervisor.deploy(room.caller, "pets@2", "zoo")

    assert room.supervisor.status(room.caller, "zoo")["model"] == "pets@1"
    assert room.supervisor.classify(room.caller, "zoo", "meow").model == "pets@1"


def test_a_first_model_that_cannot_be_loaded_is_reported_as_failed(room: Room) -> None:
    broken = room.add()
    (room.home / broken.folder / "tokenizer.json").unlink()

    with pytest.raises(RequestRefused, match=r"tokenizer\.json"):
        room.supervisor.deploy(room.caller, "pets", "zoo")

    status = room.supervisor.status(room.caller, "zoo")
    assert status["state"] == "failed"
    assert "tokenizer.json" in status["error"]["message"]
    assert room.supervisor.healthy(), "what never was live is no illness"


def test_a_model_with_one_flipped_byte_is_not_served(room: Room) -> None:
    model = room.add()
    path = room.home / model.folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(RequestRefused, match=r"model\.onnx changed since it was trained"):
        room.supervisor.deploy(room.caller, "pets", "zoo")


def test_endpoints_are_live_again_after_a_restart_of_the_server(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    room.add(name="other", engine="linear")
    room.supervisor.deploy(room.caller, "other", "gone")
    room.supervisor.stop_endpoint(room.caller, "gone")

    room.restart()

    assert room.supervisor.classify(room.caller, "zoo", "meow").answers[0][0][0] == "cat"
    wait_until(room.supervisor.healthy)
    assert [row.name for row in room.supervisor.list(room.caller)] == ["zoo"]
    assert room.supervisor.status(room.caller, "zoo")["state"] == "live"


def test_a_deployment_that_a_crash_cut_off_is_finished_at_the_next_start(room: Room) -> None:
    room.add()
    row = room.supervisor.deploy(room.caller, "pets", "zoo")
    room.supervisor.stop()
    with room.database.write() as session:
        session.get_one(Endpoint, row.id).state = "starting"

    room.start()

    wait_until(lambda: room.supervisor.status(room.caller, "zoo")["state"] == "live")
    assert room.supervisor.healthy()


def test_an_endpoint_whose_files_are_gone_fails_at_the_next_start_and_others_live(
    room: Room,
) -> None:
    for name in ("pets", "cats"):
        room.add(name=name)
        room.supervisor.deploy(room.caller, name, name)
    room.supervisor.stop()
    (room.home / "models" / "model_1" / "model.onnx").unlink()

    room.start()

    wait_until(lambda: room.supervisor.status(room.caller, "pets")["state"] == "failed")
    wait_until(lambda: room.supervisor.status(room.caller, "cats")["state"] == "live")
    assert room.supervisor.healthy()


def test_requests_errors_and_latency_are_counted_and_survive_a_restart(room: Room) -> None:
    room.add(strength=float("nan"))
    room.supervisor.deploy(room.caller, "pets", "zoo")
    for _ in range(4):
        room.supervisor.classify(room.caller, "zoo", "what")
    with pytest.raises(ServiceFailed):
        room.supervisor.classify(room.caller, "zoo", "meow")
    with pytest.raises(RequestRefused):
        room.supervisor.classify(room.caller, "zoo", "")

    before = room.supervisor.status(room.caller, "zoo")
    room.restart()
    after = room.supervisor.status(room.caller, "zoo")

    assert (before["requests"], before["errors"]) == (5, 1)
    assert 0 < before["latency_ms"]["p50"] <= before["latency_ms"]["p95"] < 10_000
    assert before["requests_per_minute"] == 0.8
    assert (after["requests"], after["errors"]) == (5, 1)


def test_a_long_request_does_not_hold_up_a_short_one(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    long = threading.Thread(
        target=room.supervisor.classify, args=(room.caller, "zoo", ["meow " * 6000] * 100)
    )
    long.start()
    time.sleep(0.1)

    room.supervisor.classify(room.caller, "zoo", "meow")

    assert long.is_alive(), "the long request should be the slower one"
    long.join()


def test_more_requests_than_can_be_answered_are_told_to_come_back(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    refused: list[str] = []
    answered: list[str] = []

    def ask() -> None:
        try:
            answered.append(room.supervisor.classify(room.caller, "zoo", "meow").model)
        except ServiceFailed as error:
            refused.append(error.code)

    askers = [threading.Thread(target=ask) for _ in range(70)]
    os.kill(room.engine_pid(), signal.SIGSTOP)
    for asker in askers:
        asker.start()
    wait_until(lambda: len(refused) == 6)
    os.kill(room.engine_pid(), signal.SIGCONT)
    for asker in askers:
        asker.join()

    assert refused == ["too_many"] * 6
    assert answered == ["pets@1"] * 64


def test_old_versions_are_unloaded_when_nobody_uses_them(room: Room) -> None:
    for _ in range(6):
        room.add()
    for version in range(1, 7):
        room.supervisor.deploy(room.caller, f"pets@{version}", "zoo")
        room.supervisor.classify(room.caller, "zoo", "meow")

    engine = room.supervisor._engines[EngineKey("onnx")]
    assert engine.is_up("model_6")
    assert not engine.is_up("model_1")
    assert sum(engine.is_up(f"model_{number}") for number in range(1, 7)) <= 3


def test_the_socket_of_an_engine_is_for_us_alone(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    address = json.loads((room.home / "jobs" / "engine-onnx" / "address.json").read_text())
    folder = Path(address["socket"]).parent

    assert folder.stat().st_mode & 0o777 == 0o700
    room.supervisor.stop()
    wait_until(lambda: not folder.exists())
