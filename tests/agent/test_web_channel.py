"""The chat in the browser, driven through its own sockets and routes against a real server."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from socketio.exceptions import ConnectionError as Refused

from core.job import RESULT_FILE
from tests.agent.tab import Json, Tab
from tests.conftest import TICKETS
from tests.running import RunningThimble

KEY = "a-long-and-random-key"


@pytest.fixture
def thimble(home: Path) -> Iterator[RunningThimble]:
    with RunningThimble(home, THIMBLE_MAX_UPLOAD_MB="1") as running:
        yield running


async def with_dataset(tab: Tab) -> None:
    uploaded = await tab.upload(TICKETS.name, TICKETS.read_bytes())
    await tab.say("make a dataset from this", uploaded.json()["id"])
    await tab.until_seen("Dataset tickets@1")


def moves(view: Json) -> bool:
    """Whether it is the card of a run that has taken a step."""
    return view["kind"] == "run" and any(chart["x"] for chart in view["charts"])


@pytest.mark.slow
async def test_a_conversation_survives_a_killed_server_and_its_buttons_still_work(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        await with_dataset(tab)
        await tab.say("delete the dataset tickets")
        await tab.until(lambda: {"Approve", "Reject"} <= tab.labels())
        thread = tab.thread_id

    thimble.restart()

    async with Tab(thimble.url, thread) as tab, Tab(thimble.url, thread) as other:
        await tab.until_seen("make a dataset from this")
        await tab.until(lambda: "Approve" in tab.labels())
        await other.until(lambda: "Approve" in other.labels())
        await tab.press("Approve")
        await tab.until(lambda: "Approve" not in tab.labels())
        await other.until(lambda: "Approve" not in other.labels())
    with thimble.client() as client:
        assert client.call("list_datasets")["datasets"] == []


@pytest.mark.slow
async def test_a_tab_that_outlives_the_server_stays_in_its_thread(thimble: RunningThimble) -> None:
    async with Tab(thimble.url) as tab:
        await tab.say("what can you do?")
        thread, session = tab.thread_id, tab.session_id

    thimble.restart()

    async with Tab(thimble.url, session_id=session) as tab:
        await tab.until_seen("what can you do?")
        assert tab.thread_id == thread


@pytest.mark.slow
async def test_what_is_done_elsewhere_reaches_an_open_tab(thimble: RunningThimble) -> None:
    async with Tab(thimble.url) as tab:
        await with_dataset(tab)
        await tab.say("delete the dataset tickets")
        await tab.until(lambda: "Reject" in tab.labels())

        with thimble.client() as client:
            client.reject(client.approvals()[0]["id"])

        await tab.until(lambda: "Approve" not in tab.labels())
        assert tab.views()[-1]["state"] == "rejected"


@pytest.mark.slow
async def test_a_run_that_ends_while_no_server_is_there_is_reported_once(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        await with_dataset(tab)
        await tab.say("fine-tune a classifier on it, 1 epoch")
        await tab.until(lambda: "Approve" in tab.labels())
        await tab.press("Approve")
        await tab.until(lambda: any(map(moves, tab.views())))
        thread = tab.thread_id

    thimble.kill()
    result = thimble.home / "jobs" / "run_1" / RESULT_FILE
    async with asyncio.timeout(240):
        while not result.exists():
            await asyncio.sleep(0.5)
    for _ in range(2):
        thimble.restart()
        async with Tab(thimble.url, thread) as tab:
            await tab.until_seen("Worst classes")
            assert len([view for view in tab.views() if view["kind"] == "run"]) == 1
            await tab.until(lambda tab=tab: any("Deploy" in label for label in tab.labels()))


@pytest.mark.slow
async def test_what_belongs_to_a_message_is_given_only_to_its_owner(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        await with_dataset(tab)
        thread = tab.thread_id
    async with Tab(thimble.url, thread) as tab:
        await tab.until(lambda: any(one["type"] == "file" for one in tab.elements.values()))
        file = next(one for one in tab.elements.values() if one["type"] == "file")

        answer = await tab.http.get(file["url"])
        stranger = httpx.get(thimble.url + file["url"])

        assert answer.content == TICKETS.read_bytes()
        assert answer.headers["content-disposition"].startswith("attachment")
        assert stranger.status_code == 401
        assert (await tab.http.get(f"/chat/element/{uuid.uuid4()}")).status_code == 404
        escaped = await tab.http.get("/chat/element/..%2Fsecret")
        assert (thimble.home / "chat" / "secret").read_text() not in escaped.text


@pytest.mark.slow
async def test_an_upload_that_is_refused_says_why_and_leaves_nothing(
    thimble: RunningThimble,
) -> None:
    async with Tab(thimble.url) as tab:
        too_large = await tab.upload("big.csv", b"x" * (2**20 + 1))
        empty = await tab.upload("empty.csv", b"")
        misleading = await tab.upload("a\u202egpj.csv", b"text,label\n")
        foreign = await tab.http.post(
            f"/chat/project/file?session_id={uuid.uuid4()}", files={"file": ("a.csv", b"x")}
        )

    assert "larger than 1 MiB" in too_large.json()["detail"]
    assert "is empty" in empty.json()["detail"]
    assert "reverses the reading direction" in misleading.json()["detail"]
    assert foreign.status_code == 404
    assert httpx.get(f"{thimble.url}/v1/files").json()["data"] == []


@pytest.mark.slow
async def test_a_page_sent_as_a_file_comes_back_as_a_file_to_save(thimble: RunningThimble) -> None:
    async with Tab(thimble.url) as tab:
        sent = await tab.upload("page.html", b"<script>alert(1)</script>", "text/html")

        back = await tab.http.get(
            f"/chat/project/file/{sent.json()['id']}?session_id={tab.session_id}"
        )

        assert back.content == b"<script>alert(1)</script>"
        assert back.headers["content-type"] == "application/octet-stream"
        assert back.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in back.headers["content-security-policy"]


@pytest.mark.slow
async def test_ids_that_are_no_uuids_do_not_get_a_session(thimble: RunningThimble) -> None:
    for session, thread in (("../../x", ""), (str(uuid.uuid4()), "x') OR ('1'='1")):
        tab = Tab(thimble.url, thread, session)
        with pytest.raises(Refused):
            await tab.__aenter__()
        await tab.__aexit__()
    assert not (thimble.home / "x").exists()


@pytest.mark.slow
async def test_nothing_of_the_chat_lies_outside_the_home(
    thimble: RunningThimble, tmp_path: Path
) -> None:
    before = {path.name for path in Path.cwd().iterdir()}
    async with Tab(thimble.url) as tab:
        await with_dataset(tab)
    assert {path.name for path in Path.cwd().iterdir()} - before <= {"__pycache__"}
    assert (thimble.home / "chat" / "secret").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_with_a_key_the_chat_asks_for_it(home: Path) -> None:
    with RunningThimble(home, THIMBLE_API_KEY=KEY) as running, httpx.Client() as http:
        wrong = http.post(f"{running.url}/chat/login", data={"username": "me", "password": "wrong"})
        header = http.post(f"{running.url}/chat/auth/header")
        stranger = http.get(f"{running.url}/chat/user")
        right = http.post(f"{running.url}/chat/login", data={"username": "me", "password": KEY})

        assert (wrong.status_code, header.status_code, stranger.status_code) == (401, 400, 401)
        assert right.status_code == 200
        assert http.get(f"{running.url}/chat/user").json()["identifier"] == "owner"
        assert "SameSite=strict" in right.headers["set-cookie"]
