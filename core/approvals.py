"""Approvals: a record of what was asked, bound to its exact arguments, decided once by a person.

    measuring ─ quote made ─▶ waiting ─ approve ─▶ running ─▶ done | failed
        └──── reject ────────────┴───── reject ─▶ rejected      (7 days: expired)

This file keeps the records and their states; `tools.base` runs what was approved.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import RequestRefused, ThimbleError
from core.identity import Caller
from core.records.database import Database, next_id
from core.records.queries import get as get_row
from core.records.queries import owned, stamp
from core.records.tables import Approval, Json, Quote

LIFE_S = 7 * 24 * 3600.0
"""How long a request may be decided."""
START_WITHIN_S = 15 * 60.0
"""An approved call that could not start in this time, after a crash say, is given up."""
UNDECIDED = ("measuring", "waiting")


@dataclass(frozen=True)
class Asked:
    """A request that waits, and the ids of those whose place it has just taken."""

    approval: Approval
    replaced: list[str] = field(default_factory=list)


def request(
    database: Database,
    caller: Caller,
    *,
    tool: str,
    asked: Json,
    arguments: Json,
    quote: Json | None,
    quote_id: str | None,
    thread_id: str | None,
    topic: str = "",
) -> Asked:
    """Ask for one call. The same request, still undecided, is returned instead of a second.

    Args:
        topic: What it is about. A newer request of the same topic takes the place of what waits
            in the same thread: of two plans for one thing only the last can be approved. Without
            a thread, as of a program that asks for several, all of them wait.
    """
    with database.write() as session:
        waiting = undecided(session, caller)
        for same in waiting:
            if same.tool == tool and same.arguments == arguments:
                return Asked(same)
        approval = Approval(
            id=next_id(session, "ap"),
            tool=tool,
            asked=asked,
            arguments=arguments,
            quote=quote,
            quote_id=quote_id,
            state="measuring" if quote_id is not None and quote is None else "waiting",
            thread_id=thread_id,
            topic=topic,
            actor=caller.actor,
            expires_at=time.time() + LIFE_S,
            **stamp(caller),
        )
        session.add(approval)
        return Asked(approval, replace_older(waiting, approval, caller))


def replace_older(waiting: Iterable[Approval], newer: Approval, caller: Caller) -> list[str]:
    """Turn down what waits on the topic of a newer request in its thread; the ids of those."""
    if not newer.topic or newer.thread_id is None:
        return []
    place = (newer.topic, newer.thread_id)
    older = [one for one in waiting if (one.topic, one.thread_id) == place]
    for one in older:
        mark(one, "rejected", caller)
        one.replaced_by = newer.id
    return [one.id for one in older]


def undecided(session: Session, caller: Caller) -> list[Approval]:
    """What can still be decided, oldest first; requests past their time become `expired`."""
    rows = session.scalars(owned(Approval, caller).where(Approval.state.in_(UNDECIDED))).all()
    for row in rows:
        expire(row)
    return [row for row in rows if row.state in UNDECIDED]


def expire(approval: Approval) -> None:
    if approval.state in UNDECIDED and time.time() > approval.expires_at:
        approval.state = "expired"


def get(database: Database, caller: Caller, identifier: str) -> Approval:
    with database.write() as session:
        approval = get_row(session, Approval, caller, identifier)
        expire(approval)
        return approval


def listing(database: Database, caller: Caller, *, all_states: bool = False) -> list[Approval]:
    """What waits, oldest first; with `all_states` also what was decided."""
    with database.write() as session:
        waiting = undecided(session, caller)
        return list(session.scalars(owned(Approval, caller))) if all_states else waiting


def claim(database: Database, caller: Caller, identifier: str) -> tuple[Approval, bool]:
    """Take an approval for running. True: it is yours to run; False: it was taken before.

    Raises RequestRefused with code `quote_measuring`, `already_decided` or `approval_expired`.
    """
    with database.write() as session:
        approval = get_row(session, Approval, caller, identifier)
        expire(approval)
        if approval.state == "waiting":
            mark(approval, "running", caller)
            return approval, True
        if approval.state in ("running", "done", "failed"):
            return approval, False
    raise refusal(approval)


def reject(database: Database, caller: Caller, identifier: str) -> Approval:
    """Say no. Rejecting twice is the same as once."""
    with database.write() as session:
        approval = get_row(session, Approval, caller, identifier)
        expire(approval)
        if approval.state in UNDECIDED:
            mark(approval, "rejected", caller)
        if approval.state == "rejected":
            return approval
    raise refusal(approval)


def mark(approval: Approval, state: str, caller: Caller) -> None:
    approval.state = state
    approval.decided_at = time.time()
    approval.decided_by = f"{caller.user} ({caller.actor})"


def finish(database: Database, identifier: str, outcome: Json | ThimbleError) -> Approval:
    """Keep what came of an approved call."""
    with database.write() as session:
        approval = session.get_one(Approval, identifier)
        if isinstance(outcome, ThimbleError):
            approval.state, approval.error = "failed", outcome.as_dict()
        else:
            approval.state, approval.result = "done", outcome
        return approval


def unfinished(database: Database) -> Sequence[Approval]:
    """Approved calls that a crash cut off; those too old to start are marked failed."""
    with database.write() as session:
        rows = session.scalars(select(Approval).where(Approval.state == "running")).all()
        fresh = []
        for row in rows:
            if time.time() - (row.decided_at or 0.0) <= START_WITHIN_S:
                fresh.append(row)
            else:
                row.state, row.error = "failed", too_late(row).as_dict()
        return fresh


def too_late(approval: Approval) -> ThimbleError:
    return RequestRefused(
        f"{approval.id} was approved, but Thimble was stopped before it could start.",
        code="approval_too_old",
        fix="Ask for it again.",
    )


def settle_quotes(database: Database) -> list[Approval]:
    """Move every approval whose quote is made from `measuring` on; returns those that moved."""
    wanted = select(Approval, Quote).join(Quote, Quote.id == Approval.quote_id)
    wanted = wanted.where(Approval.state == "measuring", Quote.state != "measuring")
    with database.write() as session:
        moved = []
        for approval, quote in session.execute(wanted).all():
            if quote.state == "ready":
                approval.state, approval.quote = "waiting", quote.result
            else:
                approval.state, approval.error = "failed", quote.error
            moved.append(approval)
        return moved


def refusal(approval: Approval) -> RequestRefused:
    """Why an approval in this state cannot be decided, or run, as asked."""
    if approval.replaced_by is not None:
        return RequestRefused(
            f"{approval.id} was replaced by {approval.replaced_by}.",
            code="already_decided",
            param="approval_id",
            fix="Decide the newer one.",
        )
    name = approval.id
    match approval.state:
        case "measuring":
            code, message = "quote_measuring", f"The cost of {name} is still being measured."
            fix = "Decide in a few seconds."
        case "waiting":
            code, message = "approval_waiting", f"{name} waits for a decision."
            fix = "Approve it first."
        case "expired":
            code, message = "approval_expired", f"{name} was not decided within 7 days."
            fix = "Ask for it again."
        case "rejected":
            code, message = "already_decided", f"{name} was rejected."
            fix = "Ask for it again to have it decided anew."
        case _:
            code, message = "already_decided", f"{name} was approved already."
            fix = "Read its result."
    return RequestRefused(message, code=code, param="approval_id", fix=fix)


def as_dict(approval: Approval) -> dict[str, Any]:
    """The public form, as the API and the events carry it."""
    return {
        "id": approval.id,
        "tool": approval.tool,
        "arguments": approval.arguments,
        "asked": approval.asked,
        "quote": approval.quote,
        "quote_id": approval.quote_id,
        "state": approval.state,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "thread_id": approval.thread_id,
        "replaced_by": approval.replaced_by,
        "decided_by": approval.decided_by,
        "result": approval.result,
        "error": approval.error,
    }
