"""What happens in the background reaches the threads it belongs to: runs and approvals.

The bus only says that it is worth looking. What is shown is read from the records, so an event
that was missed, in a crash say, is made up for when the server starts or the thread is opened.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select

from agent.channels.web.cards import Cards
from agent.channels.web.drawing import Card, draw
from agent.channels.web.edge import attempt
from agent.channels.web.progress import progress_card
from agent.shown import approval_view, run_view, view_of
from core import approvals
from core.events import ApprovalChanged, RunChanged
from core.identity import Caller
from core.records.tables import Approval, Run
from tools import base
from tools.base import House, ToolContext

log = logging.getLogger(__name__)
PACE_S = 1.2
"""A run that moves is drawn anew at most this often."""
ENDED = ("succeeded", "failed", "cancelled")


class Follow:
    def __init__(self, house: House, cards: Cards) -> None:
        self.house = house
        self.cards = cards
        self._runs: set[str] = set()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Listen while inside. First shows what ended while nobody listened."""
        loop = asyncio.get_running_loop()

        # Events come in the threads of whoever publishes; all our work is done in this loop.
        def hear(event: Any) -> None:
            loop.call_soon_threadsafe(self.heard, event)

        stop = self.house.bus.subscribe(hear)
        self.spawn(self.draw_runs())
        self.spawn(self.catch_up())
        try:
            yield
        finally:
            stop()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.cards.history.close()

    def heard(self, event: Any) -> None:
        match event:
            case RunChanged(run_id=run_id):
                self._runs.add(run_id)
                self._wake.set()
            case ApprovalChanged(approval_id=approval_id):
                self.spawn(self.approval(approval_id))

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def draw_runs(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._runs = self._runs, set()
            for run_id in changed:
                await guarded(self.run(run_id))
            await asyncio.sleep(PACE_S)

    async def catch_up(self) -> None:
        """Report the runs that ended while no server was there to say so."""
        for run_id in await asyncio.to_thread(self.unreported):
            await guarded(self.run(run_id))

    def unreported(self) -> list[str]:
        wanted = select(Run.id).where(
            Run.ended_at.is_not(None), Run.reported_at.is_(None), Run.thread_id.is_not(None)
        )
        with self.house.database.read() as session:
            return list(session.scalars(wanted))

    async def run(self, run_id: str) -> None:
        """Draw the run's card as it is now; when it has ended, as its report, once."""
        run = await asyncio.to_thread(self.find_run, run_id)
        if (
            run is None
            or run.thread_id is None
            or not await self.may_post(run.thread_id, run.owner)
        ):
            return
        news = run.state in ENDED and run.reported_at is None
        if not news and run.state in ENDED and await self.cards.has(run.thread_id, run.id):
            return
        await self.cards.show(run.thread_id, await self.run_card(run), last=news)
        if news:
            await asyncio.to_thread(self.mark_reported, run_id)
            await self.cards.toast(run.thread_id, f"{run.id} has {run.state}.")

    async def run_card(self, run: Run) -> Card:
        result = await asyncio.to_thread(self.status, run)
        card = draw(run_view(result))
        return card if run.state in ENDED else progress_card(run, card)

    def status(self, run: Run) -> dict[str, Any]:
        ctx = ToolContext(self.house, Caller(run.owner, run.project), run.thread_id)
        return base.as_json(base.find("run_status").run(ctx, run=run.id))

    def find_run(self, run_id: str) -> Run | None:
        with self.house.database.read() as session:
            return session.get(Run, run_id)

    def mark_reported(self, run_id: str) -> None:
        with self.house.database.write() as session:
            run = session.get_one(Run, run_id)
            run.reported_at = run.reported_at or time.time()

    async def approval(self, approval_id: str) -> None:
        """Draw the approval as it is now, and what came of it once it is decided."""
        approval = await asyncio.to_thread(self.find_approval, approval_id)
        if approval is None or approval.thread_id is None:
            return
        thread_id = approval.thread_id
        if not await self.may_post(thread_id, approval.owner):
            return
        if await self.cards.has(thread_id, approval.id):
            await self.cards.show(thread_id, draw(approval_view(approvals.as_dict(approval))))
        if approval.state == "done" and not await self.cards.has(thread_id, outcome_key(approval)):
            await self.outcome(approval, thread_id)

    def find_approval(self, approval_id: str) -> Approval | None:
        with self.house.database.read() as session:
            return session.get(Approval, approval_id)

    async def outcome(self, approval: Approval, thread_id: str) -> None:
        """The approved call's result; a run is its own card."""
        run_id = await asyncio.to_thread(self.run_of, approval.id)
        if run_id is not None:
            await self.run(run_id)
            return
        view = view_of(approval.tool, approval.result or {})
        if view is not None:
            card = draw(view)
            await self.cards.show(
                thread_id,
                Card(card.content, card.elements, card.buttons, outcome_key(approval)),
                last=True,
            )

    def run_of(self, approval_id: str) -> str | None:
        with self.house.database.read() as session:
            return session.scalar(select(Run.id).where(Run.approval_id == approval_id))

    async def may_post(self, thread_id: str, owner: str) -> bool:
        """Whether the thread is one of this chat's, and the same person's."""
        return await self.cards.history.owner_of(thread_id) == owner

    async def opened(self, tab: Any) -> None:
        """Bring the cards of a thread up to date when a tab has opened it, or is back."""
        for stored in await self.cards.of_thread(tab.thread_id):
            key = stored["key"]
            if key.startswith("run_"):
                await guarded(self.refresh_run(key))
            elif key.startswith("ap_") and "/" not in key:
                await guarded(self.approval(key))
            else:
                for button in stored.get("buttons", []):
                    await tab.emit("remove_action", button)
                    await tab.emit("action", button)

    async def refresh_run(self, run_id: str) -> None:
        run = await asyncio.to_thread(self.find_run, run_id)
        if run is not None and run.thread_id is not None:
            await self.cards.show(run.thread_id, await self.run_card(run))


def outcome_key(approval: Approval) -> str:
    return f"{approval.id}/result"


async def guarded(work: Awaitable[None]) -> None:
    """One card's fault must not stop the others."""
    failure = await attempt(work)
    if failure is not None:
        log.warning("a card could not be drawn: %s", failure)
