"""What happens in the background reaches the threads it belongs to: runs, approvals, endpoints.

The bus only says that it is worth looking. What is shown is read from the records, so an event
that was missed, in a crash say, is made up for when the server starts or the thread is opened.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from agent.channels.web.cards import Cards
from agent.channels.web.drawing import draw
from agent.channels.web.edge import attempt
from agent.language import Words, words_in
from agent.shown import approval_view, run_view, view_of
from agent.views import View
from core import approvals
from core.events import ApprovalChanged, EndpointChanged, RunChanged
from core.identity import Caller
from core.records.tables import Approval, Endpoint, Owned, Run
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
        # What is read must be shown before it is read anew, or an older state could come last.
        self._run_turn, self._approval_turn = asyncio.Lock(), asyncio.Lock()
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
                self.spawn(self.approval(approval_id, news=True))
            case EndpointChanged(endpoint=name):
                self.spawn(self.endpoints(name))

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

    async def words(self, thread_id: str) -> Words:
        return words_in(await self.cards.history.language_of_thread(thread_id))

    async def run(self, run_id: str) -> None:
        """Draw the run's card as it is now; when it has ended, as its report, once."""
        async with self._run_turn:
            await self.draw_run(run_id)

    async def draw_run(self, run_id: str) -> None:
        run = await asyncio.to_thread(self.find_run, run_id)
        if run is None:
            return
        told = await asyncio.to_thread(self.told, run, run.thread_id, "run_status", run=run.id)
        news = run.state in ENDED and run.reported_at is None
        for thread_id in await self.threads(run, run.id):
            w = await self.words(thread_id)
            view = run_view(told, w)
            await self.show_run(thread_id, view, w, news=news and thread_id == run.thread_id)
        if news:
            await asyncio.to_thread(self.mark_reported, run_id)

    async def show_run(self, thread_id: str, view: View, w: Words, *, news: bool) -> None:
        """A report that nobody would see where the card stands comes to the end of the thread."""
        buried = news and await self.cards.is_buried(thread_id, view.key)
        await self.cards.show(thread_id, draw(view, w), last=buried)
        if news:
            told = w("{label}: {value}", label=view.title, value=view.state_label)
            await self.cards.look_at(thread_id, view.key)
            await self.cards.toast(thread_id, told)

    async def threads(self, record: Run | Approval, key: str) -> list[str]:
        """Where the record was asked for, if that is one of our threads, and where it is shown."""
        found = await self.cards.showing(key, record.owner)
        home = record.thread_id
        if home is None or home in found:
            return found
        ours = await self.cards.history.owner_of(home) == record.owner
        return [*found, home] if ours else found

    def told(
        self, owned: Owned, thread_id: str | None, tool: str, **arguments: Any
    ) -> dict[str, Any]:
        """What a reading tool says to the owner of a record."""
        ctx = ToolContext(self.house, Caller(owned.owner, owned.project), thread_id)
        return base.as_json(base.find(tool).run(ctx, **arguments))

    def find_run(self, run_id: str) -> Run | None:
        with self.house.database.read() as session:
            return session.get(Run, run_id)

    def mark_reported(self, run_id: str) -> None:
        with self.house.database.write() as session:
            run = session.get_one(Run, run_id)
            run.reported_at = run.reported_at or time.time()

    async def approval(self, approval_id: str, *, news: bool = False) -> None:
        """Draw the approval as it is now, and what came of it once it is decided.

        Args:
            news: It has just changed, so bring it before the eyes of who has the thread open.
        """
        async with self._approval_turn:
            await self.draw_approval(approval_id, news)

    async def draw_approval(self, approval_id: str, news: bool) -> None:
        approval = await asyncio.to_thread(self.find_approval, approval_id)
        if approval is None:
            return
        for thread_id in await self.cards.showing(approval.id, approval.owner):
            w = await self.words(thread_id)
            view = approval_view(approvals.as_dict(approval), w)
            await self.cards.show(thread_id, draw(view, w))
            if news and approval.state == "waiting":
                await self.cards.look_at(thread_id, view.key)
        if approval.state == "done":
            await self.outcome(approval, news)

    def find_approval(self, approval_id: str) -> Approval | None:
        with self.house.database.read() as session:
            return session.get(Approval, approval_id)

    async def outcome(self, approval: Approval, news: bool) -> None:
        """The approved call's result, once in each thread; a run is its own card."""
        run_id = await asyncio.to_thread(self.run_of, approval.id)
        for thread_id in await self.threads(approval, approval.id):
            w = await self.words(thread_id)
            view = view_of(approval.tool, approval.result or {}, w)
            key = run_id or key_of(approval, view)
            if not await self.cards.has(thread_id, key):
                if run_id is not None:
                    await self.run(run_id)
                elif view is not None:
                    await self.cards.show(thread_id, replace(draw(view, w), key=key))
            elif news and view is not None and view.kind == "endpoint":
                await self.cards.show(thread_id, draw(view, w), last=True)
            if news:
                await self.cards.look_at(thread_id, key)

    def run_of(self, approval_id: str) -> str | None:
        with self.house.database.read() as session:
            return session.scalar(select(Run.id).where(Run.approval_id == approval_id))

    async def endpoints(self, name: str) -> None:
        """Draw the endpoint's cards as it is now; those of one that is gone stay as they were."""
        for row in await asyncio.to_thread(self.find_endpoints, name):
            await self.endpoint(row)

    def find_endpoints(self, name: str) -> list[Endpoint]:
        """Of everybody who has one of this name."""
        with self.house.database.read() as session:
            return list(session.scalars(select(Endpoint).where(Endpoint.name == name)))

    async def endpoint(self, row: Endpoint) -> None:
        threads = await self.cards.showing(f"endpoint/{row.name}", row.owner)
        if not threads:
            return
        told = await asyncio.to_thread(self.told, row, None, "endpoint_status", endpoint=row.name)
        for thread_id in threads:
            w = await self.words(thread_id)
            view = view_of("endpoint_status", told, w)
            if view is not None:
                await self.cards.show(thread_id, draw(view, w))

    async def opened(self, tab: Any) -> None:
        """Bring the cards of a thread up to date when a tab has opened it, or is back."""
        for key in await self.cards.of_thread(tab.thread_id):
            if key.startswith("run_"):
                await guarded(self.run(key))
            elif key.startswith("ap_") and not key.endswith("/result"):
                await guarded(self.approval(key))
            elif key.startswith("endpoint/"):
                await guarded(self.endpoints(key.removeprefix("endpoint/")))


def key_of(approval: Approval, view: View | None) -> str:
    """An endpoint is one card in a thread, whatever is done with it; other results stand alone."""
    lives = view is not None and view.kind == "endpoint"
    return view.key if view is not None and lives else f"{approval.id}/result"


async def guarded(work: Awaitable[None]) -> None:
    """One card's fault must not stop the others."""
    failure = await attempt(work)
    if failure is not None:
        log.warning("a card could not be drawn: %s", failure)
