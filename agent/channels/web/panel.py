"""The settings panel of the page, over the user's preferences."""

import asyncio
from typing import Any

import chainlit as cl
from chainlit.input_widget import InputWidget, Select, TextInput

from agent import preferences
from agent.channels.web import menu, talks
from agent.channels.web.desk import Desk
from agent.channels.web.edge import caller_for, told
from agent.channels.web.tabs import tabs_of_owner
from agent.channels.web.visitors import language_of_tab, preferences_of
from agent.language import Words, words_in
from agent.preferences import Preferences
from core.errors import RequestRefused, ThimbleError
from core.settings import Settings

Json = dict[str, Any]


async def offer(desk: Desk, tab: Any) -> None:
    """Give the tab its panel and its commands, and the page the theme that was chosen.

    In a thread with a model itself the page says so, and no command is offered but to save it.
    """
    chosen = await preferences_of(desk.house, tab.user.identifier)
    w = words_in(await language_of_tab(desk.house, tab))
    panel = cl.ChatSettings(inputs(chosen, desk.house.settings, w))
    tab.chat_settings = panel.settings()
    await tab.emit("chat_settings", [one.to_dict() for one in panel.inputs])
    mark = await talks.mark_of(desk.history, tab.thread_id)
    await tab.emit("set_commands", menu.entries(w) if mark is None else menu.saving(w))
    shown = {"thimble_theme": chosen.theme, "thimble_language": w.language}
    await tab.emit("window_message", shown | {"thimble_talk": talks.bar(mark, w)})


def inputs(chosen: Preferences, settings: Settings, w: Words) -> list[InputWidget]:
    return [
        Select(
            id="language",
            label=w("Language"),
            items={w("As the browser"): "auto", "English": "en", "中文": "zh"},
            initial_value=chosen.language,
            description=w("Of the page and of the answers."),
        ),
        model_input(chosen, settings, w),
        TextInput(
            id="daily_limit",
            label=w("Most that the language model may use in a day"),
            initial="" if chosen.daily_limit is None else f"{chosen.daily_limit:g}",
            placeholder=w("no limit"),
            description=limit_words(settings, w),
        ),
        Select(
            id="theme",
            label=w("Theme"),
            items={w("As the system"): "system", w("Light"): "light", w("Dark"): "dark"},
            initial_value=chosen.theme,
        ),
    ]


def model_input(chosen: Preferences, settings: Settings, w: Words) -> InputWidget:
    planner = w("Thimble's own planner")
    if settings.llm is None:
        return Select(
            id="model",
            label=w("Who answers"),
            items={planner: chosen.model},
            initial_value=chosen.model,
            description=w("A language model can be set with THIMBLE_LLM where Thimble starts."),
        )
    return Select(
        id="model",
        label=w("Who answers"),
        items={settings.llm: "auto", planner: "planner"},
        initial_value=chosen.model,
        description=w("What you type goes to the language model; the planner is on this machine."),
    )


def limit_words(settings: Settings, w: Words) -> str:
    """What the limit counts."""
    if settings.llm is None:
        return w("Only counts when a language model is set; the planner costs nothing.")
    if settings.llm_price is None:
        return w("In thousands of tokens. Training is not counted: you approve it.")
    return w(
        "In {currency}, from midnight. Training is not counted: you approve it.",
        currency=settings.llm_price.currency,
    )


async def changed(desk: Desk, values: Json) -> None:
    """Keep what was confirmed; what cannot be kept is said, and the panel is as it was."""
    tab = cl.context.session
    before = await preferences_of(desk.house, tab.user.identifier)
    try:
        chosen = chosen_in(values)
    except ThimbleError as refusal:
        w = words_in(await language_of_tab(desk.house, tab))
        await offer(desk, tab)
        await cl.context.emitter.send_toast(told(refusal, w), "error")
        return
    caller = caller_for(tab.user.identifier)
    await asyncio.to_thread(preferences.save, desk.house.database, caller, chosen)
    await apply(desk, tab, before, chosen)


def chosen_in(values: Json) -> Preferences:
    """Raises RequestRefused for what is no choice, or no number."""
    kept = {name: str(values[name]) for name in ("language", "model", "theme") if values.get(name)}
    return Preferences(**kept, daily_limit=limit_in(values.get("daily_limit")))  # type: ignore[arg-type]


def limit_in(value: Any) -> float | None:
    text = str(value or "").strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise RequestRefused(
            f"{text[:80]!r} is not a number.",
            code="invalid_argument",
            param="daily_limit",
            fix="Give a number above 0, or nothing for no limit.",
        ) from None


async def apply(desk: Desk, tab: Any, before: Preferences, chosen: Preferences) -> None:
    """Show it: the panels and themes of all tabs at once, words by reading the page again."""
    for one in tabs_of_owner(tab.user.identifier):
        await offer(desk, one)
    if (before.language, before.model) != (chosen.language, chosen.model):
        await tab.emit("window_message", {"thimble_reload": True})
        return
    w = words_in(await language_of_tab(desk.house, tab))
    await cl.context.emitter.send_toast(w("Settings saved."), "success")
