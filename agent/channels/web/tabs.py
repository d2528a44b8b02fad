"""The open tabs of a thread: what one of them shows, all of them show."""

from typing import Any

from chainlit.emitter import ChainlitEmitter
from chainlit.server import sio
from chainlit.session import WebsocketSession, ws_sessions_id


def tabs_of(thread_id: str, owner: str) -> list[WebsocketSession]:
    """The connected tabs of this owner that show the thread."""
    return [tab for tab in tabs_of_owner(owner) if tab.thread_id == thread_id]


def tabs_of_owner(owner: str) -> list[WebsocketSession]:
    """Closed tabs stay listed for an hour; these are the connected ones."""
    return [
        tab
        for tab in list(ws_sessions_id.values())
        if (tab.user is not None and tab.user.identifier == owner)
        and sio.manager.is_connected(tab.socket_id, "/")
    ]


def others(tab: WebsocketSession) -> list[WebsocketSession]:
    """The tabs that show the same thread."""
    found = tabs_of(tab.thread_id, tab.user.identifier)
    return [one for one in found if one.id != tab.id]


class InAllTabs(ChainlitEmitter):  # type: ignore[misc]
    """Sends what a turn shows to each tab of its thread, not only to the one that asked."""

    @property
    def emit(self) -> Any:
        async def to_all(event: str, data: Any) -> None:
            await self.session.emit(event, data)
            for tab in others(self.session):
                await tab.emit(event, data)

        return to_all
