"""Calls that cannot be made: the model is told what was wrong and tries again, twice at most."""

from collections.abc import Collection
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, hook_config
from langchain_core.messages import AIMessage, ToolMessage

from agent.trouble import TooManyRepairs


class Repair(AgentMiddleware[Any, Any]):
    """Answers each call that is not JSON with an error; counts the answers of the model in one
    turn that have such a call, or one of a tool that does not exist."""

    def __init__(self, known: Collection[str], most: int) -> None:
        super().__init__()
        self.known = known
        self.most = most
        self.repairs = 0

    @hook_config(can_jump_to=["model"])
    async def aafter_model(self, state: AgentState[Any], runtime: Any) -> dict[str, Any] | None:
        last = state["messages"][-1]
        if not isinstance(last, AIMessage) or not self.wrong(last):
            return None
        self.repairs += 1
        if self.repairs > self.most:
            raise TooManyRepairs
        errors = [unreadable(call) for call in last.invalid_tool_calls]
        return {"messages": errors} | ({} if last.tool_calls else {"jump_to": "model"})

    def wrong(self, message: AIMessage) -> bool:
        """Whether one of its calls cannot be made. Those of unknown tools LangChain answers."""
        unknown = any(made["name"] not in self.known for made in message.tool_calls)
        return unknown or bool(message.invalid_tool_calls)


def unreadable(call: Any) -> ToolMessage:
    return ToolMessage(
        "The arguments of this call are not valid JSON. Nothing was done. Call it again with an "
        "object of arguments.",
        tool_call_id=str(call["id"]),
        name=call["name"],
        status="error",
    )
