"""Chainlit's own doors, closed where they stand open too far."""

from typing import Any

from chainlit.config import config
from chainlit.server import router, sio
from chainlit.session import WebsocketSession

from agent.channels.web.follow import Follow
from agent.channels.web.history import History
from agent.channels.web.ids import is_uuid
from agent.channels.web.place import LANGUAGE
from core.settings import Settings

UNUSED = (
    "/auth/jwt",
    "/auth/oauth/",
    "/copilot/",
    "/health",
    "/mcp",
    "/project/element",
    "/project/file",
    "/project/share/",
    "/project/thread/share",
    "/slack/",
    "/teams/",
)
"""Routes for what we do not have, or answer ourselves."""


def close_unused() -> None:
    router.routes[:] = [
        route for route in router.routes if not getattr(route, "path", "").startswith(UNUSED)
    ]


def configure(settings: Settings) -> None:
    """The part of the configuration that comes from our settings."""
    config.features.spontaneous_file_upload.max_size_mb = settings.max_upload_mb
    config.ui.language = LANGUAGE
    config.ui.default_theme = "system"


def guard_sockets(history: History, follow: Follow) -> None:
    """Look at what a tab says of itself before Chainlit does, and revive its cards afterwards."""
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
        if tab is not None and tab.has_first_interaction:
            await follow.opened(tab)

    sio.on("connect", guarded_connect)
    sio.on("connection_successful", connected_and_drawn)


def check_claims(auth: Any) -> None:
    """Session ids become folder names and thread ids part of SQL: both must be true UUIDs."""
    session_id = auth.get("sessionId") if isinstance(auth, dict) else None
    thread_id = (auth.get("threadId") if isinstance(auth, dict) else None) or None
    if not is_uuid(session_id) or (thread_id is not None and not is_uuid(thread_id)):
        raise ConnectionRefusedError("bad session")
    auth.setdefault("clientType", "webapp")
