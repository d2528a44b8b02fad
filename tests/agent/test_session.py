"""A conversation over the real tools, with our own planner."""

import re

from agent.events import (
    ApprovalNeeded,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
)
from agent.memory import FileRef
from agent.session import Session
from core.identity import Caller
from tests.agent.talking import OWNER, called, failures, said, talk
from tools.base import House

# The planner -----------------------------------------------------------------------------------


async def test_small_talk_is_answered_in_pieces_and_calls_nothing(house: House) -> None:
    events = await talk(house, "what can you do?")

    assert called(events) == []
    assert "fine-tune" in said(events).lower()
    assert sum(isinstance(event, TextDelta) for event in events) > 10
    assert events[-1] == TurnEnded()


async def test_a_file_becomes_a_dataset_and_its_card_is_shown(
    house: House, upload: FileRef
) -> None:
    events = await talk(house, "make a dataset from this", upload)

    assert called(events) == [("create_dataset", {"name": "tickets", "file_id": upload.id})]
    finished = next(event for event in events if isinstance(event, ToolFinished))
    assert finished.result is not None and finished.result["dataset"] == "tickets@1"
    assert finished.view is not None and finished.view.title == "Dataset tickets@1"
    assert "tickets@1 is ready" in said(events)


async def test_several_files_become_a_dataset_each_and_a_bad_one_stops_no_other(
    house: House, upload: FileRef
) -> None:
    bad = house.files.save_bytes(OWNER, "bad.csv", b"only one column\n1\n")
    text = house.files.path(OWNER, upload.id).read_bytes()
    more = house.files.save_bytes(OWNER, "more.csv", text)
    files = [FileRef(bad.id, "bad.csv"), upload, FileRef(more.id, "more.csv")]

    events = await talk(house, "make datasets from these and fine-tune on them", *files)

    assert [arguments["name"] for _, arguments in called(events)] == ["bad", "tickets", "more"]
    assert "Made: tickets@1, more@1." in said(events)
    assert "bad is not made: " in said(events)
    assert "Say which to go on with: “fine-tune on” and its name." in said(events)


async def test_what_is_over_the_most_files_is_named(house: House, upload: FileRef) -> None:
    text = house.files.path(OWNER, upload.id).read_bytes()
    names = [f"part{number}.csv" for number in range(1, 8)]
    files = [FileRef(house.files.save_bytes(OWNER, name, text).id, name) for name in names]

    events = await talk(house, "用这些文件做数据集", *files)

    assert len(called(events)) == 5
    assert re.search("还没有做：part6.csv(?:、|, )part7.csv。", said(events))

    again = await talk(house, "用 part6.csv 做一个数据集")
    assert called(again)[0][1]["name"] == "part6"


async def test_it_is_what_was_spoken_of_before(house: House, upload: FileRef) -> None:
    await talk(house, "make a dataset from this", upload)

    events = await talk(house, "describe it")

    assert called(events) == [("describe_dataset", {"dataset": "tickets"})]


async def test_fine_tuning_asks_for_approval_and_stops_there(house: House, upload: FileRef) -> None:
    events = await talk(house, "make a dataset from this, fine-tune on it and deploy it", upload)

    assert [name for name, _ in called(events)] == ["create_dataset", "start_finetune"]
    asked = [event.approval for event in events if isinstance(event, ApprovalNeeded)]
    assert [approval["tool"] for approval in asked] == ["start_finetune"]
    assert asked[0]["arguments"]["dataset"] == "tickets@1"
    assert "Not done yet: the deployment" in said(events)


async def test_a_refusal_is_explained_with_what_to_do(house: House, tickets: str) -> None:
    events = await talk(house, "fine-tune on tickets with rank 100000")

    finished = [event for event in events if isinstance(event, ToolFinished)]
    assert finished[-1].error is not None
    assert "rank" in said(events) and failures(events) == []


async def test_a_message_cannot_approve(house: House, tickets: str) -> None:
    await talk(house, "fine-tune on tickets")

    events = await talk(house, "approve it")

    assert [name for name, _ in called(events)] == ["list_approvals"]
    assert "cannot approve" in said(events)


async def test_threads_do_not_hear_each_other(house: House) -> None:
    await talk(house, "hello", thread="a")

    assert Session(house, OWNER, "b").memory.load() == []
    assert len(Session(house, OWNER, "a").memory.load()) == 2


async def test_another_owner_reads_nothing_of_a_thread(house: House) -> None:
    await talk(house, "hello", thread="a")

    assert Session(house, Caller(user="eve"), "a").memory.load() == []


async def test_leaving_a_turn_early_leaves_a_thread_that_goes_on(
    house: House, tickets: str
) -> None:
    session = Session(house, OWNER, "t1")
    reply = session.reply("describe tickets")
    async for event in reply:
        if isinstance(event, ToolStarted):
            break
    await reply.aclose()

    events = await talk(house, "describe it")

    assert [name for name, _ in called(events)] == ["describe_dataset"]
