"""The process of the chat engine: streams, what goes wrong with them, and that work goes on."""

import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import RequestRefused, ServiceFailed
from core.job import read_json
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from serving.process import Artifact, BaseFiles, Engine
from tests.serving.conftest import wait_until
from tests.serving.tiny_models import say, write_adapter, write_base

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning"),
]
LONG = {"messages": say("Tell me everything"), "max_tokens": 4000, "temperature": 1.5, "seed": 1}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Room"]:
    made = Room(tmp_path_factory.mktemp("room"))
    yield made
    made.engine.close()


class Room:
    """An engine, its untuned base and a tuned model."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # No end of turn is ever likely, so that answers last as long as they are asked to.
        folder = write_base(home / "base", max_position_embeddings=4096)
        files = BaseFiles("tiny", folder, "of the base", hashes(folder))
        adapter = write_adapter(home / "adapter", folder)
        self.base = Artifact("base_tiny", None, base=files)
        self.tuned = Artifact("model_1", adapter, hashes(adapter), files)
        self.launcher = LocalLauncher(home, os.environ, Capacity(cpus=2), grace_s=2)
        self.engine = Engine("torch_lm", home / "jobs" / "engine", self.launcher)

    def pid(self) -> int:
        return int(read_json(self.home / "jobs" / "engine" / "address.json")["pid"])

    def say(self, artifact: Artifact, **request: Any) -> tuple[str, dict[str, Any]]:
        """The whole text and the last line."""
        asked = {"messages": say("Hello"), "max_tokens": 12} | request
        *pieces, last = list(self.engine.generate(artifact, asked))
        return "".join(piece["text"] for piece in pieces), last


def hashes(folder: Path) -> dict[str, str]:
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}


def test_the_base_and_a_tuned_model_answer_differently_from_one_process(room: Room) -> None:
    plain, last = room.say(room.base)
    tuned, _ = room.say(room.tuned)

    assert plain != tuned
    assert last["finish_reason"] in ("stop", "length")
    assert last["usage"]["completion_tokens"] <= 12
    assert last["usage"]["prompt_tokens"] > 5
    assert last["ttft_ms"] > 0
    assert room.say(room.base)[0] == plain


def test_a_seed_gives_the_same_text_alone_and_in_company(room: Room) -> None:
    asked = {"temperature": 1.0, "top_p": 0.9, "seed": 7, "max_tokens": 40}
    alone, _ = room.say(room.tuned, **asked)
    company = [threading.Thread(target=room.say, args=(room.base,)) for _ in range(6)]
    for one in company:
        one.start()

    assert room.say(room.tuned, **asked)[0] == alone
    assert room.say(room.tuned, **asked | {"seed": 8})[0] != alone
    for one in company:
        one.join()


def test_an_asker_who_leaves_frees_the_place_of_the_answer(room: Room) -> None:
    answers = [room.engine.generate(room.base, LONG) for _ in range(16)]
    for answer in answers:
        next(answer)
    for answer in answers:
        answer.close()

    # All 16 places were taken; with the answers going on this one would wait for seconds.
    _, last = room.say(room.tuned)
    assert last["ttft_ms"] < 2000


def test_a_process_killed_in_the_middle_of_an_answer_is_an_error_and_the_next_one_works(
    room: Room,
) -> None:
    answer = room.engine.generate(room.tuned, LONG)
    next(answer)
    waiting: list[str] = []
    os.kill(room.pid(), signal.SIGKILL)

    with pytest.raises(ServiceFailed, match="in the middle of this answer") as error:
        waiting += [event["text"] for event in answer]

    assert error.value.code == "engine_lost"
    assert room.say(room.tuned)[1]["finish_reason"]


def test_what_waits_when_the_process_is_killed_is_answered_by_the_next_one(room: Room) -> None:
    room.say(room.base)
    pid = room.pid()
    os.kill(pid, signal.SIGSTOP)
    found: list[str] = []
    asker = threading.Thread(target=lambda: found.append(room.say(room.base)[0]))
    asker.start()
    os.kill(pid, signal.SIGKILL)
    asker.join(60)

    assert found == [room.say(room.base)[0]]


def test_a_full_queue_refuses_at_once_and_loses_nothing(room: Room) -> None:
    answers = [room.engine.generate(room.base, LONG | {"temperature": 0}) for _ in range(16)]
    for answer in answers:
        next(answer)
    outcomes: list[str] = []

    def ask() -> None:
        try:
            outcomes.append(room.say(room.base, max_tokens=2)[1]["finish_reason"])
        except ServiceFailed as error:
            outcomes.append(error.code)

    askers = [threading.Thread(target=ask) for _ in range(90)]
    for asker in askers:
        asker.start()
    wait_until(lambda: "too_many" in outcomes)
    for answer in answers:
        answer.close()
    for asker in askers:
        asker.join(60)

    assert set(outcomes) <= {"too_many", "length", "stop"}
    assert len(outcomes) == 90
    assert outcomes.count("too_many") < 40


@pytest.mark.parametrize(
    ("request_", "wrong"),
    [
        ({"messages": say("x" * 5000)}, "The prompt has 5,.* together may have 4,096"),
        ({"max_tokens": 4096}, "together they may be 4,096"),
        ({"stop": ["a"] * 100_000}, "at most 4"),
        ({"stop": [""]}, "1 to 200 characters"),
        ({"stop": ["x" * 10_000_000]}, "1 to 200 characters"),
        ({"stop": {"a": 1}}, "at most 4"),
        ({"temperature": float("nan")}, "temperature is 'nan'"),
        ({"temperature": 3}, "0 to 2"),
        ({"top_p": 0}, "above 0 to 1"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"max_tokens": True}, "max_tokens is 'True'"),
        ({"logit_bias": {}}, "no field 'logit_bias'"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "message 1.*'robot'"),
        ({"prompt": "x"}, "not both"),
    ],
)
def test_a_wrong_request_is_refused_with_what_is_wrong(
    room: Room, request_: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(RequestRefused, match=wrong):
        room.say(room.base, **request_)


def test_a_model_of_another_base_or_changed_since_is_refused(room: Room) -> None:
    assert room.tuned.base is not None
    other = BaseFiles("tiny", room.tuned.base.folder, "another")
    changed = dict.fromkeys(room.tuned.sha256, "0" * 64)
    room.say(room.base)

    with pytest.raises(RequestRefused, match="another base model"):
        room.say(Artifact("model_2", room.tuned.folder, room.tuned.sha256, other))
    with pytest.raises(RequestRefused, match="changed since it was trained"):
        room.say(Artifact("model_2", room.tuned.folder, changed, room.tuned.base))
    assert room.say(room.tuned)[1]["finish_reason"]


def test_a_busy_or_idle_process_is_healthy(room: Room) -> None:
    room.say(room.base)
    pid = room.pid()
    room.engine.check()
    answer = room.engine.generate(room.base, LONG)
    next(answer)
    room.engine.check()
    answer.close()

    assert room.pid() == pid
    assert room.engine.is_up("base_tiny")
