"""With a key set, nothing but the way to the login answers without it."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running import RunningThimble, copy_home

pytestmark = pytest.mark.slow
KEY = "a-long-enough-api-key"
UUID = "8f14e45f-ceea-467f-a8f5-1d2b3c4d5e6f"


@pytest.fixture(scope="module")
def thimble(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningThimble]:
    home = copy_home(prepared_home, tmp_path_factory.mktemp("key") / "home")
    with RunningThimble(home, THIMBLE_API_KEY=KEY) as running:
        yield running


@pytest.fixture
def routes_of_chainlit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Method and path of each; importing Chainlit writes into its root."""
    monkeypatch.setenv("CHAINLIT_APP_ROOT", str(tmp_path))
    with warnings.catch_warnings(action="ignore"):  # of Chainlit's own dependencies
        from chainlit.server import router

    return [
        (method, re.sub(r"\{[^}]*\}", UUID, route.path))
        for route in router.routes
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    ]


OPEN = {
    "/auth/config", "/login", "/logout", "/project/translations", "/user", "/set-session-cookie",
}  # fmt: skip
"""What the page needs to show its login, and answers the same to everybody."""


def test_the_api_needs_the_key(thimble: RunningThimble) -> None:
    for path in ("/healthz", "/v1/models", "/api/tools", "/openapi.json"):
        assert httpx.get(thimble.url + path).status_code == 401
        given = {"Authorization": f"Bearer {KEY}"}
        assert httpx.get(thimble.url + path, headers=given).status_code == 200


def test_the_chat_gives_nothing_of_the_owner_to_who_has_not_logged_in(
    thimble: RunningThimble, routes_of_chainlit: list[tuple[str, str]]
) -> None:
    answered = {}
    for method, path in routes_of_chainlit:
        answer = httpx.request(method, f"{thimble.url}/chat{path}", json={})
        kind = answer.headers.get("content-type", "")
        if answer.status_code == 200 and kind.startswith("application/json"):
            answered[path] = answer.text
    assert set(answered) <= OPEN, answered


def test_the_key_is_the_password_of_the_chat(thimble: RunningThimble) -> None:
    form = {"username": "owner", "password": "wrong"}
    assert httpx.post(f"{thimble.url}/chat/login", data=form).status_code == 401
    right = httpx.post(f"{thimble.url}/chat/login", data=form | {"password": KEY})
    assert right.status_code == 200
