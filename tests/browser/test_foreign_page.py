"""A page of another origin, open in the same browser, can do nothing here."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.browser.visitor import Visitor
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TICKETS = Path(__file__).parents[1] / "files" / "tickets.csv"
ATTEMPTS = """
async ([target, approval, session]) => {
  const ask = (path, options) =>
    fetch(target + path, { credentials: 'include', ...options })
      .then((answer) => `${path}: ${answer.type} ${answer.status}`, () => `${path}: blocked`)
  const json = (body) => ({ method: 'POST', body: JSON.stringify(body) })
  const typed = (body) => ({ ...json(body), headers: { 'Content-Type': 'application/json' } })
  const form = new FormData()
  form.append('file', new Blob(['text,label']), 'foreign.csv')
  const socket = await new Promise((resolve) => {
    const made = new WebSocket(
      target.replace('http', 'ws') + '/chat/ws/socket.io/?EIO=4&transport=websocket')
    made.onopen = () => resolve('open')
    made.onerror = made.onclose = () => resolve('blocked')
  })
  const decide = { decision: 'approve' }
  const action = { name: 'decide', payload: { approval_id: approval, ...decide }, label: '' }
  const attempts = [
    await ask(`/api/approvals/${approval}`, json(decide)),
    await ask(`/api/approvals/${approval}`, typed(decide)),
    await ask('/chat/project/action', typed({ sessionId: session, action })),
    await ask('/chat/project/action', { ...json({ sessionId: session, action }), mode: 'no-cors' }),
    await ask(`/chat/project/file?session_id=${session}`,
      { method: 'POST', body: form, mode: 'no-cors' }),
    await ask('/v1/files', { method: 'POST', body: form, mode: 'no-cors' }),
    await ask('/api/chat', json({ thread_id: session, text: 'foreign words' })),
    await ask('/chat/ws/socket.io/?EIO=4&transport=polling', {}),
    await ask('/chat/auth/header', { method: 'POST', mode: 'no-cors' }),
    await ask('/chat/project/threads', typed({ pagination: { first: 9 }, filter: {} })),
  ]
  return [`socket: ${socket}`, ...attempts]
}
"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><body>hello</body>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def foreign() -> Iterator[str]:
    """The address of somebody else's page on another port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_foreign_page_can_neither_chat_nor_upload_nor_approve(
    thimble: RunningThimble, visit: Callable[..., Visitor], foreign: str
) -> None:
    with thimble.client() as client:
        client.call("create_dataset", name="tickets", file_id=client.upload(TICKETS))
        approval = client.call("delete_dataset", dataset="tickets")["approval"]["id"]
    person = visit()
    with person.page.expect_request("**/set-session-cookie") as asked:
        person.open()
    session = asked.value.post_data_json["session_id"]

    page = person.page.context.new_page()
    page.goto(foreign)
    outcomes = page.evaluate(ATTEMPTS, [thimble.url, approval, session])

    assert [one for one in outcomes if not one.endswith(("blocked", "opaque 0"))] == []
    with thimble.client() as client:
        assert client.approval(approval)["state"] == "waiting"
        assert len(httpx.get(f"{thimble.url}/v1/files").json()["data"]) == 1
    person.reload()
    assert not person.sees("foreign words")


def test_the_chat_is_not_shown_in_a_frame_of_a_foreign_page(
    thimble: RunningThimble, visit: Callable[..., Visitor], foreign: str
) -> None:
    person = visit()
    person.open()
    page = person.page.context.new_page()
    page.goto(foreign)
    page.evaluate(
        "url => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))",
        thimble.url + "/chat/",
    )
    page.wait_for_timeout(4_000)

    assert [frame for frame in page.frames if frame.query_selector("#chat-input")] == []
