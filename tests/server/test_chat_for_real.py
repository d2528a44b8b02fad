"""Chat routes over the true engine: a tiny random base, adapters of PEFT, a true server."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import openai
import pytest

from core.errors import RequestRefused
from core.identity import ALL_SCOPES, Caller
from core.records.database import next_id
from core.records.queries import next_version, stamp
from core.records.tables import Model
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from server.app import api, behind_gate, lifespan
from server.chat_bases import base_files
from serving.supervisor import Supervisor
from tests.conftest import opened
from tests.server.conftest import Stage
from tests.serving.tiny_models import say, write_adapter, write_base
from tools.base import House

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning"),
]
OWNER = Caller(scopes=ALL_SCOPES)


@pytest.fixture(scope="module")
def house(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A registered causal base `tiny` and two versions of a chat model on it; `zoo` is live."""
    home = tmp_path_factory.mktemp("chat") / "home"
    shutil.copytree(empty_home, home)
    with opened(home) as made:
        launcher = LocalLauncher(home, os.environ, Capacity(cpus=2), grace_s=2)
        files = partial(base_files, made.bases)
        supervisor = Supervisor(made.database, made.storage, launcher, made.bus, files)
        real = replace(made, launcher=launcher, supervisor=supervisor)
        made.bases.add("tiny", str(write_base(home.parent / "tiny", max_position_embeddings=2048)))
        for seed in (1, 2):
            add_model(real, seed)
        yield real


@pytest.fixture(scope="module")
def client(house: House, stage: tuple[Stage, str]) -> Iterator[openai.OpenAI]:
    made, address = stage
    with made.playing(behind_gate(api(house), house), lifespan(house)):
        house.supervisor.deploy(OWNER, "talk@1", "zoo")
        with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as one:
            yield one


def add_model(house: House, seed: int, **meta: str) -> Model:
    base = house.bases.get("tiny")
    with house.database.write() as session:
        identifier = next_id(session, "model")
        folder = house.settings.home / "models" / identifier
        write_adapter(folder, base.path, seed=seed, base_sha256=base.sha256)
        written = json.loads((folder / "meta.json").read_text())
        (folder / "meta.json").write_text(json.dumps(written | meta))
        hashes = {
            one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()
        }
        model = Model(
            id=identifier,
            name="talk",
            version=next_version(session, Model, OWNER, "talk"),
            kind="lora",
            engine="torch_lm",
            task="chat",
            run_id="run_1",
            dataset="talks@1",
            base_model="tiny",
            folder=f"models/{identifier}",
            metrics={"test": {}},
            passport={"files": hashes, "base_sha256": base.sha256},
            **stamp(OWNER),
        )
        session.add(model)
    return model


def answer(client: openai.OpenAI, model: str, **more: object) -> str:
    asked = {"model": model, "messages": say("Hello"), "max_tokens": 20, "temperature": 0}
    found = client.chat.completions.create(**(asked | more))  # type: ignore[call-overload]
    return str(found.choices[0].message.content)


def test_tuned_versions_and_their_base_answer_each_in_its_way(client: openai.OpenAI) -> None:
    answers = [answer(client, model) for model in ("zoo", "talk@1", "talk@2", "tiny")]

    assert answers[0] == answers[1]
    assert len(set(answers)) == 3


def test_a_stream_says_what_the_whole_answer_says(client: openai.OpenAI) -> None:
    asked = {"temperature": 1.0, "seed": 7, "max_tokens": 60}
    whole = answer(client, "zoo", **asked)

    stream = client.chat.completions.create(
        model="zoo",
        messages=say("Hello"),  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
        **asked,  # type: ignore[arg-type]
    )
    chunks = list(stream)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens <= 60


def test_a_stop_text_ends_an_answer_before_it(client: openai.OpenAI) -> None:
    whole = answer(client, "zoo")
    stop = whole[3:6]

    assert answer(client, "zoo", stop=[stop]) == whole[: whole.index(stop)]


def test_the_older_route_writes_on(client: openai.OpenAI) -> None:
    found = client.completions.create(model="tiny", prompt="once upon", max_tokens=5, temperature=0)

    assert found.usage is not None and found.usage.completion_tokens <= 5
    assert found.usage.prompt_tokens == len("once upon")


def test_a_conversation_beyond_the_context_is_refused_with_the_numbers(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError, match=r"2,048") as refused:
        answer(client, "zoo", messages=say("x" * 3000))

    assert refused.value.code == "prompt_too_long"


def test_an_answer_in_flight_ends_on_the_model_it_began_with(
    client: openai.OpenAI, house: House
) -> None:
    alone = answer(client, "zoo", max_tokens=300)
    stream = client.chat.completions.create(
        model="zoo",
        messages=say("Hello"),  # type: ignore[arg-type]
        stream=True,
        max_tokens=300,
        temperature=0,
    )
    pieces = [next(stream).choices[0].delta.content or "" for _ in range(3)]

    house.supervisor.deploy(OWNER, "talk@2", "zoo")
    pieces += [chunk.choices[0].delta.content or "" for chunk in stream]
    after = answer(client, "zoo")
    house.supervisor.deploy(OWNER, "talk@1", "zoo")

    assert "".join(pieces) == alone
    assert after == answer(client, "talk@2")


@pytest.mark.parametrize("changed", ["template_sha256", "tokenizer_sha256"])
def test_a_model_trained_with_another_template_or_tokenizer_is_not_deployed(
    client: openai.OpenAI, house: House, changed: str
) -> None:
    model = add_model(house, 3, **{changed: "0" * 64})

    with pytest.raises(RequestRefused) as refused:
        house.supervisor.deploy(OWNER, model.ref, "other")

    assert "chat template" in refused.value.message or "tokenizer" in refused.value.message
    assert house.supervisor.status(OWNER, "zoo")["state"] == "live"


def test_an_encoder_and_a_base_without_weights_say_that_they_cannot_write(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot write"):
        answer(client, "minilm")
    with pytest.raises(openai.BadRequestError, match="not made yet"):
        answer(client, "tiny-chat")
