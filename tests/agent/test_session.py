"""A conversation over the real tools: with the planner, and with a scripted model over HTTP."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent.events import (
    ApprovalNeeded,
    Event,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnFailed,
)
from agent.session import FileRef, Session
from core.identity import Caller
from tests.fakes_llm import Call, Refuse, Say, playing
from tools.base import House

OWNER = Caller(actor="terminal")
TICKETS_CSV = "tickets.csv"


async def talk(house: House, text: str, *files: FileRef, thread: str = "t1") -> list[Event]:
    session = Session(house, OWNER, thread, "terminal")
    return [event async for event in session.reply(text, files)]


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def called(events: Sequence[Event]) -> list[tuple[str, dict[str, object]]]:
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolStarted)]


def failures(events: Sequence[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, TurnFailed)]


def with_llm(house: House, url: str) -> House:
    return replace(house, settings=replace(house.settings, llm="scripted", llm_base_url=url))


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

    assert Session(house, OWNER, "b", "terminal").memory.load() == []
    assert len(Session(house, OWNER, "a", "terminal").memory.load()) == 2


async def test_another_owner_reads_nothing_of_a_thread(house: House) -> None:
    await talk(house, "hello", thread="a")

    assert Session(house, Caller(user="eve"), "a", "terminal").memory.load() == []


async def test_leaving_a_turn_early_leaves_a_thread_that_goes_on(
    house: House, tickets: str
) -> None:
    session = Session(house, OWNER, "t1", "terminal")
    reply = session.reply("describe tickets")
    async for event in reply:
        if isinstance(event, ToolStarted):
            break
    await reply.aclose()

    events = await talk(house, "describe it")

    assert [name for name, _ in called(events)] == ["describe_dataset"]


# A model over HTTP -----------------------------------------------------------------------------


async def test_a_scripted_model_calls_tools_and_its_words_stream(
    house: House, tickets: str
) -> None:
    with playing(Call([("list_datasets", {})]), Say("You have tickets@1, ready to use.")) as llm:
        events = await talk(with_llm(house, llm.url), "what do I have?")

    assert called(events) == [("list_datasets", {})]
    assert said(events) == "You have tickets@1, ready to use."
    assert sum(isinstance(event, TextDelta) for event in events) > 3
    assert [m["role"] for m in llm.said()] == ["system", "user", "assistant", "tool"]


async def test_several_calls_at_once_are_all_answered(house: House, tickets: str) -> None:
    both = Call([("list_datasets", {}), ("list_runs", {})])
    with playing(both, Say("Done.")) as llm:
        events = await talk(with_llm(house, llm.url), "look around")

    assert sorted(name for name, _ in called(events)) == ["list_datasets", "list_runs"]
    assert [m["role"] for m in llm.said()][-2:] == ["tool", "tool"]


async def test_an_approval_is_text_for_the_model_and_an_event_for_the_channel(
    house: House, tickets: str
) -> None:
    with playing(Call([("start_finetune", {"dataset": "tickets"})]), Say("It waits.")) as llm:
        events = await talk(with_llm(house, llm.url), "fine-tune")

    asked = next(event.approval for event in events if isinstance(event, ApprovalNeeded))
    assert f"waiting for approval {asked['id']}" in llm.said()[-1]["content"]


async def test_a_malformed_call_is_repaired_and_nothing_ran(house: House) -> None:
    broken = Call([("list_datasets", '{"oops": ')])
    with playing(broken, Call([("list_datasets", {})]), Say("There.")) as llm:
        events = await talk(with_llm(house, llm.url), "list")

    assert called(events) == [("list_datasets", {})]
    assert said(events) == "There."


async def test_a_third_malformed_call_ends_the_turn(house: House) -> None:
    with playing(Call([("list_datasets", '{"oops": ')])) as llm:
        events = await talk(with_llm(house, llm.url), "list")

    assert len(llm.requests) == 3
    assert "cannot be read" in failures(events)[0]


async def test_an_unknown_tool_is_answered_with_an_error(house: House) -> None:
    with playing(Call([("drop_tables", {})]), Say("I cannot.")) as llm:
        events = await talk(with_llm(house, llm.url), "drop")

    assert said(events) == "I cannot."
    assert "drop_tables" in llm.said()[-1]["content"]


async def test_the_same_call_three_times_stops_the_turn(house: House) -> None:
    with playing(Call([("list_runs", {})])) as llm:
        events = await talk(with_llm(house, llm.url), "loop")

    assert len(called(events)) == 2
    assert "three times" in failures(events)[0]


async def test_a_turn_ends_after_twelve_calls_of_the_model(house: House) -> None:
    script = [Call([("search_docs", {"query": "x", "k": n})]) for n in range(60, 90)]
    with playing(*script) as llm:
        events = await talk(with_llm(house, llm.url), "loop")

    assert len(llm.requests) == 12
    assert "more steps" in failures(events)[0]


async def test_a_thread_goes_on_after_a_stopped_turn(house: House) -> None:
    with playing(Call([("list_runs", {})])) as llm:
        await talk(with_llm(house, llm.url), "loop")
    with playing(Say("Better now.")) as llm:
        events = await talk(with_llm(house, llm.url), "and now?")

    assert said(events) == "Better now."
    assert unanswered(llm.said()) == set()


def unanswered(messages: list[dict[str, object]]) -> set[object]:
    """Ids of calls without an answer: an OpenAI server refuses a request with one."""
    made = {c["id"] for m in messages for c in m.get("tool_calls") or ()}  # type: ignore[attr-defined]
    return made - {m.get("tool_call_id") for m in messages}


REFUSALS = [
    (Refuse(429, {"error": {"message": "slow down SECRET"}}, {"Retry-After": "0.01"}), "limiting"),
    (Refuse(429, {"error": {"message": "pay", "code": "insufficient_quota"}}), "quota"),
    (Refuse(401, {"error": {"message": "bad key SECRET"}}), "THIMBLE_LLM_API_KEY"),
    (Refuse(404, "<html>SECRET</html>"), "THIMBLE_LLM_BASE_URL"),
    (Refuse(500, {"error": {"message": "SECRET"}}, {"Retry-After": "0.01"}), "fault"),
    (Refuse(200, "<html>SECRET</html>"), "OpenAI protocol"),
]


@pytest.mark.parametrize(("refusal", "words"), REFUSALS)
async def test_a_failing_model_is_told_in_plain_words(
    house: House, refusal: Refuse, words: str
) -> None:
    with playing(refusal) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert words in failures(events)[0]
    assert "SECRET" not in str(events) and "Traceback" not in str(events)
    assert len(llm.requests) <= 3
    assert events[-1] == TurnEnded()


async def test_a_used_up_quota_is_not_tried_again(house: House) -> None:
    used_up = Refuse(429, {"error": {"message": "pay", "code": "insufficient_quota"}})
    with playing(used_up) as llm:
        await talk(with_llm(house, llm.url), "hello")

    assert len(llm.requests) == 1


async def test_a_model_that_limits_once_is_tried_again(house: House) -> None:
    limited = Refuse(429, {"error": {"message": "wait"}}, {"Retry-After": "0.01"})
    with playing(limited, Say("Here I am.")) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "Here I am."


async def test_a_model_that_nobody_serves_is_told(house: House) -> None:
    events = await talk(with_llm(house, "http://127.0.0.1:9/v1"), "hello")

    assert "cannot be reached" in failures(events)[0]
