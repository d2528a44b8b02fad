"""The gate alone, in front of an application that remembers whether it was reached."""

import json
from typing import Any

import pytest

from core.identity import ALL_SCOPES, API_SCOPES
from server.gate import Gate

TOKEN = "the-owners-token"
KEY = "a-long-enough-api-key"
HOST = {"host": "127.0.0.1:8000"}


class Reached:
    """Remembers what came through, and fails when a body is asked for."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)


class Answer:
    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.messages[1]["body"])["error"]
        return found


async def unread() -> Any:
    raise AssertionError("the gate read the body")


async def knock(
    headers: dict[str, str],
    *,
    key: str | None = None,
    path: str = "/api/tools",
    method: str = "GET",
    kind: str = "http",
    query: bytes = b"",
) -> tuple[Reached, Answer]:
    inner, answer = Reached(), Answer()
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await Gate(inner, key, TOKEN)(scope, unread, answer)
    return inner, answer


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
async def test_this_machine_needs_no_key(host: str) -> None:
    inner, _ = await knock({"host": host})
    assert inner.scopes[0]["state"]["caller"].scopes == API_SCOPES


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:8000"},
        {"host": "127.0.0.1:8000,evil.example"},
        {"host": "evil.example@127.0.0.1.evil"},
        {},
        HOST | {"x-forwarded-for": "203.0.113.9"},
        HOST | {"forwarded": "for=203.0.113.9"},
        HOST | {"x-forwarded-proto": "https"},
        HOST | {"origin": "http://evil.example"},
        HOST | {"origin": "null"},
        HOST | {"origin": "http://["},
        HOST | {"origin": "http://127.0.0.1:9999"},
        HOST | {"origin": "chrome-extension://127.0.0.1:8000"},
        HOST | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        HOST | {"sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"},
    ],
)
@pytest.mark.parametrize("path", ["/api/tools", "/chat/ws/socket.io/", "/chat/project/action"])
async def test_foreign_hosts_origins_and_proxies_are_refused(
    headers: dict[str, str], path: str
) -> None:
    inner, answer = await knock(headers, path=path)
    assert (inner.scopes, answer.status, answer.error["code"]) == ([], 403, "forbidden")
    assert answer.error["request_id"].startswith("req_")


async def test_a_websocket_from_a_foreign_origin_is_closed_before_it_opens() -> None:
    inner, answer = await knock(HOST | {"origin": "http://evil.example"}, kind="websocket")
    assert inner.scopes == []
    assert answer.messages == [{"type": "websocket.close", "code": 1008}]


async def test_a_link_from_another_site_may_open_the_page() -> None:
    headers = HOST | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    inner, _ = await knock(headers, path="/chat/")
    assert len(inner.scopes) == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_a_form_could_send_is_not_taken_for_json(kind: str) -> None:
    headers = HOST | {"content-type": kind}
    inner, answer = await knock(headers, path="/api/approvals/ap_1", method="POST")
    assert (inner.scopes, answer.status) == ([], 415)


@pytest.mark.parametrize(
    "path",
    ["/", "/chat", "/chat/login", "/help", "/help/zh", "/help/errors", "/help/zh/first-app.md",
     "/help/static/page.css"],
)  # fmt: skip
async def test_with_a_key_only_the_chats_own_login_and_the_built_in_help_are_open(
    path: str,
) -> None:
    inner, _ = await knock({"host": "thimble.example"}, key=KEY, path=path)
    assert len(inner.scopes) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/v1/models",
        "/api/tools",
        "/help/1",
        "/help/document_12",
        "/help/zh/../../v1/models",
        "/help/zh/document_1",
        "/openapi.json",
    ],
)
@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {KEY}"])
async def test_with_a_key_everything_else_needs_it(path: str, given: str | None) -> None:
    headers = {"host": "thimble.example"} | ({"authorization": given} if given else {})
    inner, answer = await knock(headers, key=KEY, path=path)
    assert (inner.scopes, answer.status) == ([], 401)


async def test_the_key_may_ask_and_the_owners_token_may_decide() -> None:
    asked, _ = await knock(HOST | {"authorization": f"Bearer {KEY}"}, key=KEY)
    decided, _ = await knock(HOST | {"authorization": f"Bearer {TOKEN}"}, key=KEY)
    assert "approve" not in asked.scopes[0]["state"]["caller"].scopes
    assert decided.scopes[0]["state"]["caller"].scopes == ALL_SCOPES


async def test_a_key_that_is_not_asked_for_gives_no_more_rights() -> None:
    inner, _ = await knock(HOST | {"authorization": "Bearer anything"})
    assert inner.scopes[0]["state"]["caller"].scopes == API_SCOPES


@pytest.mark.parametrize("value", [b"../../x", b"1234", b"%2e%2e%2fx"])
async def test_a_session_id_that_is_no_uuid_does_not_reach_chainlit(value: bytes) -> None:
    inner, answer = await knock(HOST, path="/chat/project/file", query=b"session_id=" + value)
    assert (inner.scopes, answer.status) == ([], 400)


async def test_a_canonical_session_id_passes() -> None:
    query = b"session_id=8f14e45f-ceea-467f-a8f5-1d2b3c4d5e6f"
    inner, _ = await knock(HOST, path="/chat/project/file", query=query)
    assert len(inner.scopes) == 1
