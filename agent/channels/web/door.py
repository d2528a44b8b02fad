"""Chainlit's own doors, closed where they stand open too far."""

from typing import Any

from chainlit.auth.cookie import get_token_from_cookies, set_auth_cookie
from chainlit.auth.jwt import create_jwt, decode_jwt
from chainlit.config import config
from chainlit.server import router, sio
from chainlit.session import WebsocketSession
from fastapi import Request, Response
from jwt import InvalidTokenError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.channels.web import chat, panel
from agent.channels.web.desk import Desk
from agent.channels.web.history import History
from agent.channels.web.ids import is_uuid

UNUSED = (
    "/auth/jwt",
    "/auth/oauth/",
    "/copilot/",
    "/health",
    "/mcp",
    "/project/element",
    "/project/file",
    "/project/settings",
    "/project/share/",
    "/project/thread/share",
    "/project/translations",
    "/slack/",
    "/teams/",
)
"""Routes for what we do not have, or answer ourselves."""
MOST_MB = 1_000_000


def close_unused() -> None:
    router.routes[:] = [
        route for route in router.routes if not getattr(route, "path", "").startswith(UNUSED)
    ]


def configure() -> None:
    """The page refuses no file by its size, in English and for a moment: `uploads` does."""
    config.features.spontaneous_file_upload.max_size_mb = MOST_MB
    config.ui.default_theme = "system"


def guard_sockets(desk: Desk) -> None:
    """Look at what a tab says of itself before Chainlit does; give it its own afterwards."""
    history, follow = desk.history, desk.follow
    connect = sio.handlers["/"]["connect"]
    connected = sio.handlers["/"]["connection_successful"]

    async def guarded_connect(sid: str, environ: Any, auth: Any) -> Any:
        check_claims(auth)
        if not auth.get("threadId") and WebsocketSession.get_by_id(auth["sessionId"]) is None:
            auth["threadId"] = await history.thread_of_tab(auth["sessionId"])
        return await connect(sid, environ, auth)

    async def connected_and_drawn(sid: str) -> None:
        await connected(sid)
        tab = WebsocketSession.get(sid)
        if tab is not None:
            await panel.offer(desk, tab)
        if tab is not None and tab.has_first_interaction:
            await follow.opened(tab)
            if desk.turns.is_running(tab.thread_id):
                await tab.emit("task_start", {})

    async def stopped(sid: str) -> None:
        tab = WebsocketSession.get(sid)
        if tab is not None:
            desk.turns.stop(tab.thread_id)

    sio.on("connect", guarded_connect)
    sio.on("connection_successful", connected_and_drawn)
    sio.on("stop", stopped)


class Greeter:
    """Logs in whoever opens the page, with the page itself.

    Chainlit's own way leads over a login page and loses the address of the thread on it.
    """

    def __init__(self, app: ASGIApp, history: History) -> None:
        self.app = app
        self.history = history

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and opens_page(Request(scope)):
            send = with_headers(send, await self.login(Request(scope)))
        await self.app(scope, receive, send)

    async def login(self, request: Request) -> list[tuple[bytes, bytes]]:
        """The cookies of a new session of the owner."""
        user = chat.person()
        await self.history.create_user(user)
        response = Response()
        set_auth_cookie(request, response, create_jwt(user))
        return [header for header in response.raw_headers if header[0] == b"set-cookie"]


def opens_page(request: Request) -> bool:
    """Whether a browser asks for a page and is not logged in."""
    wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return wants_page and not logged_in(request)


def logged_in(request: Request) -> bool:
    token = get_token_from_cookies(request.cookies)
    try:
        return token is not None and bool(decode_jwt(token))
    except InvalidTokenError:
        return False


def with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return send_more


def check_claims(auth: Any) -> None:
    """Session ids become folder names and thread ids part of SQL: both must be true UUIDs."""
    session_id = auth.get("sessionId") if isinstance(auth, dict) else None
    thread_id = (auth.get("threadId") if isinstance(auth, dict) else None) or None
    if not is_uuid(session_id) or (thread_id is not None and not is_uuid(thread_id)):
        raise ConnectionRefusedError("bad session")
    auth.setdefault("clientType", "webapp")
