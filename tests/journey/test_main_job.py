"""The main job on real data that Thimble has not seen, by chat, REST and command line."""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.client import Client
from tests.running import RunningThimble, copy_home

pytestmark = pytest.mark.slow
FILES = Path(__file__).parent.parent / "files"
DATA = Path(os.environ.get("THIMBLE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
INTENTS, ROWS_EACH = 12, 30


@pytest.fixture(scope="module")
def thimble(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningThimble]:
    home = copy_home(prepared_home, tmp_path_factory.mktemp("journey") / "home")
    with RunningThimble(home) as running:
        yield running


@pytest.fixture
def client(thimble: RunningThimble) -> Iterator[Client]:
    with thimble.client() as made:
        yield made


@pytest.fixture(scope="module")
def clinc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLINC150 flattened to a table, a part of its intents, with columns of other names."""
    source = DATA / "clinc150" / "data_full.json.gz"
    if not source.exists():
        pytest.skip(f"{source} is not there; set THIMBLE_TEST_DATA")
    rows = json.loads(gzip.decompress(source.read_bytes()))["train"]
    intents = sorted({label for _, label in rows})[:INTENTS]
    chosen = [row for label in intents for row in of_label(rows, label)[:ROWS_EACH]]
    random.Random(0).shuffle(chosen)
    path = tmp_path_factory.mktemp("clinc") / "Assistant Requests.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["nr", "utterance", "what_they_want"])
        writer.writerows([number, *row] for number, row in enumerate(chosen))
    return path


def of_label(rows: list[list[str]], label: str) -> list[list[str]]:
    return [row for row in rows if row[1] == label]


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short Chinese hotel reviews, as many bad as good."""
    source = DATA / "zh_sentiment" / "ChnSentiCorp_htl_all.csv"
    if not source.exists():
        pytest.skip(f"{source} is not there; set THIMBLE_TEST_DATA")
    with source.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    short = [row for row in rows if 0 < len(row[1].strip()) <= 40]
    chosen = [row for label in "01" for row in of_first(short, label)[:150]]
    random.Random(0).shuffle(chosen)
    path = tmp_path_factory.mktemp("zh") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header, *chosen])
    return path


def of_first(rows: list[list[str]], label: str) -> list[list[str]]:
    return [row for row in rows if row[0] == label]


def say(client: Client, thread: str, text: str, *files: str) -> list[dict[str, Any]]:
    return list(client.chat(thread, text, list(files)))


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def result(events: list[dict[str, Any]], tool: str) -> dict[str, Any]:
    found = [event for event in of_type(events, "tool_finished") if event["name"] == tool]
    assert found, events
    assert found[-1]["error"] is None, found[-1]["error"]
    done: dict[str, Any] = found[-1]["result"]
    return done


def words(events: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in of_type(events, "text_delta"))


def approve(client: Client, events: list[dict[str, Any]]) -> dict[str, Any]:
    asked = of_type(events, "approval_needed")[-1]["approval"]
    decided = client.approve(asked["id"])
    assert decided["state"] == "done", decided["error"]
    done: dict[str, Any] = decided["result"]
    return done


@pytest.mark.parametrize("data", ["clinc", "chinese"])
def test_by_chat(client: Client, thimble: RunningThimble, data: str, request: Any) -> None:
    path: Path = request.getfixturevalue(data)
    thread, name = f"thread-{data}", f"chat-{data}"
    events = say(client, thread, f"make a dataset called {name} from this", client.upload(path))
    assert result(events, "create_dataset")["dataset"] == f"{name}@1"

    events = say(client, thread, "Fine-tune a classifier on it for 2 epochs")
    run = approve(client, events)["run"]
    status = client.wait(run)
    assert status["state"] == "succeeded", status["error"]

    told = say(client, thread, f"how is {name} doing?")
    written = json.loads((thimble.home / "jobs" / run / "result.json").read_bytes())
    assert result(told, "run_status")["metrics"] == written["metrics"]
    assert f"{100 * written['metrics']['test']['accuracy']:.1f} %" in words(told) + str(
        of_type(told, "tool_finished")[-1]["view"]
    )

    approve(client, say(client, thread, "Deploy it"))
    label = written["labels"][0]
    answer = result(say(client, thread, "Ask it: good morning"), "ask_endpoint")["answer"]
    assert answer["label"] in written["labels"], label


@pytest.mark.parametrize("data", ["clinc", "chinese"])
def test_by_rest(client: Client, data: str, request: Any) -> None:
    path: Path = request.getfixturevalue(data)
    name = f"rest-{data}"
    made = client.call("create_dataset", name=name, file_id=client.upload(path))
    assert sum(made["splits"].values()) <= made["rows"]
    run = client.run_approved("start_finetune", dataset=name, epochs=1)["run"]
    status = client.wait(run)
    majority = next(one for one in status["baselines"] if one["name"] == "majority")
    best = max(one["accuracy"] for one in status["baselines"])
    assert best > majority["accuracy"] + 0.1
    client.run_approved("deploy_endpoint", model=status["models"]["tfidf"], name=name)
    assert client.classify(name, ["hello", "再来一次"], top_k=2)["data"][1]["index"] == 1


@pytest.mark.parametrize("data", ["clinc", "chinese"])
def test_by_command_line(thimble: RunningThimble, data: str, request: Any) -> None:
    path: Path = request.getfixturevalue(data)
    name = f"cli-{data}"
    made = thimble_cli(
        thimble, "call", "create_dataset", f'{{"name":"{name}","file_id":"@{path}"}}'
    )
    assert made["dataset"] == f"{name}@1"
    asked = thimble_cli(
        thimble, "call", "start_finetune", f'{{"dataset": "{name}", "epochs": 1, "rank": 4}}'
    )
    decided = thimble_cli(thimble, "approve", asked["approval"]["id"])["approval"]
    run = decided["result"]["run"]
    with thimble.client() as client:
        assert client.wait(run)["state"] == "succeeded"
    live = thimble_cli(
        thimble, "call", "deploy_endpoint", f'{{"model": "{name}", "name": "{name}"}}', "--yes"
    )
    assert live["state"] == "live"
    shown = subprocess.run(["bash", "-c", live["curl"]], capture_output=True).stdout
    assert json.loads(shown)["data"][0]["label"]
    shown = subprocess.run([sys.executable, "-c", live["python"]], capture_output=True).stdout
    assert b"label" in shown


def thimble_cli(thimble: RunningThimble, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        env=thimble.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
