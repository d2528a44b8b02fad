"""Answers on their way, at a real server with a scripted model: in all tabs, stopped, cut off."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.tab import Json, Tab
from tests.conftest import TICKETS
from tests.fakes_llm import Call, Refuse, Say, Script, ScriptedLlm, Stream, playing
from tests.running import RunningThimble

pytestmark = pytest.mark.slow
ENDLESS = Stream([{"content": "and so on "}], pause=0.1, forever=True)


@contextmanager
def answered_by(
    home: Path, script: Sequence[Script], **environment: str
) -> Iterator[tuple[RunningThimble, ScriptedLlm]]:
    with playing(*script) as llm:
        asked = {"THIMBLE_LLM": "scripted", "THIMBLE_LLM_BASE_URL": llm.url}
        with RunningThimble(home, **asked, **environment) as running:
            yield running, llm


def said_by_thimble(tab: Tab) -> list[str]:
    """The texts of the answers, in the order in which they came."""
    said = [one for one in tab.messages.values() if one["type"] == "assistant_message"]
    return [one["output"] for one in said if one["output"]]


async def test_stopping_ends_the_answer_and_the_next_message_works(home: Path) -> None:
    with answered_by(home, [ENDLESS, Say("Here again.")]) as (thimble, llm):
        async with Tab(thimble.url, language="zh-CN") as tab:
            over = tab.counts["task_end"] + 1
            await tab.begin("talk")
            await tab.until_seen("and so on and so on")
            await tab.socket.emit("stop")
            await tab.until(lambda: tab.counts["task_end"] >= over)
            await tab.until_seen("已停止。")
            assert await asyncio.to_thread(llm.hung_up.wait, 10)

            await tab.say("go on")
            await tab.until_seen("Here again.")
            thread = tab.thread_id
        async with Tab(thimble.url, thread) as tab:
            await tab.until_seen("Here again.")
            partial, stopped, again = said_by_thimble(tab)
            assert partial.startswith("and so on and so on")
            assert (stopped, again) == ("已停止。", "Here again.")
            assert not any(view["kind"] == "error" for view in tab.views())


async def test_the_words_and_the_answer_appear_in_each_tab_of_the_thread(home: Path) -> None:
    slow = Stream([{"content": f"piece {at} "} for at in range(20)], pause=0.05)
    with answered_by(home, [Say("Hello."), slow, ENDLESS]) as (thimble, _):
        async with Tab(thimble.url) as tab:
            await tab.say("hi")
            async with Tab(thimble.url, tab.thread_id) as other, Tab(thimble.url) as elsewhere:
                await other.until_seen("Hello.")
                file = (await tab.upload(TICKETS.name, TICKETS.read_bytes())).json()["id"]
                await tab.begin("and this?", file)
                await other.until_seen("and this?")
                await other.until(lambda: other.counts["stream_token"] > 3)
                await other.until_seen("piece 19")
                names = [one["name"] for one in other.elements.values()]
                assert names == [TICKETS.name]
                assert not elsewhere.sees("piece")

                await tab.begin("more")
                await other.until_seen("and so on")
                await other.socket.emit("stop")
                await tab.until_seen("Stopped.")
                await other.until_seen("Stopped.")


async def test_a_tab_that_is_opened_in_the_middle_of_an_answer_gets_it_whole(home: Path) -> None:
    pieces = [{"content": f"piece {at}. "} for at in range(60)]
    with answered_by(home, [Stream(pieces, pause=0.05)]) as (thimble, _):
        async with Tab(thimble.url) as tab:
            await tab.begin("tell me")
            await tab.until_seen("piece 30")
            async with Tab(thimble.url, tab.thread_id) as other:
                await other.until(lambda: other.counts["task_start"] > 0)
                await other.until_seen("piece 59")
                whole = "".join(piece["content"] for piece in pieces).strip()
                await other.until(lambda: any(whole in text for text in said_by_thimble(other)))
                assert len(said_by_thimble(other)) == 1


async def test_a_pause_of_the_model_is_shown_while_it_lasts(home: Path) -> None:
    busy = Refuse(429, {"error": {"message": "slow down"}}, {"Retry-After": "2"})
    with answered_by(home, [busy, Say("Here.")]) as (thimble, _):
        async with Tab(thimble.url) as tab:
            await tab.begin("hi")
            await tab.until(lambda: any(map(is_pause, tab.messages.values())))
            await tab.until_seen("Here.")
            assert not any(map(is_pause, tab.messages.values()))


def is_pause(step: Json) -> bool:
    return (step.get("metadata") or {}).get("icon") == "hourglass"


async def test_two_tabs_that_ask_at_once_are_answered_one_after_the_other(home: Path) -> None:
    slow = Stream([{"content": f"first {at} "} for at in range(10)], pause=0.1)
    with answered_by(home, [Say("Hello."), slow, Say("second")]) as (thimble, llm):
        async with Tab(thimble.url) as tab:
            await tab.say("hi")
            async with Tab(thimble.url, tab.thread_id) as other:
                await other.until_seen("Hello.")
                await tab.begin("one")
                await tab.until_seen("first 1")
                await other.begin("two")
                await other.until_seen("second")
                assert tab.sees("first 9")
        asked = [one["content"] for one in llm.said() if one["role"] == "user"]
        assert asked == ["hi", "one", "two"]


async def test_an_answer_that_a_killed_server_cut_off_is_kept_and_can_be_asked_again(
    home: Path,
) -> None:
    with answered_by(home, [ENDLESS, Say("Now whole.")]) as (thimble, llm):
        async with Tab(thimble.url) as tab:
            file = (await tab.upload(TICKETS.name, TICKETS.read_bytes())).json()["id"]
            await tab.begin("what is in this?", file)
            await tab.until(lambda: tab.counts["stream_token"] > 25)
            thread = tab.thread_id

        thimble.restart()
        thimble.restart()

        async with Tab(thimble.url, thread) as tab:
            await tab.until_seen("This answer was cut off")
            kept = said_by_thimble(tab)
            assert len(kept) == 1
            assert kept[0].count("and so on") >= 8
            assert [view["kind"] for view in tab.views()] == ["error"]

            await tab.press("Ask again")
            await tab.until_seen("Now whole.")
            question = llm.said()[-1]["content"]
            assert "what is in this?" in question
            assert TICKETS.name in question

        thimble.restart()
        async with Tab(thimble.url, thread) as tab:
            await tab.until_seen("Now whole.")
            assert len([view for view in tab.views() if view["kind"] == "error"]) == 1


async def test_a_message_that_waited_behind_a_stopped_answer_is_told_as_cut_off_too(
    home: Path,
) -> None:
    with answered_by(home, [ENDLESS, ENDLESS]) as (thimble, _):
        async with Tab(thimble.url) as tab:
            await tab.begin("one")
            await tab.until(lambda: tab.counts["stream_token"] > 25)
            async with Tab(thimble.url, tab.thread_id) as other:
                await other.begin("two")
                await tab.socket.emit("stop")
                await tab.until_seen("Stopped.")
                streamed = tab.counts["stream_token"]
                await tab.until(lambda: tab.counts["stream_token"] > streamed + 25)
            thread = tab.thread_id

        thimble.restart()

        async with Tab(thimble.url, thread) as tab:
            await tab.until_seen("This answer was cut off")
            assert [button["say"] for button in tab.buttons()] == ["two"]


async def test_what_an_answer_cost_stands_below_it_and_tools_are_named_plainly(
    home: Path,
) -> None:
    script = [Call([("list_datasets", {})]), Say("There are 17 datasets.", usage=(1200, 30))]
    with answered_by(home, script, THIMBLE_LLM_PRICE="1/2 USD") as (thimble, _):
        async with Tab(thimble.url) as tab:
            await tab.say("which datasets are there?")
            await tab.until_seen("There are 17⁽?⁾ datasets.")
            thread = tab.thread_id
        async with Tab(thimble.url, thread) as tab:
            await tab.until_seen("There are 17⁽?⁾ datasets.")
            lines = [one for one in tab.messages.values() if one["type"] == "tool"]
            assert [line["name"] for line in lines] == [
                "Listed the datasets",
                "scripted · 1,300 tokens read, 40 written · 0.0014 USD",
            ]
            assert in_order(tab, "Listed", "There are 17", "scripted")


def in_order(tab: Tab, *beginnings: str) -> bool:
    steps: list[Json] = sorted(tab.messages.values(), key=lambda one: str(one["createdAt"]))
    words = [one["output"] if "message" in one["type"] else one["name"] for one in steps]
    places = [
        next(at for at, text in enumerate(words) if text.startswith(beginning))
        for beginning in beginnings
    ]
    return places == sorted(places)
