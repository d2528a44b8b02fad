"""The main job with a language model over HTTP, on a real server with real training."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.client import Client
from tests.fakes_llm import Call, Entry, Json, Refuse, Say, ScriptedLlm, playing
from tests.running import RunningThimble

pytestmark = pytest.mark.slow
TICKETS = Path(__file__).parent.parent / "files" / "tickets.csv"


def content(request: Json) -> str:
    return str(request["messages"][-1]["content"])


def make(request: Json) -> Entry:
    """The id of the attached file stands in the person's words."""
    file_id = re.findall(r'"id": "(file-\w+)"', content(request))[-1]
    return Call([("create_dataset", {"name": "tickets", "file_id": file_id})])


def report(request: Json) -> Entry:
    told = json.loads(content(request).removeprefix("<data>").removesuffix("</data>"))["result"]
    return Say(f"It has {100 * told['metrics']['test']['accuracy']:.1f} % accuracy.")


@pytest.fixture
def llm() -> Iterator[ScriptedLlm]:
    with playing(
        make,
        Say("tickets@1 is ready."),
        Refuse(500, {"error": {"message": "a moment"}}),
        Call([("start_finetune", {"dataset": "tickets", "epochs": 1})]),
        Say("It waits for your approval."),
        Call([("run_status", {"run": "last"})]),
        report,
        Call([("deploy_endpoint", {"model": "tickets", "name": "shop"})]),
        Say("It waits for your approval."),
        Call([("ask_endpoint", {"endpoint": "shop", "input": "where is my parcel?"})]),
        Say("Asked; and I made up that it has 99.9 % accuracy."),
        Call([("search_docs", {"query": "what does the rank of LoRA do", "collection": "help"})]),
        Say("The rank says how much can be learnt [1]."),
    ) as playing_llm:
        yield playing_llm


def of_type(events: list[Json], kind: str) -> list[Json]:
    return [event for event in events if event["type"] == kind]


def words(events: list[Json]) -> str:
    return "".join(event["text"] for event in of_type(events, "text_delta"))


def approve(client: Client, events: list[Json]) -> Json:
    decided = client.approve(of_type(events, "approval_needed")[-1]["approval"]["id"])
    assert decided["state"] == "done", decided["error"]
    done: dict[str, Any] = decided["result"]
    return done


def test_the_main_job_with_a_language_model(home: Path, llm: ScriptedLlm) -> None:
    environment = {
        "THIMBLE_LLM": "scripted",
        "THIMBLE_LLM_BASE_URL": llm.url,
        "THIMBLE_LLM_PRICE": "0.15/0.60 USD",
    }
    with RunningThimble(home, **environment) as thimble, thimble.client() as client:

        def say(text: str, *files: str) -> list[Json]:
            events = list(client.chat("t1", text, list(files)))
            assert of_type(events, "turn_failed") == []
            assert of_type(events, "spent")[0]["cost"] > 0
            return events

        say("make a dataset from this", client.upload(str(TICKETS)))
        run = approve(client, say("fine-tune on it for one epoch"))["run"]
        accuracy = client.wait(run)["metrics"]["test"]["accuracy"]
        told = say("how good is it?")
        assert words(told) == f"It has {100 * accuracy:.1f} % accuracy."
        assert of_type(told, "unsourced") == []
        assert approve(client, say("deploy it"))["state"] == "live"
        asked = say("ask it: where is my parcel?")
        assert [mark["text"] for mark in of_type(asked, "unsourced")[0]["marks"]] == ["99.9 %"]
        cited = of_type(say("what does the rank do?"), "tool_finished")[0]["result"]
        assert cited["passages"]
