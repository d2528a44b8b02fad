"""The one door: every call of every tool, from chat, API, CLI or code, comes through `call`.

A tool is a plain function in a file of its name. It declares its effect; policy reads only that.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

import tools
from core import approvals, plugins, schema
from core.errors import RequestRefused, ServiceFailed, ThimbleError
from core.events import ApprovalChanged, Bus
from core.identity import ALL_SCOPES, Caller
from core.records.database import Database
from core.records.tables import Approval, Audit, Json
from core.settings import Settings
from core.storage import Storage

if TYPE_CHECKING:
    from data.datasets import Datasets
    from data.files import Files
    from finetune.bases import Bases
    from finetune.follow import Follower
    from finetune.quote import Quotes
    from finetune.runs import Runs
    from knowledge.search import Library
    from launchers.base import Launcher
    from serving.supervisor import Supervisor

log = logging.getLogger(__name__)


class Effect(StrEnum):
    READS = "reads"
    WRITES = "writes"
    SPENDS = "spends"
    DESTROYS = "destroys"

    @property
    def needs_approval(self) -> bool:
        return self in (Effect.SPENDS, Effect.DESTROYS)

    @property
    def scope(self) -> str:
        """What a caller must hold to ask for it. Writers ask to spend; people decide."""
        return "read" if self is Effect.READS else "write"


@dataclass(frozen=True)
class House:
    """The rooms, put together by `server.app`; the one thing a tool works with."""

    settings: Settings
    database: Database
    storage: Storage
    bus: Bus
    launcher: "Launcher"
    files: "Files"
    datasets: "Datasets"
    bases: "Bases"
    quotes: "Quotes"
    runs: "Runs"
    follower: "Follower"
    supervisor: "Supervisor"
    library: "Library"
    base_url: str
    """Where clients reach this server, such as `http://127.0.0.1:8000`."""


@dataclass(frozen=True)
class ToolContext:
    """Who calls from where; the model never sees it."""

    house: House
    caller: Caller
    thread_id: str | None = None
    approval_id: str | None = None
    """Set when an approval runs the tool: the key that makes running it twice the same as once."""


@dataclass(frozen=True)
class Resolved:
    """What exactly would be done: every `auto` a value, every name a version."""

    arguments: Json
    quote: Json | None = None
    quote_id: str | None = None
    """Given without `quote` while the quote is still being measured."""
    topic: str = ""
    """What it is about: a newer request of the same topic replaces one that waits in its thread."""


Resolve = Callable[[ToolContext, Json], Resolved]


@dataclass(frozen=True)
class Tool:
    run: Callable[..., Any]
    effect: Effect
    arguments: type[BaseModel]
    resolve: Resolve | None = None

    @property
    def name(self) -> str:
        return self.run.__name__

    @property
    def description(self) -> str:
        return schema.summary(self.run)

    def __call__(self, ctx: ToolContext, /, **arguments: Any) -> Any:
        return self.run(ctx, **arguments)

    def as_dict(self) -> Json:
        """The line of the catalogue that models and programs see."""
        return {
            "name": self.name,
            "description": self.description,
            "effect": str(self.effect),
            "parameters": self.arguments.model_json_schema(),
        }


def tool(*, effect: Effect, resolve: Resolve | None = None) -> Callable[[Callable[..., Any]], Tool]:
    """Make a plain function a tool.

    Args:
        effect: What calling it does to the world; decides who is asked.
        resolve: For tools that need approval: checks everything and says what exactly would
            happen, changing nothing. Without it the arguments are taken as they are.
    """
    return lambda run: Tool(run, effect, schema.arguments_model(run), resolve)


@dataclass(frozen=True)
class Outcome:
    """What came of a call: a result, or an approval that waits."""

    result: Json | None = None
    approval: Json | None = None


def find(name: str) -> Tool:
    found = getattr(plugins.load(tools, name), name)
    assert isinstance(found, Tool), f"tools/{name}.py has no tool {name}"
    return found


def catalogue() -> list[Tool]:
    return [find(name) for name in plugins.names(tools)]


def call(
    ctx: ToolContext, name: str, arguments: Mapping[str, Any], approval_id: str | None = None
) -> Outcome:
    """Check, resolve, ask or run one call, and write it down.

    Args:
        approval_id: An approval of this very call; its result is returned instead of asking anew.

    Raises:
        RequestRefused: The call cannot be done as asked; nothing was changed.
        ServiceFailed: Something we depend on failed.
    """
    outcome = "refused"
    try:
        answer = pass_through(ctx, find(name), arguments, approval_id)
        outcome = "done" if answer.approval is None else f"asked {answer.approval['id']}"
        return answer
    except ServiceFailed:
        outcome = "failed"
        raise
    finally:
        audit(ctx, f"call {name}", dict(arguments), outcome)


def pass_through(
    ctx: ToolContext, wanted: Tool, arguments: Mapping[str, Any], approval_id: str | None
) -> Outcome:
    values = schema.check(wanted.arguments, arguments)
    need_scope(ctx.caller, wanted.effect.scope)
    if approval_id is not None:
        return already_asked(ctx, wanted, values, approval_id)
    if wanted.effect.needs_approval:
        return Outcome(approval=ask(ctx, wanted, values))
    return Outcome(result=as_json(wanted.run(ctx, **values)))


def need_scope(caller: Caller, scope: str) -> None:
    if scope == "approve" and scope not in caller.scopes:
        raise RequestRefused(
            "Only the owner decides what waits for approval.",
            code="forbidden",
            fix="Press the button in the chat, run `thimble approve ID`, or send the content of "
            "THIMBLE_HOME/owner.token as bearer.",
        )
    if scope not in caller.scopes:
        raise RequestRefused(
            f"This key may not {scope}.",
            code="forbidden",
            fix=f"Use a key with the scope {scope!r}, or ask the owner.",
        )


def ask(ctx: ToolContext, wanted: Tool, values: Json) -> Json:
    """Resolve the call and leave a request for approval."""
    resolved = wanted.resolve(ctx, values) if wanted.resolve else Resolved(values)
    schema.check(wanted.arguments, resolved.arguments)
    made = approvals.request(
        ctx.house.database,
        ctx.caller,
        tool=wanted.name,
        asked=values,
        arguments=resolved.arguments,
        quote=resolved.quote,
        quote_id=resolved.quote_id,
        thread_id=ctx.thread_id,
        topic=resolved.topic,
    )
    approval = made.approval
    announce(ctx.house, approval)
    for older in made.replaced:
        ctx.house.bus.publish(ApprovalChanged(older, "rejected", approval.thread_id))
    if approval.state == "measuring":
        # The quote may have been finished before the request was written.
        quote_made(ctx.house)
        approval = approvals.get(ctx.house.database, ctx.caller, approval.id)
    return approvals.as_dict(approval)


def already_asked(ctx: ToolContext, wanted: Tool, values: Json, approval_id: str) -> Outcome:
    """What came of an approval, for the very call that it was given for."""
    approval = approvals.get(ctx.house.database, ctx.caller, approval_id)
    resolved = approval.tool == wanted.name and schema.check(wanted.arguments, approval.arguments)
    if not resolved or values not in (approval.asked, resolved):
        raise RequestRefused(
            f"{approval_id} was asked for other arguments.",
            code="approval_mismatch",
            param="approval_id",
            fix="Call without approval_id to ask for these.",
        )
    if approval.state == "done":
        return Outcome(result=approval.result)
    if approval.state == "failed":
        raise stored_error(approval)
    if approval.state in ("rejected", "expired"):
        raise approvals.refusal(approval)
    return Outcome(approval=approvals.as_dict(approval))


def stored_error(approval: Approval) -> ThimbleError:
    error = approval.error or {}
    kind = RequestRefused if error.get("type") == "RequestRefused" else ServiceFailed
    return kind(
        str(error.get("message", "It failed.")),
        code=str(error.get("code", "")),
        param=error.get("param"),
        fix=error.get("fix"),
    )


def decide(ctx: ToolContext, approval_id: str, decision: str) -> Json:
    """Approve or reject; approving runs the call, once, and returns the approval with its result.

    Raises RequestRefused: unknown decision or approval, no right to decide, or too late.
    """
    need_scope(ctx.caller, "approve")
    if decision not in ("approve", "reject"):
        raise RequestRefused(
            f"decision={decision[:80]!r} is unknown.",
            code="invalid_argument",
            param="decision",
            fix='Say "approve" or "reject".',
        )
    audit(ctx, f"{decision} {approval_id}", {}, "decided")
    if decision == "reject":
        approval = approvals.reject(ctx.house.database, ctx.caller, approval_id)
    else:
        approval, mine = approvals.claim(ctx.house.database, ctx.caller, approval_id)
        if mine:
            announce(ctx.house, approval)
            return run_approved(ctx.house, approval)
    announce(ctx.house, approval)
    return approvals.as_dict(approval)


def run_approved(house: House, approval: Approval) -> Json:
    """Run what was approved, with its resolved arguments, and keep what came of it."""
    caller = Caller(approval.owner, approval.project, ALL_SCOPES, approval.actor)
    ctx = ToolContext(house, caller, approval.thread_id, approval.id)
    wanted = find(approval.tool)
    outcome: Json | ThimbleError
    try:
        outcome = as_json(wanted.run(ctx, **schema.check(wanted.arguments, approval.arguments)))
    except ThimbleError as error:
        outcome = error
    except Exception:  # edge: whatever happens, the approval must not stay `running`
        log.exception("%s failed", approval.id)
        outcome = ServiceFailed(
            "It failed inside Thimble.", fix="The server's log has the details."
        )
    finished = approvals.finish(house.database, approval.id, outcome)
    audit(ctx, f"run {approval.tool}", approval.arguments, finished.state)
    announce(house, finished)
    return approvals.as_dict(finished)


def finish_interrupted(house: House) -> None:
    """At start: run again what a crash cut off. Tools make that the same as running it once."""
    for approval in approvals.unfinished(house.database):
        run_approved(house, approval)


def quote_made(house: House) -> None:
    """Move the approvals on whose quotes have been measured, and say so."""
    for approval in approvals.settle_quotes(house.database):
        announce(house, approval)


def announce(house: House, approval: Approval) -> None:
    house.bus.publish(ApprovalChanged(approval.id, approval.state, approval.thread_id))


def audit(ctx: ToolContext, action: str, arguments: Json, outcome: str) -> None:
    caller = ctx.caller
    with ctx.house.database.write() as session:
        session.add(
            Audit(
                owner=caller.user,
                project=caller.project,
                actor=caller.actor,
                action=action[:200],
                arguments={name[:80]: schema.short(value) for name, value in arguments.items()},
                outcome=outcome,
            )
        )


def as_json(result: Any) -> Json:
    """A tool's result, a dataclass or a dict, as plain data."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return dataclasses.asdict(result)
    assert isinstance(result, dict), f"a tool returned {type(result).__name__}"
    return result


def as_person(ctx: ToolContext) -> ToolContext:
    """The same context with every right: for a person at their own machine."""
    return replace(ctx, caller=replace(ctx.caller, scopes=ALL_SCOPES))
