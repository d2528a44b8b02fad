"""The page around the conversation, at a real server: language, settings, history, saving."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agent.tab import Json, Tab
from tests.conftest import TICKETS
from tests.running import RunningThimble, copy_home

pytestmark = pytest.mark.slow
CHINESE = "zh-CN,zh;q=0.9,en;q=0.8"
SHOWN: Json = {"thimble_theme": "system", "thimble_language": "en", "thimble_talk": {}}
"""What a page is told of itself; it talks with no model."""


@pytest.fixture(scope="module")
def thimble(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningThimble]:
    home = copy_home(prepared_home, tmp_path_factory.mktemp("page") / "home")
    with RunningThimble(home, THIMBLE_MAX_UPLOAD_MB="1") as running:
        yield running


async def translation(tab: Tab, language: str) -> Json:
    answer = await tab.http.get(f"/chat/project/translations?language={language}")
    words: Json = answer.json()["translation"]
    return words


async def page(tab: Tab, language: str) -> Json:
    made: Json = (await tab.http.get(f"/chat/project/settings?language={language}")).json()
    return made


async def choose(tab: Tab, **changed: Any) -> None:
    """Confirm the settings panel, and wait until it comes back."""
    await panel(tab)
    panels = tab.counts["chat_settings"]
    values = {"language": "auto", "model": "auto", "daily_limit": None, "theme": "system"}
    await tab.socket.emit("chat_settings_change", values | changed)
    await tab.until(lambda: tab.counts["chat_settings"] > panels)


async def panel(tab: Tab) -> dict[str, Json]:
    await tab.until(lambda: tab.counts["chat_settings"])
    newest = [data for event, data in tab.events if event == "chat_settings"][-1]
    return {field["id"]: field for field in newest}


@pytest.mark.parametrize("tag", ["zh-CN", "zh", "zh-TW", "zh-Hans-CN"])
async def test_a_chinese_browser_gets_a_chinese_page(thimble: RunningThimble, tag: str) -> None:
    async with Tab(thimble.url, language=CHINESE) as tab:
        words, shown = await translation(tab, tag), await page(tab, tag)
        fields = await panel(tab)
    assert words["chat"]["settings"]["title"] == "设置"
    assert "不会离开这台机器" in words["chat"]["watermark"]
    assert shown["starters"][0]["label"] == "怎么开始？"
    assert "把文件拖进对话" in shown["markdown"]
    assert (
        shown["ui"]["header_links"][0]
        == {
            "name": "帮助",
            "display_name": None,
            "icon_url": "/public/icons/help.svg",
            "url": "/help/zh",
            "target": "_blank",
        }
        or shown["ui"]["header_links"][0]["url"] == "/help/zh"
    )
    assert fields["language"]["label"] == "语言"


@pytest.mark.parametrize("tag", ["en-GB", "de", "fr-CA", "not a tag"])
async def test_every_other_browser_gets_an_english_page(thimble: RunningThimble, tag: str) -> None:
    async with Tab(thimble.url, language=tag) as tab:
        words, shown = await translation(tab, tag), await page(tab, tag)
    assert words["chat"]["settings"]["title"] == "Settings"
    assert shown["starters"][0]["label"] == "How do I begin?"
    assert "Drop a file" in shown["markdown"]


async def test_a_chosen_language_wins_over_the_browsers(thimble: RunningThimble) -> None:
    async with Tab(thimble.url) as tab:
        await choose(tab, language="zh")
        try:
            await tab.until(lambda: tab.counts["window_message"] > 2)
            assert ("window_message", {"thimble_reload": True}) in tab.events
            assert (await translation(tab, "en-US"))["chat"]["settings"]["title"] == "设置"
            await tab.say("what can you do?")
            await tab.until_seen("微调")
        finally:
            await choose(tab)
        assert (await translation(tab, "en-US"))["chat"]["settings"]["title"] == "Settings"


async def test_what_happens_in_the_background_is_told_in_the_threads_language(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url, language=CHINESE) as tab:
        file = (await tab.upload(TICKETS.name, TICKETS.read_bytes())).json()["id"]
        await tab.say("用它做一个数据集", file)
        await tab.until_seen("数据集 tickets@1")
        await tab.say("delete the dataset tickets")
        await tab.until(lambda: "批准" in tab.labels())
        with thimble.client() as client:
            client.reject(client.approvals()[0]["id"])
        await tab.until(lambda: "批准" not in tab.labels())
        assert tab.views()[-1]["state_label"] == "已拒绝"


async def test_a_command_says_its_words_and_is_shown_as_it_is_typed(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url, language=CHINESE) as tab:
        await tab.until(lambda: tab.counts["set_commands"])
        menu = next(data for event, data in tab.events if event == "set_commands")
        assert {"status", "save"} < {entry["id"] for entry in menu}
        assert all(entry["description"] and entry["icon"] for entry in menu)
        await tab.say("/status")
        await tab.until_seen("没有")
        await tab.say("/save")
        await tab.until_seen(f"[保存这个对话](/chat/threads/{tab.thread_id}.md)")
        await until_stored(tab, "/status")
        assert (await threads(tab, "/status"))[0] == "有什么正在运行？"


async def test_what_was_chosen_is_there_for_the_next_tab(thimble: RunningThimble) -> None:
    async with Tab(thimble.url) as tab, Tab(thimble.url) as open_already:
        await panel(open_already)
        await choose(tab, theme="dark", daily_limit="2,5")
        await open_already.until(
            lambda: ("window_message", SHOWN | {"thimble_theme": "dark"}) in open_already.events
        )
    async with Tab(thimble.url) as tab:
        fields = await panel(tab)
        assert fields["theme"]["initial"] == "dark"
        assert fields["daily_limit"]["initial"] == "2.5"
        await choose(tab)


@pytest.mark.parametrize("limit", ["lots", "-3", "0", "nan", "inf"])
async def test_a_limit_that_is_none_is_refused_in_words_and_not_kept(
    thimble: RunningThimble, limit: str
) -> None:
    async with Tab(thimble.url) as tab:
        await choose(tab, daily_limit=limit)
        await tab.until(lambda: any(event == "toast" for event, _ in tab.events))
        toast = next(data for event, data in tab.events if event == "toast")
        assert toast["type"] == "error"
        assert "above 0" in toast["message"]
        assert (await panel(tab))["daily_limit"]["initial"] == ""


async def threads(tab: Tab, search: str = "") -> list[str]:
    wanted = {"pagination": {"first": 20}, "filter": {"search": search}}
    found = (await tab.http.post("/chat/project/threads", json=wanted)).json()
    return [thread["name"] for thread in found["data"]]


async def until_stored(tab: Tab, search: str) -> None:
    """Chainlit writes messages in the background."""
    async with asyncio.timeout(10):
        while not await threads(tab, search):
            await asyncio.sleep(0.1)


async def test_threads_are_found_by_title_words_and_what_stands_on_their_cards(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        file = (await tab.upload(TICKETS.name, TICKETS.read_bytes())).json()["id"]
        await tab.say("make a dataset from this, please", file)
        title = "tickets.csv: make a dataset from this, please"
        await tab.until(lambda: any(view["kind"] == "dataset" for view in tab.views()))
        await until_stored(tab, "please")

        assert title in await threads(tab)
        for words in ("TICKETS.csv", "dataset please", "Splits 126", "invoice"):
            assert title in await threads(tab, words), words
        for words in ("please%", "_", "invoice nowhere", "thimble_show", "facts"):
            assert title not in await threads(tab, words), words

        renamed = {"threadId": tab.thread_id, "name": "Support"}
        assert (await tab.http.put("/chat/project/thread", json=renamed)).status_code == 200
        await tab.say("what is running?")
        assert (await threads(tab, "make invoice")) == ["Support"]


async def test_a_conversation_is_saved_as_markdown_by_its_owner_alone(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        file = (await tab.upload(TICKETS.name, TICKETS.read_bytes())).json()["id"]
        await tab.say("make a dataset from this", file)
        await tab.until(lambda: any(view["kind"] == "dataset" for view in tab.views()))
        await until_stored(tab, "Label column")
        address = f"/chat/threads/{tab.thread_id}.md"

        answer = await tab.http.get(address)
        stranger = httpx.get(thimble.url + address)

        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"].startswith("text/markdown")
        text = answer.text
        assert text.startswith("# tickets.csv: make a dataset from this\n")
        heads = [text.index(words) for words in ("## You", "File: tickets.csv", "## Thimble")]
        assert heads == sorted(heads)
        assert "Dataset tickets@1" in text and "delivery" in text
        assert stranger.status_code == 401
        for other in ("this", "00000000-0000-4000-8000-000000000000"):
            assert (await tab.http.get(f"/chat/threads/{other}.md")).status_code == 404


async def test_thumbs_are_kept_with_the_thread(thimble: RunningThimble) -> None:
    async with Tab(thimble.url) as tab:
        await tab.say("what can you do?")
        run = next(one for one in tab.messages.values() if one["name"] == "on_message")
        thread = tab.thread_id
        feedback = {"forId": run["id"], "threadId": thread, "value": 1, "comment": "clear"}
        given = {"feedback": feedback, "sessionId": tab.session_id}
        assert (await tab.http.put("/chat/feedback", json=given)).json()["success"]
        await until_stored(tab, "what can you do?")
    async with Tab(thimble.url, thread) as tab:
        await tab.until(lambda: run["id"] in tab.messages)
        kept = tab.messages[run["id"]]["feedback"]
        assert (kept["value"], kept["comment"]) == (1, "clear")


async def test_each_file_that_is_refused_is_named_in_a_message_that_stays(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url, language=CHINESE) as tab:
        big, empty, good = await asyncio.gather(
            tab.upload("big.csv", b"x" * (2**20 + 1)),
            tab.upload("empty.csv", b""),
            tab.upload(TICKETS.name, TICKETS.read_bytes()),
        )
        assert (big.status_code, empty.status_code, good.status_code) == (400, 400, 200)
        await tab.until_seen("`big.csv` 没有收下。")
        await tab.until_seen("`empty.csv` 没有收下。")
        await tab.say("用它做一个数据集", good.json()["id"])
        await until_stored(tab, "empty.csv")
        thread = tab.thread_id
    async with Tab(thimble.url, thread) as tab:
        await tab.until_seen("`big.csv` 没有收下。")


@pytest.mark.parametrize(
    ("language", "said", "link"),
    [
        ("en", "make a dataset from this", "[What this means](/help/errors#bad_parquet)"),
        (CHINESE, "用它做一个数据集", "[这是什么意思](/help/zh/errors#bad_parquet)"),
    ],
)
async def test_what_a_tool_refused_leads_to_its_explanation(
    thimble: RunningThimble, language: str, said: str, link: str
) -> None:
    async with Tab(thimble.url, language=language) as tab:
        file = (await tab.upload("broken.parquet", b"PAR1" + b"x" * 40)).json()["id"]
        await tab.say(said, file)
        answers = said_by_thimble(tab)
        assert [text.count(link) for text in answers] == [1]
        assert answers[0].endswith(link)
        await tab.say("what is running?" if language == "en" else "有什么正在运行？")
        assert link not in said_by_thimble(tab)[-1]


def said_by_thimble(tab: Tab) -> list[str]:
    said = [one for one in tab.messages.values() if one["type"] == "assistant_message"]
    return [one["output"] for one in said if one["output"]]
