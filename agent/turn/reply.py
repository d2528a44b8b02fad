"""One turn: the user's words in, events out; the session runs it as a task it can cancel."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langsmith import tracing_context

from agent import failures, preferences, world
from agent.budget import Limits
from agent.events import Event, TextDelta, ToolStarted, TurnFailed, Unsourced, Waiting
from agent.langchain_tools import LineUp, Turn, bridged, described
from agent.language import Language, language_of, words_in
from agent.llm.outside import OutsideModel
from agent.llm.usage import Ledger, Use, check_limit
from agent.memory import FileRef, Memory, spoken
from agent.models import chat_model
from agent.trouble import STOPS, Kind, TurnTooLong
from agent.turn import sources
from agent.turn.repair import Repair
from core.identity import Caller
from tools.base import House, ToolContext

log = logging.getLogger(__name__)
PROMPT = Path(__file__).parents[1] / "prompts" / "system.md"
STOPPED = "(The person stopped this answer.)"


@dataclass(frozen=True)
class Thread:
    """Where a turn happens: whose thread it is, and what its page speaks."""

    house: House
    caller: Caller
    id: str
    language: Language
    limits: Limits
    asked: Language | None = None
    """What was asked for in this conversation; it wins over what was chosen for all."""

    @property
    def memory(self) -> Memory:
        return Memory(self.house.database, self.caller, self.id)


class Reply:
    """Made for one message of the user. Events go to `emit`, the last one is None."""

    def __init__(
        self,
        thread: Thread,
        text: str,
        files: Sequence[FileRef],
        emit: Callable[[Event | None], None],
    ) -> None:
        self.thread = thread
        self.house = thread.house
        self.limits = thread.limits
        self.text = text
        self.files = files
        self.emit = emit
        self.words = words_in(language_of(text, thread.language))
        self.turn = Turn(
            ToolContext(thread.house, thread.caller, thread.id),
            self.say,
            limits=thread.limits,
        )
        self.names = world.World()
        self.ledger: Ledger | None = None
        self.segment = ""
        """What was said since the last call: the figures in it are looked up when it ends."""
        self.unkept = ""
        """What was said and is not in the memory yet."""

    async def run(self) -> None:
        """Answer. Whatever goes wrong ends in plain words, and always with None."""
        try:
            # A tracing service set up in the shell must not get what is said here.
            with tracing_context(enabled=False):
                await self._within_time()
        except asyncio.CancelledError:
            self.unkept = f"{self.unkept}\n\n{STOPPED}".strip()
            raise
        except STOPS as error:
            log.warning("turn in %s stopped: %r", self.thread.id, error)
            self._fail(error)
        except Exception as error:  # edge: no exception text may reach the chat
            log.exception("turn in %s failed", self.thread.id)
            self._fail(error)
        finally:
            await self._close()

    async def _within_time(self) -> None:
        try:
            async with asyncio.timeout(self.limits.turn_s) as scope:
                await self._converse()
        except TimeoutError as error:
            if scope.expired():
                raise TurnTooLong from error
            raise

    async def _converse(self) -> None:
        said = spoken(self.text, [asdict(file) for file in self.files])
        memory = self.thread.memory
        past = await asyncio.to_thread(memory.load)
        await asyncio.to_thread(memory.add, [said])
        chosen = await asyncio.to_thread(self._look_around)
        model = self._model(chosen)
        try:
            agent = create_agent(
                model,
                bridged(self.turn),
                system_prompt=prompt(chosen, self.names),
                middleware=self._middleware(chosen),
            )
            await self._follow(agent, [*past, said])
        finally:
            if isinstance(model, OutsideModel):
                await model.aclose()

    def _look_around(self) -> preferences.Preferences:
        """What was chosen and what exists, from the records."""
        chosen = preferences.load(self.house.database, self.thread.caller)
        if self.thread.asked:
            chosen = replace(chosen, language=self.thread.asked)
        self.names = world.from_house(self.house, self.thread.caller)
        page = chosen.speaks(self.thread.language)
        self.turn.language = page
        self.words = words_in(chosen.speaks(language_of(self.text, page)))
        return chosen

    def _model(self, chosen: preferences.Preferences) -> Any:
        thread, settings = self.thread, self.house.settings
        if name := chosen.llm(settings):
            self.ledger = Ledger(
                self.house.database, thread.caller, thread.id, name, settings.llm_price
            )
        return chat_model(settings, chosen, self.words.language, self, self.limits)

    def _middleware(self, chosen: preferences.Preferences) -> list[AgentMiddleware[Any, Any]]:
        found: list[AgentMiddleware[Any, Any]] = [
            ModelCallLimitMiddleware(run_limit=self.limits.model_calls, exit_behavior="error"),
            Repair(described(), self.limits.repairs),
            LineUp(self.turn),
        ]
        if self.ledger is not None:
            found.append(Allowance(self.ledger, chosen.daily_limit))
        return found

    async def _follow(self, agent: Any, messages: list[BaseMessage]) -> None:
        stream = agent.astream(
            {"messages": messages},
            {"recursion_limit": 8 * self.limits.model_calls},
            stream_mode=["messages", "updates"],
        )
        async for mode, data in stream:
            if mode == "updates":
                await self._remember(new_messages(data))
            elif isinstance(data[0], AIMessageChunk) and data[0].text:
                self.say(TextDelta(str(data[0].text)))

    async def _remember(self, messages: list[BaseMessage]) -> None:
        await asyncio.to_thread(self.thread.memory.add, messages)
        if any(isinstance(message, AIMessage) for message in messages):
            self.unkept = ""

    def say(self, event: Event) -> None:
        """Pass an event on; before a call, the figures said until then are looked up."""
        if isinstance(event, TextDelta):
            self.segment += event.text
            self.unkept += event.text
        elif isinstance(event, ToolStarted):
            self._mark()
        self.emit(event)

    def _mark(self) -> None:
        """Our own planner speaks from results alone; what another model says is looked up."""
        said, self.segment = self.segment, ""
        if self.ledger is None or not said:
            return
        known = sources.known(self.turn.outcomes, self.text, self.names)
        if marks := sources.unsourced(said, known):
            self.emit(Unsourced([asdict(mark) for mark in marks]))

    def _fail(self, error: Exception) -> None:
        message = failures.in_plain_words(error, self.house.settings, self.words)
        self._mark()
        self.emit(TurnFailed(message, failures.code_of(error)))
        # The model reads it in the next turn: an answer that is missing confuses many.
        self.unkept = f"{self.unkept}\n\n({message})".strip()

    async def _close(self) -> None:
        """Keep what was said and what it cost, also of a turn that was broken off."""
        try:
            self._mark()
            if self.unkept:
                await asyncio.to_thread(self.thread.memory.add, [AIMessage(self.unkept)])
            if self.ledger is not None:
                await asyncio.to_thread(self.ledger.keep)
                if spent := self.ledger.spent():
                    self.emit(spent)
        finally:
            self.emit(None)

    # What the model's server makes us do (agent.llm.attempts.Watch) -----------------------------

    def waiting(self, kind: Kind, seconds: float, attempt: int) -> None:
        words = failures.waiting(kind, seconds, attempt, self.limits.tries, self.words)
        self.emit(Waiting(words, seconds))

    def used(self, use: Use) -> None:
        if self.ledger is not None:
            self.ledger.add(use)


class Allowance(AgentMiddleware[Any, Any]):
    """Refuses a call of the model once the day's limit is used up."""

    def __init__(self, ledger: Ledger, limit: float | None) -> None:
        super().__init__()
        self.ledger = ledger
        self.limit = limit

    async def abefore_model(self, state: Any, runtime: Any) -> None:
        await asyncio.to_thread(check_limit, self.ledger, self.limit)


def prompt(chosen: preferences.Preferences, names: world.World) -> str:
    languages = {"auto": "the language of the person", "en": "English", "zh": "Chinese"}
    return (
        f"{PROMPT.read_text(encoding='utf-8')}- Answer in {languages[chosen.language]}.\n\n"
        f"What exists now:\n{world.rendered(names)}"
    )


def new_messages(update: dict[str, Any]) -> list[BaseMessage]:
    """The messages of a graph update that belong into memory."""
    return [
        message
        for part in update.values()
        for message in (part or {}).get("messages", [])
        if isinstance(message, AIMessage | ToolMessage)
    ]
