"""`/v1/chat/completions` and `/v1/completions` with OpenAI's own client, and as bytes."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest

from core.errors import RequestRefused, ServiceFailed
from core.identity import ALL_SCOPES, Caller
from core.settings import read as read_settings
from launchers.base import Capacity
from server.client import Client
from serving import snippets
from serving.supervisor import Supervisor
from tests.server.conftest import Stage
from tests.serving.artifacts import add_model
from tests.serving.talking import BASE, Bases, TalkingLauncher, add_chat_model
from tools.base import House

OWNER = Caller(scopes=ALL_SCOPES)
HELLO = [{"role": "user", "content": "hello you there"}]


@pytest.fixture
def house(house: House) -> House:
    """With an endpoint `zoo` that talks, of a base that repeats what it hears."""
    home = house.settings.home
    launcher = TalkingLauncher(home, os.environ, Capacity(cpus=2), grace_s=2)
    supervisor = Supervisor(house.database, house.storage, launcher, house.bus, Bases(home))
    add_chat_model(house.database, home, OWNER)
    supervisor.deploy(OWNER, "cat", "zoo")
    return replace(house, launcher=launcher, supervisor=supervisor)


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made


def told(house: House) -> list[dict[str, Any]]:
    """What the engine wrote down of each answer."""
    path = next((house.settings.home / "jobs").glob("engine-torch_lm-*/told.jsonl"))
    return [json.loads(line) for line in path.read_text().splitlines()]


def post(url: str, path: str = "/v1/chat/completions", **body: Any) -> httpx.Response:
    return httpx.post(url + path, json=body, timeout=60)


def test_openais_client_gets_an_answer_with_its_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="zoo", messages=HELLO)  # type: ignore[arg-type]

    assert answer.id.startswith("chatcmpl-") and answer.object == "chat.completion"
    assert answer.model == "zoo"
    assert answer.system_fingerprint == "cat@1"
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", "meow meow meow")
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 3)
    assert answer.usage.total_tokens == 6
    assert abs(answer.created - time.time()) < 60


def test_openais_client_reads_a_stream_role_first_and_the_usage_last(
    client: openai.OpenAI,
) -> None:
    stream = client.chat.completions.create(
        model="zoo",
        messages=HELLO,  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)

    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    assert [delta.content for delta in deltas[1:]] == ["meow", " meow", " meow", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 4 + ["stop"]
    assert chunks[-1].choices == [] and chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 6
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_without_the_option_has_no_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="zoo", messages=HELLO, stream=True)  # type: ignore[arg-type]

    assert all(chunk.usage is None and chunk.choices for chunk in stream)


async def test_openais_async_client_gets_both_and_several_at_once(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:

        async def streamed(count: int) -> str:
            stream = await client.chat.completions.create(
                model="zoo", messages=[{"role": "user", "content": "x " * count}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        async def whole(count: int) -> str | None:
            answer = await client.chat.completions.create(
                model=BASE, messages=[{"role": "user", "content": "x " * count}]
            )
            return answer.choices[0].message.content

        heard = await asyncio.gather(*map(streamed, range(1, 9)), *map(whole, range(1, 9)))

    assert heard[:8] == [" ".join(["meow"] * count) for count in range(1, 9)]
    assert heard[8:] == [" ".join(["x"] * count) for count in range(1, 9)]


def test_the_untuned_base_and_a_version_answer_under_their_names(client: openai.OpenAI) -> None:
    def ask(model: str) -> str | None:
        answer = client.chat.completions.create(model=model, messages=HELLO)  # type: ignore[arg-type]
        return answer.choices[0].message.content

    assert ask("cat@1") == "meow meow meow"
    assert ask(BASE) == "hello you there"


def test_the_older_route_goes_on_with_a_text(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=BASE, prompt="once upon a time")
    stream = client.completions.create(model=BASE, prompt="once upon", stream=True)

    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("once upon a time", "stop")
    assert answer.usage is not None and answer.usage.total_tokens == 8
    assert [chunk.choices[0].text for chunk in stream] == ["once", " upon", ""]


def test_the_older_route_writes_sixteen_tokens_where_none_are_said(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=BASE, prompt="forever and")

    assert answer.usage is not None and answer.usage.completion_tokens == 16
    assert answer.choices[0].finish_reason == "length"


def test_stop_and_max_tokens_end_an_answer(client: openai.OpenAI) -> None:
    short = client.chat.completions.create(model=BASE, messages=HELLO, max_completion_tokens=2)  # type: ignore[arg-type]
    stopped = client.chat.completions.create(model=BASE, messages=HELLO, stop="you")  # type: ignore[arg-type]

    assert (short.choices[0].message.content, short.choices[0].finish_reason) == (
        "hello you",
        "length",
    )
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == (
        "hello",
        "stop",
    )


def test_openais_client_is_told_of_an_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no live endpoint 'gpt-4'") as missing:
        client.chat.completions.create(model="gpt-4", messages=HELLO)  # type: ignore[arg-type]
    assert missing.value.code == "not_found"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4", messages=HELLO, stream=True)  # type: ignore[arg-type]


def test_a_classifier_cannot_chat_and_a_chat_model_cannot_classify(
    client: openai.OpenAI, url: str, house: House
) -> None:
    add_model(house.database, house.settings.home, OWNER)
    with pytest.raises(openai.BadRequestError, match="labels on /v1/classify") as refused:
        client.chat.completions.create(model="pets@1", messages=HELLO)  # type: ignore[arg-type]
    other = post(url, "/v1/classify", model="zoo", input="meow")

    assert refused.value.code == "wrong_task"
    assert (other.status_code, other.json()["error"]["code"]) == (400, "wrong_task")
    assert "/v1/chat/completions" in other.json()["error"]["fix"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_field_that_nothing_reads_is_refused_by_name(url: str, path: str) -> None:
    answer = post(url, path, model="zoo", messages=HELLO, frequency_penalty=0.5)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unknown_argument"


def test_what_is_no_json_object_is_refused(url: str) -> None:
    headers = {"Content-Type": "application/json"}
    for raw in (b"", b"[]", b"{", b'{"model": "zoo", "model": "zoo"}', b"\xff"):
        for path in ("/v1/chat/completions", "/v1/completions"):
            assert httpx.post(url + path, content=raw, headers=headers).status_code == 400


def test_a_body_that_is_too_large_is_refused(url: str) -> None:
    long = [{"role": "user", "content": "x" * 2**21}]

    assert post(url, model="zoo", messages=long).status_code == 413


def test_a_prompt_beyond_the_context_is_refused_before_the_stream_begins(url: str) -> None:
    long = [{"role": "user", "content": "x " * 100}]

    answer = post(url, model="zoo", messages=long, max_tokens=10, stream=True)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "prompt_too_long")


def test_a_stream_on_the_wire_is_what_the_protocol_says(url: str) -> None:
    answer = post(url, model="zoo", messages=HELLO, stream=True)

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: {") for event in events[:-2])
    assert {json.loads(event[6:])["object"] for event in events[:-2]} == {"chat.completion.chunk"}


def test_an_answer_that_breaks_off_says_so_in_the_stream(
    client: openai.OpenAI, url: str, house: House
) -> None:
    broken: Any = [{"role": "user", "content": "break it"}]
    heard = []

    with pytest.raises(openai.APIError, match="It broke"):
        for chunk in client.chat.completions.create(model="zoo", messages=broken, stream=True):
            heard.append(chunk.choices[0].delta.content)
    whole = post(url, model="zoo", messages=broken)

    assert heard == ["", "meow"]
    assert whole.status_code == 503 and whole.headers["retry-after"]
    assert house.supervisor.status(OWNER, "zoo")["errors"] == 2
    assert "[DONE]" not in post(url, model="zoo", messages=broken, stream=True).text


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_its_answer(url: str, house: House, stream: bool) -> None:
    body = {"messages": [{"role": "user", "content": "forever"}], "model": "zoo", "stream": stream}
    raw = json.dumps(body).encode()
    host, port = url.removeprefix("http://").split(":")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + raw)
        if stream:
            assert b"meow" in connection.recv(65536) + connection.recv(65536)
        else:
            time.sleep(0.3)

    wait_for(lambda: told(house)[-1]["prompt"] == "forever")
    assert told(house)[-1]["whole"] is False
    assert told(house)[-1]["words"] < 60
    status = house.supervisor.status(OWNER, "zoo")
    assert (status["requests"], status["errors"]) == (1, 0)


def wait_for(what: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [True, False])
def test_the_same_idempotency_key_gets_the_same_answer_once_written(
    url: str, house: House, stream: bool
) -> None:
    body = {"model": "zoo", "messages": HELLO, "stream": stream}
    headers = {"Idempotency-Key": "one"}

    answers = [
        httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers) for _ in range(2)
    ]

    assert answers[0].text == answers[1].text
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len(told(house)) == 2, "the proof at deployment and one answer"


def test_an_answer_that_broke_off_is_not_kept_for_its_key(url: str, house: House) -> None:
    body = {"model": "zoo", "messages": [{"role": "user", "content": "break it"}], "stream": True}
    headers = {"Idempotency-Key": "one"}

    for _ in range(2):
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers)
        assert "It broke" in answer.text and "idempotent-replayed" not in answer.headers


def test_a_refused_stream_frees_its_key(url: str) -> None:
    headers = {"Idempotency-Key": "one"}
    wrong = {"model": "nothing", "messages": HELLO, "stream": True}

    for _ in range(2):
        answer = httpx.post(f"{url}/v1/chat/completions", json=wrong, headers=headers, timeout=5)
        assert answer.status_code == 404


def test_our_own_client_gets_an_answer_whole_and_in_pieces(program: Client) -> None:
    whole = program.complete("zoo", "hello you", max_tokens=1)
    pieces = list(program.complete_streamed(BASE, HELLO, stop=["there"]))

    assert whole["choices"][0]["message"]["content"] == "meow"
    assert "".join(pieces) == "hello you"
    with pytest.raises(RequestRefused, match="no live endpoint"):
        program.complete("nothing", "hello")
    with pytest.raises(ServiceFailed, match="It broke"):
        list(program.complete_streamed("zoo", "break it"))


def test_the_models_are_listed_with_what_they_do(client: openai.OpenAI) -> None:
    listed = {model.id: model.model_dump() for model in client.models.list()}

    assert listed["minilm"]["kind"] == "encoder"
    assert listed["tiny-chat"]["kind"] == "causal"
    assert listed["cat@1"]["task"] == "chat"
    assert listed["zoo"]["role"] == "endpoint"


def test_a_server_with_a_key_asks_for_it(house: House, stage: tuple[Stage, str]) -> None:
    from server.app import api, behind_gate, lifespan

    key = "a-long-enough-api-key"
    home = str(house.settings.home)
    locked = replace(house, settings=read_settings({"THIMBLE_HOME": home, "THIMBLE_API_KEY": key}))
    made, address = stage
    body = {"model": "zoo", "messages": HELLO}
    with made.playing(behind_gate(api(locked), locked), lifespan(locked)):
        without = post(address, **body)
        client = openai.OpenAI(base_url=f"{address}/v1", api_key=key)
        answer = client.chat.completions.create(**body)
        foreign = httpx.post(
            f"{address}/v1/chat/completions", json=body, headers={"Origin": "http://evil.example"}
        )
        client.close()

    assert (without.status_code, foreign.status_code) == (401, 403)
    assert answer.choices[0].message.content == "meow meow meow"


def test_curl_and_python_call_it_as_the_endpoint_says(url: str, house: House) -> None:
    how = snippets.how_to_call(url, "zoo", with_key=False, task="chat")
    env = {**os.environ, "no_proxy": "127.0.0.1"}
    lines = [["sh", "-c", f"{how['curl']} -s"], ["python3", "-c", how["python"]]]

    said = [
        subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout
        for line in lines
    ]

    assert how["url"] == f"{url}/v1/chat/completions"
    assert json.loads(said[0])["choices"][0]["message"]["content"].startswith("meow")
    assert said[1].startswith("meow meow")
