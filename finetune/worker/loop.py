"""The step loop: schedule, clipping, checkpoints, and an end at once on NaN.

It knows no model: a task gives batches and a loss.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Any

import torch

from finetune.worker.checkpoints import Checkpoints, Snapshot
from finetune.worker.course import Course, Progress, copy
from finetune.worker.journal import Journal
from finetune.worker.rows import Ids
from finetune.worker.spec import Recipe
from finetune.worker.tasks.base import Task

STOPPED = 143
"""Exit code after SIGTERM."""


class Stop:
    """SIGTERM: ends the process at once, or after a checkpoint while a loop runs."""

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._heard)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, a stop is only noted; whoever runs inside looks at `requested`, stores what it
        has, and leaves."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.requested:
            raise SystemExit(STOPPED)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if not self._deferred:
            raise SystemExit(STOPPED)


class Loop:
    """One training. `run` does the rest of it, from wherever the checkpoints are."""

    def __init__(
        self, task: Task, recipe: Recipe, journal: Journal, checkpoints: Checkpoints, stop: Stop
    ) -> None:
        self.task, self.recipe, self.checkpoints, self.stop = task, recipe, checkpoints, stop
        self.trained = task.trained()
        self.optimizer = make_optimizer(task, recipe)
        self.course = Course(self.trained, recipe, len(task.batches(0)), journal)

    def run(self) -> Progress:
        """Train to the end and leave the best state, by validation, in the task.

        Raises:
            ServiceFailed: The loss is not a number (`nan_loss`).
            SystemExit: 143 after SIGTERM, with a checkpoint.
        """
        with self.stop.deferred():
            restore(self.course, self.optimizer, self.checkpoints)
            while self.course.step < self.course.total and not self.stop.requested:
                self._epoch()
        return self.course.finish()

    def _epoch(self) -> None:
        course = self.course
        epoch, done = divmod(course.step, course.per_epoch)
        for batch in self.task.batches(epoch)[done:]:
            self.train_step(batch)
            # Before the checkpoint: a resumed run must not lack this point of the curve.
            course.tell(self.optimizer.param_groups[0]["lr"])
            looked = course.look(self.task.validate)
            if looked or course.clock.checkpoint_due() or self.stop.requested:
                save(course, self.optimizer, self.checkpoints)
            if self.stop.requested:
                return

    def train_step(self, batch: Ids) -> None:
        """One step of the optimizer."""
        share = self.course.rate_share()
        for group in self.optimizer.param_groups:
            group["lr"] = group["full_lr"] * share
        value = 0.0
        for part in self.task.parts(batch):
            loss = self.task.loss(batch, part, self.course.step)
            value += float(loss.detach())
            self.course.stop_on_nan(value)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.values(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.course.stepped(value, self.task.tokens(batch))


def save(course: Course, optimizer: torch.optim.AdamW, checkpoints: Checkpoints) -> None:
    """Store all that training needs to go on, and say so."""
    course.clock.note(course.progress)
    folder = checkpoints.save(
        Snapshot(
            step=course.step,
            trained=course.trained,
            averaged=course.averaged,
            best=course.best,
            optimizer=_optimizer_state(optimizer, course.trained),
            progress=asdict(course.progress),
        )
    )
    course.clock.saved()
    course.journal.write("checkpoint", step=course.step, folder=f"checkpoints/{folder.name}")


def restore(course: Course, optimizer: torch.optim.AdamW, checkpoints: Checkpoints) -> None:
    """Go back to the newest good checkpoint, when there is one."""
    snapshot = checkpoints.newest()
    if snapshot is None:
        return
    copy(snapshot.trained, course.trained)
    _load_optimizer_state(optimizer, course.trained, snapshot.optimizer)
    progress = Progress(**snapshot.progress)
    course.resume(snapshot.step, snapshot.averaged, snapshot.best, progress)


def make_optimizer(task: Task, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over all that the task trains, each tensor with its own full learning rate."""
    groups: dict[float, dict[str, Any]] = {}
    for name, value in task.trained().items():
        rate = task.learning_rate(name)
        groups.setdefault(rate, {"params": [], "lr": rate, "full_lr": rate})["params"].append(value)
    return torch.optim.AdamW([*groups.values()], weight_decay=recipe.weight_decay, fused=True)


def _optimizer_state(
    optimizer: torch.optim.AdamW, trained: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": stored.detach().cpu()
        for name, value in trained.items()
        for key, stored in optimizer.state[value].items()
    }


def _load_optimizer_state(
    optimizer: torch.optim.AdamW,
    trained: dict[str, torch.Tensor],
    stored: dict[str, torch.Tensor],
) -> None:
    for name, value in trained.items():
        for key in ("step", "exp_avg", "exp_avg_sq"):
            optimizer.state[value][key] = stored[f"{name}/{key}"].to(value.device)
