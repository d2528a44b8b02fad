"""A thread with a model itself, driven through the page's own sockets: nothing of the agent is
reached from it, whatever is said, and the page always says so.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.tab import Tab
from tests.running import RunningThimble, copy_home


@pytest.fixture(scope="module")
def thimble(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> Iterator[RunningThimble]:
    home = copy_home(empty_home, tmp_path_factory.mktemp("talk") / "home")
    with RunningThimble(home) as running:
        yield running


async def thread_with_a_model(thimble: RunningThimble) -> str:
    """A thread to talk with an endpoint that is not there any more; no tab has opened it yet."""
    async with Tab(thimble.url) as tab:
        await tab.say("what is running?")
    thread = str(uuid.uuid4())
    mark = {"language": "en", "talk": {"endpoint": "gone", "back": tab.thread_id}}
    with sqlite3.connect(thimble.home / "records.sqlite", timeout=30) as records:
        (user,) = records.execute("SELECT id FROM users").fetchone()
        row = (thread, "2026-01-01T00:00:00.000Z", "Talk", user, "owner", json.dumps(mark))
        records.execute(
            'INSERT INTO threads (id, "createdAt", name, "userId", "userIdentifier", metadata) '
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
    records.close()
    return thread


@pytest.mark.parametrize("said", ["what is running?", "/status", "list my datasets"])
async def test_what_is_said_to_a_model_never_reaches_a_tool(
    thimble: RunningThimble, said: str
) -> None:
    thread = await thread_with_a_model(thimble)

    async with Tab(thimble.url, thread) as tab:
        await tab.until(lambda: tab.counts["resume_thread"])
        before = set(tab.messages)
        await tab.say(said)
        await tab.until_seen("gone")
        new = [one for key, one in tab.messages.items() if key not in before]

    assert {one["type"] for one in new} <= {"user_message", "assistant_message", "run"}
    assert any("gone" in one["output"] for one in new if one["type"] == "assistant_message")


async def test_the_page_says_with_whom_one_talks_and_offers_only_to_save(
    thimble: RunningThimble,
) -> None:
    thread = await thread_with_a_model(thimble)

    async with Tab(thimble.url, thread) as tab:
        await tab.until(lambda: tab.counts["set_commands"])
        await tab.until(lambda: tab.counts["window_message"])
        bar = next(d["thimble_talk"] for e, d in tab.events if e == "window_message")
        menu = next(data for event, data in tab.events if event == "set_commands")
    assert bar["says"] == "You are talking with gone, not with Thimble."
    assert bar["url"].startswith("/chat/thread/")
    assert [entry["id"] for entry in menu] == ["save"]


async def test_a_conversation_with_an_endpoint_that_is_not_there_is_not_begun(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        await tab.say("what is running?")
        answer = await tab.call("talk", endpoint="nope")

    assert "nope" in answer["error"]["message"] and "open" not in answer
