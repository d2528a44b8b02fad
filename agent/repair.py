"""Malformed tool calls: the model is told what was wrong and tries again, twice at most."""

from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, hook_config
from langchain_core.messages import AIMessage, ToolMessage

MAX_REPAIRS = 2


class TooManyRepairs(Exception):
    """The model went on making calls that cannot be read."""


class Repair(AgentMiddleware[Any, Any]):
    """Answers each call that is not JSON with an error; counts them within one turn."""

    def __init__(self) -> None:
        super().__init__()
        self.repairs = 0

    @hook_config(can_jump_to=["model"])
    async def aafter_model(self, state: AgentState[Any], runtime: Any) -> dict[str, Any] | None:
        last = state["messages"][-1]
        if not isinstance(last, AIMessage) or not last.invalid_tool_calls:
            return None
        self.repairs += 1
        if self.repairs > MAX_REPAIRS:
            raise TooManyRepairs
        errors = [
            ToolMessage(
                "The arguments of this call are not valid JSON. Nothing was done. Call it"
                " again with "
                "an object of arguments.",
                tool_call_id=str(made["id"]),
                name=made["name"],
                status="error",
            )
            for made in last.invalid_tool_calls
        ]
        return {"messages": errors} | ({} if last.tool_calls else {"jump_to": "model"})
