"""The parts of a training that are the same for every task."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.job import read_json, write_json
from finetune.worker.checkpoints import Checkpoints, Tensors
from finetune.worker.course import Progress, doubts
from finetune.worker.journal import Journal
from finetune.worker.loop import Loop, Stop
from finetune.worker.machine import Device, Stopwatch, versions
from finetune.worker.spec import Recipe
from finetune.worker.tasks.base import Task

ADAPTER = "adapter"
"""Folder of the tuned model's adapter in the job folder."""


def once(file: Path, make: Callable[[], Any]) -> Any:
    """What an earlier attempt stored in the file, or what is made now and stored there."""
    stored = read_json(file)
    if stored is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        stored = make()
        write_json(file, stored)
    return stored


Steps = Callable[[Any, Recipe, Journal, Checkpoints, Stop], Progress]
"""Takes all steps of a task's training, and leaves the best state in the task."""


def own_steps(
    task: Task, recipe: Recipe, journal: Journal, checkpoints: Checkpoints, stop: Stop
) -> Progress:
    """By our own loop."""
    return Loop(task, recipe, journal, checkpoints, stop).run()


def tune(
    folder: Path,
    task: Task,
    recipe: Recipe,
    write: Callable[[Path, Tensors], None],
    read: Callable[[Path], Tensors],
    journal: Journal,
    stop: Stop,
    steps: Steps = own_steps,
) -> Progress:
    """Train from the newest checkpoint on, note what looks wrong, and write the adapter.

    Args:
        write, read: How trained tensors are stored in a folder.
    """
    checkpoints = Checkpoints(folder, write, read, journal.note)
    progress = steps(task, recipe, journal, checkpoints, stop)
    for doubt in doubts(task.trained(), progress.curve):
        journal.note(doubt)
    shutil.rmtree(folder / ADAPTER, ignore_errors=True)
    write(folder / ADAPTER, task.trained())
    return progress


def figures(progress: Progress, recipe: Recipe, steps: int, parameters: int) -> dict[str, Any]:
    """What `result.json` tells of the training itself.

    Args:
        steps: Of the optimizer, in all.
        parameters: Numbers that were trained.
    """
    return {
        "steps": steps,
        "epochs": recipe.epochs,
        "seconds": round(progress.seconds, 2),
        "cpu_seconds": round(progress.cpu_seconds, 2),
        "tokens": progress.tokens,
        "tokens_per_s": round(progress.tokens / max(progress.seconds, 1e-9), 1),
        "trainable_parameters": parameters,
        "curve": progress.curve,
        "best_epoch": (progress.best or {}).get("epoch"),
    }


def totals(watch: Stopwatch, device: Device) -> dict[str, Any]:
    """What the whole job took, and what it ran on."""
    return {
        "seconds": round(watch.seconds, 2),
        "cpu_seconds": round(watch.cpu_seconds, 2),
        "versions": versions(),
        "device": str(device),
    }
