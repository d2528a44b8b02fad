"""What can happen in a conversation, as data. A channel shows events and decides nothing.

One turn is any number of deltas, tool calls and approvals, then one `TurnEnded`; a turn that
could not be finished has one `TurnFailed` before it, one that a language model answered has one
`Spent`. Each `ToolStarted` is followed by a
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
class Waiting:
    """The language model is tried again after a pause; shown until the next event."""

    message: str
    """What happened and what comes, in plain words."""
    seconds: float
    """Length of the pause."""


@dataclass(frozen=True)
class Unsourced:
    """Figures in the text just said that stand in no result of this turn, to be marked there.

    It comes right after its text: before the next call, or at the end of the turn. The marks
    count characters from the first `TextDelta` after the last call, or of the turn.
    """

    marks: list[Json]
    """Each `{"text", "start", "end"}`."""


@dataclass(frozen=True)
class Spent:
    """What the turn took of a language model; none comes when our own planner answered."""

    model: str
    input_tokens: int
    output_tokens: int
    cost: float | None = None
    """In `currency`; None where no price is set."""
    currency: str | None = None
    estimated: bool = False
    """The server did not say how many tokens it took, so they were counted from the texts."""


@dataclass(frozen=True)
class TurnFailed:
    """Plain words for the user; never the text of an exception."""

    message: str
    code: str = ""
    """What happened, as in the help: `/help/errors#code` explains it."""


@dataclass(frozen=True)
class TurnEnded:
    """Nothing more comes in this turn."""


Event = (
    TextDelta
    | ToolStarted
    | ToolFinished
    | ApprovalNeeded
    | Waiting
    | Unsourced
    | Spent
    | TurnFailed
    | TurnEnded
)

TYPES: dict[str, type[Event]] = {
    "text_delta": TextDelta,
    "tool_started": ToolStarted,
    "tool_finished": ToolFinished,
    "approval_needed": ApprovalNeeded,
    "waiting": Waiting,
    "unsourced": Unsourced,
    "spent": Spent,
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
