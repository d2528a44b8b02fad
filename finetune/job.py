"""A recipe becomes a job folder: `job.json` and the splits, complete or not there at all."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import RequestRefused
from core.job import JOB_FILE, Job, read_json, write_json
from core.records import tables
from core.storage import Storage
from data.datasets import Datasets
from finetune.bases import Base, Bases
from finetune.worker import spec
from launchers.base import Capacity, Launcher

ROOM_BYTES = 512 * 2**20
"""What a run may write: checkpoints, the exported model, its baselines."""
MAX_THREADS = 4
PROBE_ROWS = 20_000
"""Rows of a split that a probe is given: enough to measure by, read in seconds."""
KIND_WORDS = {"encoder": "an encoder, for classification", "causal": "a chat model"}
TASK_WORDS = {"classification": "texts with labels", "chat": "conversations"}
ENDED = ("succeeded", "failed", "cancelled")
"""States of a run in which nothing more happens."""
TASKS = {"classification": "classify", "chat": "chat"}
"""What a dataset is for, and the worker's task that learns it."""
KINDS = {"classification": "encoder", "chat": "causal"}
"""What a dataset is for, and the kind of base that can learn it."""


@dataclass(frozen=True)
class Workshop:
    """What is needed to make a job of records and start it."""

    storage: Storage
    datasets: Datasets
    bases: Bases
    launcher: Launcher

    def job(self, identifier: str, attempt: int) -> Job:
        """The job of a run or quote, as the launcher knows it. Changes nothing."""
        capacity = self.launcher.capacity
        folder = self.folder(identifier)
        return Job(
            id=identifier,
            argv=worker_argv(folder),
            folder=folder,
            attempt=attempt,
            cpus=threads(capacity),
            gpus=min(1, len(capacity.gpus)),
        )

    def base_for(self, dataset: tables.Dataset, name: str) -> Base:
        """The base of this name, or the default one of the dataset's kind.

        Raises:
            RequestRefused: No such base, or it is of another kind.
            ServiceFailed: Its files were changed on the disk.
        """
        kind = KINDS[dataset.task]
        base = self.bases.get(name, kind=kind)
        if base.kind != kind:
            raise unfit(dataset, base, self.bases.names(kind=kind))
        return base

    def folder(self, identifier: str) -> Path:
        return self.storage.path("jobs", identifier)

    def prepared(self, identifier: str) -> bool:
        return (self.folder(identifier) / JOB_FILE).exists()

    def prepare(
        self, identifier: str, kind: str, dataset: tables.Dataset, recipe: Mapping[str, Any]
    ) -> Path:
        """Write the job folder, unless it is complete already.

        Args:
            kind: `train` or `probe`.
            recipe: `base_model` and every parameter as a value; other keys are not looked at.

        Raises:
            ServiceFailed: The disk is too full, or the base changed.
        """
        folder = self.folder(identifier)
        if self.prepared(identifier):
            return folder
        self.need_room()
        folder.mkdir(parents=True, exist_ok=True)
        self.datasets.export_jsonl(dataset, folder, PROBE_ROWS if kind == "probe" else None)
        content = self.content(kind, dataset, recipe)
        # Written last: while it is missing, the folder counts as not there.
        write_json(folder / JOB_FILE, content)
        return folder

    def content(
        self, kind: str, dataset: tables.Dataset, recipe: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What stands in `job.json`."""
        common: dict[str, Any] = {
            "task": TASKS[dataset.task],
            "base": base_of(self.base_for(dataset, str(recipe["base_model"]))),
            "labels": labels_of(dataset),
            "recipe": recipe_of(TASKS[dataset.task], recipe),
            "threads": threads(self.launcher.capacity),
        }
        probes = kind == "probe"
        wanted = (
            spec.ProbeSpec(**common, rows=dataset.splits) if probes else spec.TrainSpec(**common)
        )
        written = spec.to_json(wanted)
        spec.from_json(written)  # what the worker would refuse is refused here, before it costs
        return written

    def need_room(self) -> None:
        """Raises ServiceFailed when the disk is too full for another run."""
        self.storage.need_room(ROOM_BYTES)

    def discard(self, identifier: str) -> None:
        """Remove a job folder that is not needed any more."""
        shutil.rmtree(self.folder(identifier), ignore_errors=True)

    def result(self, identifier: str) -> Any:
        """What the worker left as its result, or None."""
        return read_json(self.folder(identifier) / "result.json")


def unfit(dataset: tables.Dataset, base: Base, fitting: list[str]) -> RequestRefused:
    return RequestRefused(
        f"{base.name} is {KIND_WORDS[base.kind]}; {dataset.ref} holds {TASK_WORDS[dataset.task]}.",
        code="unfit_base",
        param="base_model",
        fix=f"Use one of: {', '.join(fitting)}.",
    )


def worker_argv(folder: Path) -> tuple[str, ...]:
    """The program that does what a job folder says."""
    return (sys.executable, "-m", "finetune.worker", str(folder))


def base_of(base: Base) -> spec.Base:
    return spec.Base(name=base.name, path=str(base.path), sha256=base.sha256)


def recipe_of(task: str, values: Mapping[str, Any]) -> spec.ClassifyRecipe | spec.ChatRecipe:
    kind = spec.RECIPES[task]
    names = kind.__dataclass_fields__
    return kind(**{name: values[name] for name in names if name in values})


def labels_of(dataset: tables.Dataset) -> list[str]:
    """The classes, sorted; a class number is a position in this list. Empty without classes."""
    return sorted(entry["label"] for entry in dataset.profile.get("labels", []))


def threads(capacity: Capacity) -> int:
    """Half of the cores, so that the chat and the endpoints stay quick while a run goes on.

    One thread per worker is also the safe choice on a small shared machine: with two, threads
    that wait for each other under load cost up to 20 times.
    """
    return max(1, min(MAX_THREADS, capacity.cpus // 2))
