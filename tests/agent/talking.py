"""Conversations in tests: say something, look at the events."""

from collections.abc import Sequence
from dataclasses import replace

from agent.budget import Limits
from agent.events import Event, TextDelta, ToolStarted, TurnFailed
from agent.memory import FileRef
from agent.session import Session
from core.identity import Caller
from tools.base import House

OWNER = Caller(actor="terminal")
QUICK = Limits(backoff_s=0.001, wait_s=0.5, first_s=5, gap_s=5)
"""The same rules as ever, without the waiting."""


async def talk(
    house: House,
    text: str,
    *files: FileRef,
    thread: str = "t1",
    language: str = "en",
    limits: Limits = QUICK,
) -> list[Event]:
    session = Session(house, OWNER, thread, "zh" if language == "zh" else "en", limits)
    return [event async for event in session.reply(text, files)]


def with_llm(house: House, url: str) -> House:
    return replace(house, settings=replace(house.settings, llm="scripted", llm_base_url=url))


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def called(events: Sequence[Event]) -> list[tuple[str, dict[str, object]]]:
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolStarted)]


def failures(events: Sequence[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, TurnFailed)]


def codes(events: Sequence[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, TurnFailed)]
