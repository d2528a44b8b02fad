"""The only bridge from our tools to LangChain: each call goes through the one door, in a thread."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool

from agent.budget import LIMITS, Limits
from agent.events import ApprovalNeeded, Event, ToolFinished, ToolStarted
from agent.fence import fenced
from agent.language import Language, words_in
from agent.shown import view_of
from agent.trouble import Looping
from agent.turn.in_order import InOrder
from core.errors import ServiceFailed, ThimbleError
from tools.base import Effect, Outcome, ToolContext, call, catalogue

Json = dict[str, Any]
log = logging.getLogger(__name__)

MOST_OF_A_PLAN = 4_000
"""Characters of what would be done that a model reads when it waits for approval."""


@dataclass
class Turn:
    """What one turn's calls share: who calls, where events go, and what was called before."""

    ctx: ToolContext
    emit: Callable[[Event], None]
    calls: Counter[str] = field(default_factory=Counter)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    """What came of the calls so far."""
    order: InOrder = field(default_factory=InOrder)
    limits: Limits = LIMITS
    language: Language = "en"
    """Of the cards."""

    def count(self, name: str, arguments: dict[str, Any]) -> None:
        """Raises Looping when this very call was made too often."""
        key = f"{name} {json.dumps(arguments, sort_keys=True, default=str)}"
        self.calls[key] += 1
        if self.calls[key] >= self.limits.same_call:
            raise Looping(name)


class LineUp(AgentMiddleware[Any, Any]):
    """Gives the calls of each answer their places in the order."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn

    async def aafter_model(self, state: AgentState[Any], runtime: Any) -> None:
        last = state["messages"][-1]
        if isinstance(last, AIMessage):
            known = described()
            made = [call for call in last.tool_calls if call["name"] in known]
            self.turn.order.line_up(
                (str(call["id"]), known[call["name"]]["effect"] != Effect.READS) for call in made
            )


class DoorTool(BaseTool):
    """One of our tools as LangChain sees it. Arguments are checked by the door, not here."""

    turn: Any
    """The `Turn`; untyped because pydantic would copy it."""

    async def ainvoke(self, input: Any, config: Any = None, **_: Any) -> ToolMessage:
        """Answer a tool call with a message whose artifact is the outcome as data."""
        arguments: dict[str, Any] = dict(input["args"])
        async with self.turn.order.place(input["id"]):
            self.turn.count(self.name, arguments)
            self.turn.emit(ToolStarted(input["id"], self.name, arguments))
            outcome = await asyncio.to_thread(passed, self.turn.ctx, self.name, arguments)
            self.turn.outcomes.append(outcome)
            announce(self.turn, input["id"], self.name, outcome)
        return ToolMessage(
            content=content(outcome),
            artifact=outcome,
            name=self.name,
            tool_call_id=input["id"],
            status="error" if "error" in outcome else "success",
        )

    def _run(self, **arguments: Any) -> dict[str, Any]:
        return passed(self.turn.ctx, self.name, arguments)


@cache
def described() -> dict[str, Json]:
    """The catalogue by name. Made once: the tools are files, and their schemas take a while."""
    return {tool.name: tool.as_dict() for tool in catalogue()}


def bridged(turn: Turn) -> list[BaseTool]:
    """Every tool of the catalogue, for one turn."""
    return [
        DoorTool(
            name=name,
            description=about["description"],
            args_schema=about["parameters"],
            turn=turn,
        )
        for name, about in described().items()
    ]


def passed(ctx: ToolContext, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The outcome as {"result"}, {"approval"} or {"error"}."""
    try:
        return as_data(call(ctx, name, arguments))
    except ThimbleError as error:
        return {"error": error.as_dict()}
    except Exception:  # edge: no exception text may reach the chat
        log.exception("%s failed", name)
        failure = ServiceFailed(
            "It failed inside Thimble.", fix="The server's log has the details."
        )
        return {"error": failure.as_dict()}


def as_data(outcome: Outcome) -> dict[str, Any]:
    if outcome.approval is not None:
        return {"approval": outcome.approval}
    return {"result": outcome.result or {}}


def announce(turn: Turn, call_id: str, name: str, outcome: dict[str, Any]) -> None:
    result, error = outcome.get("result"), outcome.get("error")
    view = view_of(name, result, words_in(turn.language)) if result is not None else None
    turn.emit(ToolFinished(call_id, name, result, error, view))
    if "approval" in outcome:
        turn.emit(ApprovalNeeded(outcome["approval"]))


def content(outcome: dict[str, Any]) -> str:
    """What the model reads of an outcome."""
    if "approval" in outcome:
        approval = outcome["approval"]
        planned = {key: approval.get(key) for key in ("arguments", "quote")}
        return (
            f"waiting for approval {approval['id']} ({approval['state']}): nothing has run. "
            "Tell the person to decide with the button; do not call the tool again. What would"
            f" be done: {fenced(planned, MOST_OF_A_PLAN)}"
        )
    return fenced(outcome)
