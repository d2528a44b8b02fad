"""One conversation: model, tools and memory in, events out."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage

from agent import preferences, world
from agent.events import Event, TextDelta, TurnEnded, TurnFailed
from agent.failures import in_plain_words
from agent.langchain_tools import Looping, Turn, bridged
from agent.language import Language, language_of, words_in
from agent.memory import Memory, spoken
from agent.models import NoAnswer, chat_model
from agent.repair import Repair, TooManyRepairs
from core.errors import ThimbleError
from core.identity import Caller
from tools.base import House, ToolContext

log = logging.getLogger(__name__)

MAX_MODEL_CALLS = 12
"""In one turn; a plan of a few steps needs fewer."""
PROMPT = Path(__file__).with_name("prompts") / "system.md"


@dataclass(frozen=True)
class FileRef:
    """A file attached to a message, already uploaded."""

    id: str
    filename: str


class Session:
    """A thread of one caller. Make one for each turn or keep it: all state is in the records."""

    def __init__(
        self,
        house: House,
        caller: Caller,
        thread_id: str,
        channel: str,
        language: Language = "en",
    ) -> None:
        self.house = house
        self.caller = caller
        self.thread_id = thread_id
        self.channel = channel
        self.language: Language = language
        """Of the page."""
        self.memory = Memory(house.database, caller, thread_id)

    async def reply(self, text: str, files: Sequence[FileRef] = ()) -> AsyncIterator[Event]:
        """Answer the user's words. Leaving the loop early breaks the turn off safely."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        turn = asyncio.create_task(self._guarded(text, files, events.put_nowait))
        try:
            while (event := await events.get()) is not None:
                yield event
        finally:
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)
        yield TurnEnded()

    async def _guarded(
        self, text: str, files: Sequence[FileRef], emit: Callable[[Event | None], None]
    ) -> None:
        """One turn; whatever goes wrong ends in plain words, and always with None."""
        try:
            await self._turn(text, files, emit)
        except STOPS as error:
            log.warning("turn in %s stopped: %s", self.thread_id, type(error).__name__)
            emit(TurnFailed(self._in_plain_words(error, text)))
        except Exception as error:  # edge: no exception text may reach the chat
            log.exception("turn in %s failed", self.thread_id)
            emit(TurnFailed(self._in_plain_words(error, text)))
        finally:
            emit(None)

    async def _turn(
        self, text: str, files: Sequence[FileRef], emit: Callable[[Event], None]
    ) -> None:
        said = spoken(text, [asdict(file) for file in files])
        past = await asyncio.to_thread(self.memory.load)
        await asyncio.to_thread(self.memory.add, [said])
        agent = await asyncio.to_thread(self._agent, text, emit)
        stream = agent.astream(
            {"messages": [*past, said]},
            {"recursion_limit": 6 * MAX_MODEL_CALLS},
            stream_mode=["messages", "updates"],
        )
        async for mode, data in stream:
            if mode == "messages":
                show(data[0], emit)
            else:
                await asyncio.to_thread(self.memory.add, new_messages(data))

    def _agent(self, text: str, emit: Callable[[Event], None]) -> Any:
        chosen = preferences.load(self.house.database, self.caller)
        page = chosen.speaks(self.language)
        answers = chosen.speaks(language_of(text, page))
        ctx = ToolContext(self.house, self.caller, self.thread_id)
        names = world.from_house(self.house, self.caller)
        return create_agent(
            chat_model(self.house.settings, chosen, answers),
            bridged(Turn(ctx, emit, language=page)),
            system_prompt=f"{PROMPT.read_text()}\nWhat exists now:\n{world.rendered(names)}",
            middleware=[
                ModelCallLimitMiddleware(run_limit=MAX_MODEL_CALLS, exit_behavior="error"),
                Repair(),
            ],
        )

    def _in_plain_words(self, error: Exception, text: str) -> str:
        w = words_in(language_of(text, self.language))
        return in_plain_words(error, self.house.settings, w)


STOPS = (
    Looping,
    TooManyRepairs,
    NoAnswer,
    ModelCallLimitExceededError,
    openai.OpenAIError,
    httpx.HTTPError,
    json.JSONDecodeError,
    ThimbleError,
)
"""What a turn may end with that is nobody's bug."""


def show(message: BaseMessage, emit: Callable[[Event], None]) -> None:
    if isinstance(message, AIMessageChunk) and message.text:
        emit(TextDelta(str(message.text)))


def new_messages(update: dict[str, Any]) -> list[BaseMessage]:
    """The messages of a graph update that belong into memory."""
    found = [
        message
        for part in update.values()
        for message in (part or {}).get("messages", [])
        if isinstance(message, AIMessage | ToolMessage)
    ]
    return list(found)
