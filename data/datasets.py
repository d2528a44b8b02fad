"""Immutable versions of datasets: made from uploads, kept as Parquet, found by `name@1`."""

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.chat.messages import Message
from core.errors import RequestRefused
from core.identity import Caller
from core.job import sync_folder
from core.names import check_name
from core.records import tables
from core.records.database import Database, next_id
from core.records.queries import get, next_version, owned, stamp, versioned
from core.storage import Storage, new_id
from data import child
from data.request import Prepared, Request, Source
from data.shapes.base import Tools

Conversation = tuple[int, list[Message], Tools]
SPLITS = ("train", "validation", "test")
TASKS = ("auto", "classification", "chat")
MAX_SEED = 2**31 - 1
STAGING = ".part"
ACTIVE = ("queued", "running", "paused")


class Datasets:
    """The dataset versions of everybody; each question names who asks."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def create(
        self,
        caller: Caller,
        *,
        name: str,
        file_id: str,
        validation_file_id: str | None = None,
        test_file_id: str | None = None,
        task: str = "auto",
        columns: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> tables.Dataset:
        """The next version `name@n`; the same content again is the version that has it already.

        Without files of their own, validation and test get 10 % of the rows each.

        Args:
            task: auto, classification or chat. Auto takes conversations for chat, and asks
                (code `ambiguous_task`) where a file could be either.
            columns: Role to column, such as {"text": "body", "label": "queue"}; what is left
                out is guessed. Roles for chat: messages, tools, or prompt, input, completion,
                history, system.
            seed: Decides which rows are held out; 0 to 2**31 - 1.

        Raises:
            RequestRefused: Bad name, unknown file, or something wrong in a file, with its place.
                Nothing is kept then.
        """
        check_name(name)
        check_task(task)
        check_seed(seed)
        main = self._source(caller, file_id, "file_id")
        validation = self._optional(caller, validation_file_id, "validation_file_id")
        test = self._optional(caller, test_file_id, "test_file_id")
        staging = self._stage(main, validation, test)
        try:
            request = Request(
                folder=str(staging),
                main=main,
                validation=validation,
                test=test,
                columns=dict(columns or {}),
                seed=seed,
                task=task,
            )
            prepared = child.run(request)
            row = tables.Dataset(
                name=name,
                file_id=file_id,
                validation_file_id=validation_file_id or None,
                test_file_id=test_file_id or None,
                **row_of(prepared),
                **stamp(caller),
            )
            return self._keep(caller, row, staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def get(self, caller: Caller, ref: str) -> tables.Dataset:
        """The dataset `name@2`, or the newest version of `name`."""
        with self.database.read() as session:
            found: tables.Dataset = versioned(session, tables.Dataset, caller, ref)
            return found

    def refuse_in_use(self, caller: Caller, dataset: tables.Dataset) -> None:
        """Raises RequestRefused while a run works with the version, naming the run."""
        with self.database.read() as session:
            refuse_in_use(dataset, users(session, caller, dataset.ref))

    def list(self, caller: Caller) -> list[tables.Dataset]:
        """The caller's dataset versions, oldest first."""
        with self.database.read() as session:
            return [*session.scalars(owned(tables.Dataset, caller))]

    def delete(self, caller: Caller, ref: str) -> tables.Dataset:
        """Remove the version for good and return what it was.

        Raises RequestRefused while a run works with it, naming the run.
        """
        with self.database.write() as session:
            row: tables.Dataset = versioned(session, tables.Dataset, caller, ref)
            refuse_in_use(row, users(session, caller, row.ref))
            session.delete(row)
        shutil.rmtree(self.folder(row), ignore_errors=True)
        return row

    def folder(self, dataset: tables.Dataset) -> Path:
        """Holds `train.parquet`, `validation.parquet` and `test.parquet`.

        Columns: row, text, label; for chat row, messages, tools, the latter two as JSON.
        """
        return self.storage.path("datasets", dataset.id)

    def rows(self, dataset: tables.Dataset, split: str) -> Iterator[tuple[int, str, str]]:
        """Row number in the uploaded file, text and label of each row of a split."""
        return stored(self.folder(dataset) / f"{split}.parquet")

    def conversations(self, dataset: tables.Dataset, split: str) -> Iterator[Conversation]:
        """Row number in the uploaded file, messages and tools of each row of a chat split."""
        for row, messages, tools in stored(self.folder(dataset) / f"{split}.parquet"):
            yield row, json.loads(messages), json.loads(tools) if tools else None

    def export_jsonl(
        self, dataset: tables.Dataset, folder: Path, at_most: int | None = None
    ) -> None:
        """Write `train.jsonl`, `validation.jsonl` and `test.jsonl`.

        A line has text and label; for chat row, messages and tools (a list or null).

        Args:
            at_most: Of a split with more rows, about this many are written, evenly spaced.
        """
        for split in SPLITS:
            step = 1 if at_most is None else max(1, dataset.splits[split] // at_most)
            with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
                for line in islice(self._lines(dataset, split), 0, None, step):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _lines(self, dataset: tables.Dataset, split: str) -> Iterator[dict[str, Any]]:
        if dataset.task == "chat":
            for row, messages, tools in self.conversations(dataset, split):
                yield {"row": row, "messages": messages, "tools": tools}
        else:
            for _, text, label in self.rows(dataset, split):
                yield {"text": text, "label": label}

    def sweep(self) -> int:
        """Remove folders that no record names, left by a crash; returns how many.

        Call it at start only: a dataset being made looks the same.
        """
        with self.database.read() as session:
            known = {*session.scalars(select(tables.Dataset.id))}
        root = self.storage.home / "datasets"
        orphans = [path for path in root.iterdir() if path.name not in known]
        for orphan in orphans:
            # The reader of a server that was killed may still write here for a moment.
            shutil.rmtree(orphan, ignore_errors=True)
        return len(orphans)

    def _optional(self, caller: Caller, file_id: str | None, param: str) -> Source | None:
        return self._source(caller, file_id, param) if file_id else None

    def _source(self, caller: Caller, file_id: str, param: str) -> Source:
        try:
            with self.database.read() as session:
                row = get(session, tables.File, caller, file_id)
        except RequestRefused as refusal:
            refusal.param = param
            raise
        path = self.storage.path("files", row.id)
        return Source(path=str(path), filename=row.filename, sha256=row.sha256, param=param)

    def _stage(self, *sources: Source | None) -> Path:
        try:
            sizes = [Path(source.path).stat().st_size for source in sources if source]
        except FileNotFoundError:
            raise child.deleted() from None
        self.storage.need_room(2 * sum(sizes))
        staging = self.storage.path("datasets", new_id("new") + STAGING)
        staging.mkdir()
        return staging

    def _keep(self, caller: Caller, row: tables.Dataset, staging: Path) -> tables.Dataset:
        """Put the folder in its place and then the record, so that a record is never without."""
        with self.database.write() as session:
            existing = session.scalar(
                owned(tables.Dataset, caller).where(
                    tables.Dataset.name == row.name, tables.Dataset.fingerprint == row.fingerprint
                )
            )
            if existing is not None:
                return existing
            row.id = next_id(session, "dataset")
            row.version = self._next_version(session, caller, row.name)
            target = self.folder(row)
            shutil.rmtree(target, ignore_errors=True)  # left by a commit that failed
            staging.rename(target)
            sync_folder(target.parent)
            session.add(row)
        return row

    def _next_version(self, session: Session, caller: Caller, name: str) -> int:
        """Never one that was used before: models and reports name datasets by version."""
        kind = f"version of dataset {caller.user}/{caller.project}/{name}"
        while True:
            number = int(next_id(session, kind).rpartition("_")[2])
            if number >= next_version(session, tables.Dataset, caller, name):
                return number


def stored(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of a Parquet file, column by column."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def row_of(prepared: Prepared) -> dict[str, object]:
    return {
        "task": prepared.task,
        "columns": prepared.columns,
        "rows": prepared.rows,
        "splits": prepared.splits,
        "profile": prepared.profile,
        "problems": prepared.problems,
        "fingerprint": prepared.fingerprint,
    }


def check_task(task: str) -> None:
    if task not in TASKS:
        raise RequestRefused(
            f"task={task[:40]!r} is not supported yet.",
            code="unsupported_task",
            param="task",
            fix="Supported: classification (a text and a label in each row) and chat "
            "(conversations), or auto.",
        )


def check_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise RequestRefused(
            f"seed={seed} is out of range.",
            code="out_of_range",
            param="seed",
            fix=f"Give a whole number from 0 to {MAX_SEED}.",
        )


def users(session: Session, caller: Caller, ref: str) -> list[str]:
    runs = owned(tables.Run, caller).where(tables.Run.dataset == ref, tables.Run.state.in_(ACTIVE))
    return [run.id for run in session.scalars(runs)]


def refuse_in_use(row: tables.Dataset, runs: list[str]) -> None:
    if runs:
        raise RequestRefused(
            f"{row.ref} is used by {', '.join(runs[:10])}.",
            code="in_use",
            param="dataset",
            fix="Wait until it has finished, or cancel it first.",
        )
