"""What happens in a thread between turns, noted so that the next turn knows of it.

A decision is made with a button and a run ends hours later, both without the model. One line each
joins the thread's memory; nothing is posted here.
"""

from collections.abc import Callable

from agent.memory import Memory
from core.events import ApprovalChanged, Event, RunChanged
from core.identity import Caller
from core.records.tables import Approval, Run
from tools.base import House

DECIDED = ("done", "failed", "rejected")


def follow(house: House) -> Callable[[], None]:
    """Note decisions and ends of runs from now on; returns how to stop it."""
    return house.bus.subscribe(lambda event: note(house, event))


def note(house: House, event: Event) -> None:
    match event:
        case ApprovalChanged(approval_id=identifier, state=state) if state in DECIDED:
            note_approval(house, identifier)
        case RunChanged(run_id=identifier, ended=True):
            note_run(house, identifier)


def note_approval(house: House, identifier: str) -> None:
    with house.database.read() as session:
        approval = session.get_one(Approval, identifier)
    named = approval.result or {}
    made = next((f" as {named[key]}" for key in ("run", "endpoint") if named.get(key)), "")
    words = f"{approval.id} ({approval.tool}) was decided: {approval.state}{made}."
    if approval.replaced_by is not None:
        words = f"{approval.id} ({approval.tool}) was replaced by {approval.replaced_by}."
    remember(house, approval, approval.thread_id, words)


def note_run(house: House, identifier: str) -> None:
    with house.database.read() as session:
        run = session.get_one(Run, identifier)
    model = f" It made the model {run.model}." if run.model else ""
    words = f"{run.id} on {run.dataset} has ended: {run.state}.{model}"
    remember(house, run, run.thread_id, words)


def remember(house: House, row: Approval | Run, thread_id: str | None, words: str) -> None:
    if thread_id is not None:
        Memory(house.database, Caller(row.owner, row.project), thread_id).note(words)
