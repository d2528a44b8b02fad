"""A language model over HTTP takes the whole main job: from a file to an endpoint and the help.

Every room is real but the training, which only pretends and leaves a small true model.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent import notes
from agent.events import ApprovalNeeded, Event, ToolFinished, TurnFailed, Unsourced
from agent.memory import FileRef
from core.identity import ALL_SCOPES, Caller
from core.job import Job
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from serving.supervisor import Supervisor
from tests.agent.talking import said, talk, with_llm
from tests.fakes import FakeLauncher, fake_worker
from tests.fakes_llm import Call, Entry, Json, Refuse, Say, Stream, playing
from tests.serving.artifacts import write_onnx
from tools.base import House, ToolContext, decide, quote_made

OWNER = Caller(scopes=ALL_SCOPES)


def working_worker(job: Job) -> None:
    """The pretended worker, but its model can be served."""
    fake_worker(job)
    if (job.folder / "onnx").exists():
        shutil.rmtree(job.folder / "onnx")
        write_onnx(job.folder / "onnx")


@pytest.fixture
def served(house: House) -> Iterator[House]:
    launcher = LocalLauncher(house.settings.home, os.environ, Capacity(cpus=2), grace_s=2)
    supervisor = Supervisor(house.database, house.storage, launcher, house.bus)
    supervisor.start()
    assert isinstance(house.launcher, FakeLauncher)
    house.launcher.work = working_worker
    stop = notes.follow(house)
    yield replace(house, supervisor=supervisor)
    stop()
    supervisor.stop()


def result(request: Json) -> str:
    """What the newest result tells the model."""
    return str(request["messages"][-1]["content"])


def found(pattern: str, request: Json) -> str:
    match = re.search(pattern, result(request))
    assert match, result(request)
    return match[1]


def told_of_run(request: Json) -> Entry:
    accuracy = float(found(r'"accuracy": ([\d.]+)', request))
    return Say(f"run_1 succeeded with {100 * accuracy:.1f} % accuracy. Shall I deploy it?")


def told_of_answer(request: Json) -> Entry:
    return Say(f"It says {found(r'.label.: .(cat|dog|bird)', request)}.")


def told_of_passage(request: Json) -> Entry:
    return Say(f"{found(r'.text.: .([^.]+)[.]', request)} [1].")


@pytest.fixture
def manual(house: House) -> FileRef:
    text = "# Refunds\n\nRefunds take 14 days. They are paid back to the card.\n"
    file = house.files.save_bytes(OWNER, "manual.md", text.encode())
    return FileRef(file.id, file.filename)


async def test_a_language_model_takes_the_whole_main_job(
    served: House, upload: FileRef, manual: FileRef
) -> None:
    with playing(
        # A dataset, looked at: two calls at once, the second needs what the first makes.
        Call(
            [
                ("create_dataset", {"name": "tickets", "file_id": upload.id}),
                ("describe_dataset", {"dataset": "tickets"}),
            ]
        ),
        Say("tickets@1 is ready. Shall I fine-tune on it?"),
        # A plan, after a server that is busy and a call that cannot be read.
        Refuse(429, {"error": {"message": "busy"}}, {"Retry-After": "0.01"}),
        Call([("start_finetune", '{"dataset": "tickets", ')]),
        Call([("start_finetune", {"dataset": "tickets", "epochs": 1})]),
        Say("The plan waits for your approval."),
        # The report.
        Call([("run_status", {"run": "last"})]),
        told_of_run,
        # An endpoint, from a stream that breaks before it said anything.
        Stream([], finish=None),
        lambda request: Call([("deploy_endpoint", {"model": "tickets", "name": "shop"})]),
        Say("The deployment waits for your approval."),
        Call([("ask_endpoint", {"endpoint": "shop", "input": "meow"})]),
        told_of_answer,
        # The documents.
        Call([("add_documents", {"file_id": manual.id})]),
        Say("Added."),
        Call([("search_docs", {"query": "how long do refunds take"})]),
        told_of_passage,
    ) as llm:
        chat = Conversation(with_llm(served, llm.url))
        made = await chat.say("make a dataset from this", upload)
        assert chat.results(made, "create_dataset")["dataset"] == "tickets@1"
        await chat.approve(await chat.say("fine-tune on it for one epoch"))
        served.follower.tick()
        report = await chat.say("how did it go?")
        assert "90.0 % accuracy" in said(report)
        live = await chat.approve(await chat.say("yes, deploy it"))
        assert live["state"] == "live"
        assert said(await chat.say("ask it: meow")) == "It says cat."
        await chat.say("add this to the documents", manual)
        assert said(await chat.say("how long do refunds take?")) == "Refunds take 14 days [1]."

    assert chat.failures == [] and chat.unsourced == []
    # What was decided and what ended between the turns, the model was told.
    assert "run_1 on tickets@1 has ended: succeeded" in str(llm.said())


class Conversation:
    """A person who talks, and presses what is shown."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.failures: list[str] = []
        self.unsourced: list[Json] = []

    async def say(self, text: str, *files: FileRef) -> list[Event]:
        events = await talk(self.house, text, *files)
        self.failures += [event.message for event in events if isinstance(event, TurnFailed)]
        for event in events:
            self.unsourced += event.marks if isinstance(event, Unsourced) else []
        return events

    async def approve(self, events: list[Event]) -> Json:
        asked = [event.approval for event in events if isinstance(event, ApprovalNeeded)][-1]
        self.house.follower.tick()
        quote_made(self.house)
        decided = decide(ToolContext(self.house, OWNER, "t1"), asked["id"], "approve")
        assert decided["error"] is None, decided["error"]
        done: Json = decided["result"]
        return done

    def results(self, events: list[Event], tool: str) -> Json:
        finished = [e for e in events if isinstance(e, ToolFinished) and e.name == tool]
        assert finished[-1].result is not None, finished[-1].error
        return finished[-1].result
