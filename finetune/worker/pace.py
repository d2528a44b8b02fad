"""How quickly a task trains, from a few true steps; what that says of the whole run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finetune.worker.checkpoints import Checkpoints
from finetune.worker.journal import Journal
from finetune.worker.loop import Loop, Stop
from finetune.worker.machine import Stopwatch
from finetune.worker.spec import Recipe
from finetune.worker.tasks.base import Task

STEPS_S = 5.0
"""Seconds of steps to measure, at least `FEWEST` and at most `MOST` steps."""
FEWEST, MOST = 4, 24
START_S = 4.0
"""Seconds to start a process and import torch and scikit-learn, which happens before any clock
of ours runs. Measured: 3 to 5."""
MEMORY_GROWTH = 1.3
"""Peak of a whole run against that of a probe; measured: 1,020 MB became at most 1,300."""
LOW, HIGH = 0.85, 1.35
"""How far apart low and high are at least: other work on the machine comes and goes."""


@dataclass(frozen=True)
class Steps:
    """Timed training steps."""

    seconds: list[float]
    tokens: list[int]

    @property
    def per_step(self) -> float:
        return sum(self.seconds) / len(self.seconds)

    @property
    def per_token(self) -> float:
        return sum(self.seconds) / sum(self.tokens)

    @property
    def spread(self) -> float:
        """Standard error of the mean pace, as a share of it."""
        paces = np.array(self.seconds) / np.array(self.tokens)
        return float(paces.std() / paces.mean() / len(paces) ** 0.5)


def timed_steps(task: Task, recipe: Recipe, folder: Path, journal: Journal) -> Steps:
    """Time true steps, after one that is not counted: on the longest rows, for the memory."""
    nowhere = Checkpoints(folder, lambda *_: None, lambda _: {}, journal.note)
    loop = Loop(task, recipe, journal, nowhere, Stop())
    batches = task.batches(0)
    loop.train_step(max(batches, key=task.tokens))
    whole, seconds, tokens = Stopwatch(), list[float](), list[int]()
    while len(seconds) < FEWEST or (whole.seconds < STEPS_S and len(seconds) < MOST):
        batch, watch = batches[(len(seconds) + 1) % len(batches)], Stopwatch()
        loop.train_step(batch)
        seconds.append(watch.seconds)
        tokens.append(task.tokens(batch))
    return Steps(seconds, tokens)


def estimate(seconds: float, spread: float, peak_bytes: int) -> dict[str, float]:
    """Seconds of the whole run with an interval, and its memory."""
    return {
        "seconds": seconds,
        "low": seconds * LOW * (1 - spread),
        "high": seconds * HIGH * (1 + 2 * spread),
        "memory_bytes": round(peak_bytes * MEMORY_GROWTH),
    }
