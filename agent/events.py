"""What can happen in a conversation, as data. A channel shows events and decides nothing.

One turn is any number of deltas, tool calls and approvals, then one `TurnEnded`; a turn that
could not be finished has one `TurnFailed` before it. Each `ToolStarted` is followed by a
`ToolFinished` with the same `call_id`, unless the turn was broken off.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from agent.views import View

Json = dict[str, Any]
VIEW = TypeAdapter(View)


@dataclass(frozen=True)
class TextDelta:
    """A piece of the answer, to be appended to what came before."""

    text: str


@dataclass(frozen=True)
class ToolStarted:
    call_id: str
    name: str
    arguments: Json


@dataclass(frozen=True)
class ToolFinished:
    """The call is over. `result` and `error` are both None when it now waits for approval."""

    call_id: str
    name: str
    result: Json | None = None
    error: Json | None = None
    view: View | None = None


@dataclass(frozen=True)
class ApprovalNeeded:
    """Something waits for a person's decision; draw it with `agent.shown.approval_view`."""

    approval: Json


@dataclass(frozen=True)
class TurnFailed:
    """Plain words for the user; never the text of an exception."""

    message: str


@dataclass(frozen=True)
class TurnEnded:
    """Nothing more comes in this turn."""


Event = TextDelta | ToolStarted | ToolFinished | ApprovalNeeded | TurnFailed | TurnEnded

TYPES: dict[str, type[Event]] = {
    "text_delta": TextDelta,
    "tool_started": ToolStarted,
    "tool_finished": ToolFinished,
    "approval_needed": ApprovalNeeded,
    "turn_failed": TurnFailed,
    "turn_ended": TurnEnded,
}
NAMES = {kind: name for name, kind in TYPES.items()}


def to_json(event: Event) -> Json:
    """The event as JSON data with its `type`, such as {"type": "text_delta", "text": "Hi"}."""
    return {"type": NAMES[type(event)], **asdict(event)}


def from_json(data: Json) -> Event:
    """The event that `to_json` wrote. Raises KeyError or TypeError for anything else."""
    fields = {name: value for name, value in data.items() if name != "type"}
    if fields.get("view") is not None:
        fields["view"] = VIEW.validate_python(fields["view"])
    return TYPES[data["type"]](**fields)
