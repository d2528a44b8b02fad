"""What the page itself says: Chainlit's words, starters, links and footer, in two languages.

These routes stand in front of Chainlit's own, which know only the language of the browser.
"""

import json
from pathlib import Path
from typing import Any

from chainlit.server import project_settings
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from agent.channels.web.edge import OWNER
from agent.channels.web.place import Place
from agent.channels.web.uploads import answer, person
from agent.channels.web.visitors import TAGS, language_for, preferences_of
from agent.language import Words, words_in
from agent.models import where_text_goes
from agent.preferences import Preferences
from core.settings import Settings
from tools.base import House

Json = dict[str, Any]


def routes(house: House, spot: Place) -> APIRouter:
    router = APIRouter()

    @router.get("/chat/project/translations")
    async def translations(language: str = "en-US") -> Response:
        """Chainlit's words. They are asked for before anybody has logged in."""
        chosen = await preferences_of(house, OWNER)
        w = words_in(await language_for(house, OWNER, language))
        return JSONResponse({"translation": translation(spot, house.settings, chosen, w)})

    @router.get("/chat/project/settings")
    async def settings(request: Request, language: str = "en-US") -> Response:
        """What the page shows besides: starters, the welcome, links."""
        return await answer(page_settings(house, request, language))

    return router


async def page_settings(house: House, request: Request, tag: str) -> Response:
    w = words_in(await language_for(house, await person(request), tag))
    made = await project_settings(None, TAGS[w.language], None)
    content = json.loads(made.body)
    content["ui"]["header_links"] = links(w)
    return JSONResponse(content)


def links(w: Words) -> list[Json]:
    """At the head of the page. public/scripts/thread.js puts the open thread into the second."""
    return [
        {
            "name": w("Help"),
            "icon_url": "/public/icons/help.svg",
            "url": "/help" if w.language == "en" else "/help/zh",
            "target": "_blank",
        },
        {
            "name": w("Save this conversation"),
            "icon_url": "/public/icons/save.svg",
            "url": "/chat/threads/this.md",
            "target": "_self",
        },
    ]


def translation(spot: Place, settings: Settings, chosen: Preferences, w: Words) -> Json:
    path = Path(spot.app) / ".chainlit" / "translations" / f"{TAGS[w.language]}.json"
    words: Json = json.loads(path.read_text(encoding="utf-8"))
    words["chat"]["watermark"] = where_text_goes(settings, chosen, w)
    return words
