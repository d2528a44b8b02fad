"""The chat in the browser: Chainlit, mounted under our own application.

Chainlit is known in this folder only, and imported when `mount` is called, after its place on the
disk has been made: importing this package does nothing.

before Chainlit  place, elements (its folder, the cards put together), door (what is closed)
the page         page, panel, menu, visitors: words, settings, commands, language
one turn         chat, turn, turns, deeds, quiet, edge, desk: from a message to what is drawn
cards            drawing, cards, follow (alive in the background), calls and pressed (their buttons)
threads          history, titles, tabs, cut (after a crash), export, transcript, markdown_text
files            uploads, ids
to a model       talks, streams: threads with a model itself, and answers written side by side
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from agent.channels.web import place
from tools.base import House

if TYPE_CHECKING:
    from agent.channels.web.desk import Converse, Desk


def mount(app: FastAPI, house: House, converse: "Converse | None" = None) -> None:
    """Serve the chat at /chat, and follow the house's events while the application runs.

    Call it once in a process, before the application starts and after its other routes.

    Args:
        converse: What answers; `agent.session.Session` unless given.

    Raises:
        SettingsError: The chat's configuration is not there.
    """
    spot = place.prepare(house.settings)
    from chainlit.server import app as chainlit_app

    from agent.channels.web import chat, door, export, page, pressed, uploads

    made = open_desk(house, spot, converse)
    chat.register(made)
    pressed.register(made)
    door.configure()
    door.close_unused()
    door.guard_sockets(made)
    for routes in (
        uploads.routes(house, made.history),
        page.routes(house, spot),
        export.routes(made.history),
    ):
        app.include_router(routes)
    # Not `mount_chainlit`: it would load a file of ours by its path and add a middleware that
    # logs an error for each request that a browser gives up.
    greeted = door.Greeter(chainlit_app, made.history)
    app.mount(place.URL_PATH, greeted if house.settings.api_key is None else chainlit_app)
    follow_while_running(app, made)


def open_desk(house: House, spot: place.Place, converse: "Converse | None") -> "Desk":
    from agent.channels.web.cards import Cards
    from agent.channels.web.desk import Desk
    from agent.channels.web.follow import Follow
    from agent.channels.web.history import Elements, History
    from agent.session import Session

    history = History(house.database.path, Elements(spot.elements))
    cards = Cards(history)
    return Desk(house, converse or Session, history, cards, Follow(house, cards))


def follow_while_running(app: FastAPI, made: "Desk") -> None:
    from agent.channels.web import cut
    from agent.channels.web.edge import attempt

    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        async with inner(running) as state:
            # Before anybody can ask anew; what goes wrong here is in the log.
            await attempt(cut.tell(made.cards))
            async with made.follow.following():
                yield state

    app.router.lifespan_context = lifespan
