"""Who looks at the page, and in which language."""

import asyncio
from typing import Any

from agent import preferences
from agent.channels.web.edge import caller_for
from agent.language import Language
from agent.language.detect import language_of_tag
from agent.preferences import Preferences
from tools.base import House

TAGS: dict[Language, str] = {"en": "en-US", "zh": "zh-CN"}
"""The names of Chainlit's files for our languages."""


async def preferences_of(house: House, user: str) -> Preferences:
    return await asyncio.to_thread(preferences.load, house.database, caller_for(user))


async def language_for(house: House, user: str, tag: str) -> Language:
    """The one that the user has chosen, else the nearest to what the browser asks for."""
    return (await preferences_of(house, user)).speaks(language_of_tag(tag))


async def language_of_tab(house: House, tab: Any) -> Language:
    """As `language_for`, by what the browser said when the tab connected."""
    return await language_for(house, tab.user.identifier, tab.language)
