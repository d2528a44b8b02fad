"""The runs of everybody, as records. Starting one writes it down; `finetune.follow` makes it true.

Nothing here changes a run's state: a record asks (`queued`, `cancel_requested`), the follower
answers. So a crash between asking and doing loses nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from core.errors import RequestRefused, not_found
from core.events import Bus, RunChanged
from core.identity import Caller
from core.job import Job, JobState
from core.records import tables
from core.records.database import Database, next_id
from core.records.queries import get, owned, stamp
from core.storage import Storage
from data.datasets import Datasets
from finetune import config, promote
from finetune.bases import Bases
from finetune.job import ENDED, TASKS, Workshop
from finetune.models import Models
from finetune.quote import NAMES
from finetune.report import report, summary
from launchers.base import Launcher

LAST = "last"
MOST_COMPARED = 10


class Runs:
    def __init__(
        self,
        database: Database,
        storage: Storage,
        datasets: Datasets,
        bases: Bases,
        launcher: Launcher,
        bus: Bus,
    ) -> None:
        self.database = database
        self.bus = bus
        self.workshop = Workshop(storage, datasets, bases, launcher)
        self.models = Models(database, storage)

    def start(
        self,
        caller: Caller,
        arguments: Mapping[str, Any],
        approval_id: str | None,
        thread_id: str | None,
        quote: Mapping[str, Any] | None,
    ) -> tables.Run:
        """A new run, queued; the same approval again gives the same run.

        Args:
            arguments: `dataset`, `base_model` and every parameter as a value.
            quote: The result of the quote that was shown when it was approved.

        Raises:
            RequestRefused: An argument is missing, or the dataset or base is gone.
            ServiceFailed: The disk is too full, or the base was changed.
        """
        dataset = self.workshop.datasets.get(caller, str(arguments.get("dataset") or ""))
        recipe = complete(TASKS[dataset.task], arguments)
        base = self.workshop.base_for(dataset, recipe["base_model"])
        self.workshop.need_room()
        with self.database.write() as session:
            known = owned(tables.Run, caller).where(tables.Run.approval_id == approval_id)
            if approval_id is not None and (run := session.scalar(known)) is not None:
                return run
            run = tables.Run(
                id=next_id(session, "run"),
                dataset=dataset.ref,
                base_model=base.name,
                recipe=recipe | {"dataset": dataset.ref, "base_model": base.name},
                quote=dict(quote) if quote else None,
                approval_id=approval_id,
                thread_id=thread_id,
                state="queued",
                **stamp(caller),
            )
            session.add(run)
        self.bus.publish(RunChanged(run.id))
        return run

    def retry(
        self,
        caller: Caller,
        identifier: str,
        approval_id: str | None,
        thread_id: str | None,
        quote: Mapping[str, Any] | None = None,
    ) -> tables.Run:
        """A new run with the arguments of an earlier one."""
        run = self.get(caller, identifier)
        return self.start(caller, run.recipe, approval_id, thread_id, quote or run.quote)

    def get(self, caller: Caller, identifier: str = LAST) -> tables.Run:
        """A run by its id, or the caller's newest. Raises RequestRefused when there is none."""
        if identifier not in (LAST, ""):
            with self.database.read() as session:
                return get(session, tables.Run, caller, identifier)
        found = self.list(caller)
        if not found:
            raise not_found("run", LAST, [])
        return found[-1]

    def active(self) -> list[tables.Run]:
        """The runs of everybody that have not ended."""
        wanted = select(tables.Run).where(tables.Run.state.not_in(ENDED))
        with self.database.read() as session:
            return sorted(session.scalars(wanted), key=number)

    def cancel(self, caller: Caller, identifier: str = LAST) -> tables.Run:
        """Stop a run now; its checkpoints stay. Cancelling twice is the same as once.

        Raises RequestRefused when it has ended already.
        """
        wanted = self.get(caller, identifier)
        with self.database.write() as session:
            run = get(session, tables.Run, caller, wanted.id)
            if run.state in ("succeeded", "failed"):
                raise RequestRefused(
                    f"{run.id} has {'failed' if run.state == 'failed' else 'succeeded'} already.",
                    code="run_ended",
                    param="run",
                    fix="There is nothing to stop.",
                )
            run.cancel_requested = True
        job = self.job_of(run)
        if self.workshop.launcher.state(job).state is not JobState.LOST:
            self.workshop.launcher.cancel(job)
        self.bus.publish(RunChanged(run.id))
        return run

    def report(self, run: tables.Run) -> dict[str, Any]:
        """Everything that is told of a run (see `finetune.report`)."""
        return report(run, self.models.of_run(run))

    def summaries(self, caller: Caller, *, active: bool = False) -> list[dict[str, Any]]:
        """One line for each of the caller's runs, newest first."""
        runs = reversed(self.list(caller))
        return [summary(run) for run in runs if not (active and run.state in ENDED)]

    def compare(self, caller: Caller, identifiers: Sequence[str]) -> dict[str, Any]:
        """Runs side by side; without ids the two newest that succeeded.

        Raises RequestRefused for an unknown run, fewer than two or more than ten.
        """
        wanted = list(dict.fromkeys(identifiers)) or self.newest_succeeded(caller)
        if not 2 <= len(wanted) <= MOST_COMPARED:
            raise RequestRefused(
                f"{len(wanted)} runs cannot be compared.",
                code="invalid_argument",
                param="runs",
                fix=f"Name 2 to {MOST_COMPARED} runs; without names at least two must have "
                "succeeded.",
            )
        runs = [self.get(caller, identifier) for identifier in wanted]
        lines = [summary(run) | {"differs": values} for run, values in side_by_side(runs)]
        return {"runs": lines, "text": promote.compare(lines)}

    def newest_succeeded(self, caller: Caller) -> list[str]:
        return [run.id for run in self.list(caller) if run.state == "succeeded"][-2:]

    def job_of(self, run: tables.Run) -> Job:
        return self.workshop.job(run.id, run.attempt)

    def list(self, caller: Caller) -> list[tables.Run]:
        """The caller's runs in the order in which they were asked for."""
        with self.database.read() as session:
            rows = session.scalars(owned(tables.Run, caller)).all()
        return sorted(rows, key=number)


def complete(task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a run of this task, all there and none too many."""
    wanted = (*NAMES, *config.limits(task))
    given = {name: value for name, value in arguments.items() if config.is_set(value)}
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    if missing or unknown:
        raise RequestRefused(
            f"A run needs every argument as a value; missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}.",
            code="invalid_argument",
            param=(missing + unknown)[0],
            fix="Ask for a quote, and start with its arguments.",
        )
    return {name: given[name] for name in wanted}


def side_by_side(
    runs: Sequence[tables.Run],
) -> list[tuple[tables.Run, dict[str, Any]]]:
    """Each run with the arguments in which these runs differ."""
    known = dict.fromkeys(name for run in runs for name in run.recipe)
    names = [name for name in known if len({run.recipe.get(name) for run in runs}) > 1]
    return [(run, {name: run.recipe.get(name) for name in names}) for run in runs]


def number(run: tables.Run) -> int:
    """Runs in the order of their ids: clocks jump, counters do not."""
    return int(run.id.rpartition("_")[2])
