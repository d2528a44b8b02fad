"""From conversations to a model that programs talk to: REST, command line, OpenAI's client."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from benchmarks.tiny_chat import jsonl
from core.job import RESULT_FILE, read_json
from server.client import Client
from tests.journey.test_main_job import approve, of_type, result, say, thimble_cli
from tests.running import RunningThimble, copy_home
from tests.tiny_base import put_tiny_chat

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROWS = 120
Json = dict[str, Any]


@pytest.fixture(scope="module")
def thimble(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[RunningThimble]:
    home = copy_home(prepared_home, tmp_path_factory.mktemp("journey") / "home")
    cache = request.config.cache
    assert cache is not None
    put_tiny_chat(home, cache.mkdir("tiny-chat"))
    with RunningThimble(home) as running:
        yield running


@pytest.fixture(scope="module")
def client(thimble: RunningThimble) -> Iterator[Client]:
    with thimble.client() as made:
        yield made


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "orders.jsonl"
    path.write_bytes(jsonl("orders", ROWS))
    return path


@pytest.fixture(scope="module")
def run(client: Client, orders: Path) -> Json:
    """A finished one, from upload to report; its status."""
    made = client.call("create_dataset", name="orders", file_id=client.upload(orders))
    assert (made["task"], made["rows"]) == ("chat", ROWS)
    quoted = client.call("quote_finetune", dataset="orders", epochs=1)
    assert quoted["arguments"]["base_model"] == "tiny-chat"
    started = client.run_approved("start_finetune", dataset="orders", epochs=1)
    status = client.wait(started["run"])
    assert status["state"] == "succeeded", status["error"]
    return status


@pytest.fixture(scope="module")
def endpoint(client: Client, run: Json) -> str:
    live = client.run_approved("deploy_endpoint", model="orders", name="orders")
    assert live["state"] == "live"
    return str(live["endpoint"])


def test_the_doctor_shows_what_would_be_trained(thimble: RunningThimble, orders: Path) -> None:
    found = thimble_cli(thimble, "doctor", str(orders), "--base", "tiny-chat", "--row", "7")

    (shown,) = found["check"]["preview"]
    lines = orders.read_text().splitlines()
    asked, answered = (one["content"] for one in json.loads(lines[6])["messages"])
    trained = "".join(one["text"] for one in shown["segments"] if one["trained"])
    assert shown["row"] == 7
    assert trained.startswith(answered) and asked not in trained


def test_figures_in_the_chat_are_those_of_the_result(
    client: Client, thimble: RunningThimble, run: Json
) -> None:
    written = read_json(thimble.home / "jobs" / run["run"] / RESULT_FILE)

    told = say(client, "thread-figures", "how is the last run doing?")

    status = result(told, "run_status")
    for key in ("metrics", "answers", "samples"):
        assert status[key] == written[key]
    shown = str(of_type(told, "tool_finished")[-1]["view"])
    base = next(one for one in written["baselines"] if one["name"] == "base")
    for scores in (written["metrics"]["test"], base):
        assert f"{scores['perplexity']:.2f}" in shown
    for scores in (written["answers"], *written["baselines"]):
        assert f"{100 * scores['score']:.1f} %" in shown.replace("\\xa0", " ")
    assert written["metrics"]["test"]["loss"] < base["loss"]


def test_openais_client_streams_what_the_whole_answer_says(
    client: Client, thimble: RunningThimble, endpoint: str, run: Json
) -> None:
    sample = run["samples"][0]
    messages = cast(list[ChatCompletionMessageParam], sample["messages"])
    with openai.OpenAI(base_url=f"{thimble.url}/v1", api_key="none", max_retries=0) as program:
        said: Json = {"messages": messages, "temperature": 0, "max_tokens": 64}
        whole = program.chat.completions.create(model=endpoint, **said)
        stream = program.chat.completions.create(model=endpoint, stream=True, **said)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
        untuned = program.chat.completions.create(model="tiny-chat", **said)

    answer = whole.choices[0].message.content
    assert "".join(pieces) == answer
    assert len([piece for piece in pieces if piece]) > 3
    assert sample["tuned"].startswith((answer or "").strip())
    assert untuned.choices[0].message.content != answer
    assert whole.usage and whole.usage.completion_tokens <= 64


def test_the_same_by_chat(client: Client, endpoint: str) -> None:
    text = "Order 7: please send 3 ropes to Gwen in Pisa."

    asked = result(say(client, "thread-ask", f"Ask it: {text}"), "ask_endpoint")

    assert asked["answer"]["text"] == whole(client, endpoint, text)
    events = say(client, "thread-ask", "Stop the endpoint orders")
    assert approve(client, events)["state"] == "stopped"
    again = say(client, "thread-ask", "Deploy orders as orders")
    assert approve(client, again)["state"] == "live"


def whole(client: Client, endpoint: str, text: str) -> str:
    told = client.complete(endpoint, text, temperature=0)
    return str(told["choices"][0]["message"]["content"])


def test_by_command_line(thimble: RunningThimble, endpoint: str) -> None:
    told = thimble_cli(thimble, "call", "endpoint_status", json.dumps({"endpoint": endpoint}))

    for argv in (["bash", "-c", told["curl"]], [sys.executable, "-c", told["python"]]):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() and '"error"' not in done.stdout
    beside = {"endpoint": endpoint, "input": "Order 7", "compare_with": "base"}
    answer = thimble_cli(thimble, "call", "ask_endpoint", json.dumps(beside))
    assert answer["compared"]["model"] == "tiny-chat"
