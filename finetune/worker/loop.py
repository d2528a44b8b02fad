"""The step loop: schedule, clipping, events, checkpoints, keep-best, and an end at once on NaN.

It knows no model: a task gives batches and a loss.
"""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

import torch

from core.errors import ServiceFailed
from finetune.worker.checkpoints import Checkpoints, Snapshot
from finetune.worker.journal import Journal
from finetune.worker.machine import Stopwatch
from finetune.worker.rows import Ids
from finetune.worker.spec import Recipe
from finetune.worker.tasks.base import Held, Task

POINTS = 200
"""Points of the loss curve, and step events, in a whole training at most (about)."""
CHECKPOINT_S = 30.0
"""Seconds of training that a kill may cost at most."""
LONGEST_UNSEEN = 500
"""Steps after which validation is looked at, though the epoch goes on."""
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
        """Inside, a stop is only noted; whoever runs inside looks at `requested`."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if not self._deferred:
            raise SystemExit(STOPPED)


@dataclass
class Progress:
    """What the loop remembers beside tensors; part of every checkpoint."""

    curve: list[list[float]] = field(default_factory=list)
    """[step, mean loss since the point before]."""
    loss_sum: float = 0.0
    loss_count: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    best: dict[str, float] | None = None
    """Validation loss and accuracy, step and epoch of the best state."""


class Loop:
    """One training. `run` does the rest of it, from wherever the checkpoints are."""

    def __init__(
        self, task: Task, recipe: Recipe, journal: Journal, checkpoints: Checkpoints, stop: Stop
    ) -> None:
        self.task, self.recipe, self.journal = task, recipe, journal
        self.checkpoints, self.stop = checkpoints, stop
        self.trained = task.trained()
        self.optimizer = _optimizer(task, recipe)
        self.per_epoch = len(task.batches(0))
        self.total = self.per_epoch * recipe.epochs
        self.step = 0
        self.averaged = _clone(self.trained)
        self.best: dict[str, torch.Tensor] = {}
        self.progress = Progress()

    def run(self) -> Progress:
        """Train to the end and leave the best state, by validation, in the task.

        Raises:
            ServiceFailed: The loss is not a number (`nan_loss`).
            SystemExit: 143 after SIGTERM, with a checkpoint.
        """
        with self.stop.deferred():
            self._resume()
            clock = _Clock(self.progress)
            while self.step < self.total:
                self._epoch(clock)
            clock.note(self.progress)
        self._restore_best()
        return self.progress

    def _epoch(self, clock: "_Clock") -> None:
        epoch, done = divmod(self.step, self.per_epoch)
        for batch in self.task.batches(epoch)[done:]:
            self.train_step(batch)
            # Before the checkpoint: a resumed run must not lack this point of the curve.
            if self.step % _log_every(self.total) == 0 or self.step == self.total:
                self._log(clock)
            looked = self._look_due()
            if looked:
                self._validate()
            if looked or clock.checkpoint_due() or self.stop.requested:
                clock.note(self.progress)
                self._save()
                clock.saved()
            if self.stop.requested:
                raise SystemExit(STOPPED)

    def train_step(self, batch: Ids) -> None:
        """One step of the optimizer."""
        share = _rate_share(self.step, self.total, self.recipe.warmup_ratio)
        for group in self.optimizer.param_groups:
            group["lr"] = group["full_lr"] * share
        value = 0.0
        for part in self.task.parts(batch):
            loss = self.task.loss(batch, part, self.step)
            value += float(loss.detach())
            self._stop_on_nan(value)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.values(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._average()
        self.progress.loss_sum += value
        self.progress.loss_count += 1
        self.progress.tokens += self.task.tokens(batch)

    def _average(self) -> None:
        """Move the running average towards the new weights; quickly at first, as Adam does."""
        share = 1 - min(self.recipe.average, self.step / (self.step + 10))
        with torch.no_grad():
            for name, value in self.averaged.items():
                value.lerp_(self.trained[name], share)

    def _stop_on_nan(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ServiceFailed(
                f"The loss became {loss} at step {self.step + 1} of {self.total}; training stopped "
                "and no model was made.",
                code="nan_loss",
                fix=f"Use a smaller learning_rate than {self.recipe.learning_rate:g}.",
            )

    def _look_due(self) -> bool:
        in_epoch = self.step % self.per_epoch
        return in_epoch == 0 or (
            in_epoch % LONGEST_UNSEEN == 0 and self.per_epoch - in_epoch > LONGEST_UNSEEN // 2
        )

    def _validate(self) -> None:
        current = _clone(self.trained)
        _copy(self.averaged, self.trained)
        held = self.task.validate()
        _copy(current, self.trained)
        self._stop_on_nan(held.loss)
        self.journal.write("eval", step=self.step, split="validation", **asdict(held))
        best = self.progress.best
        if held.better_than(Held(best["loss"], best["accuracy"]) if best else None):
            epoch = round(self.step / self.per_epoch, 2)
            self.progress.best = {"step": self.step, "epoch": epoch, **asdict(held)}
            self.best = _clone(self.averaged)

    def _log(self, clock: "_Clock") -> None:
        progress = self.progress
        loss = progress.loss_sum / progress.loss_count
        progress.curve.append([self.step, loss])
        progress.loss_sum, progress.loss_count = 0.0, 0
        rate = clock.tokens_per_s(progress.tokens)
        self.journal.write(
            "step",
            step=self.step,
            total_steps=self.total,
            epoch=round(self.step / self.per_epoch, 2),
            loss=loss,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            tokens=progress.tokens,
            tokens_per_s=round(rate, 1),
            eta_s=round(clock.left(self.step, self.total), 1),
        )

    def _save(self) -> None:
        folder = self.checkpoints.save(
            Snapshot(
                step=self.step,
                trained=self.trained,
                averaged=self.averaged,
                best=self.best,
                optimizer=_optimizer_state(self.optimizer, self.trained),
                progress=asdict(self.progress),
            )
        )
        self.journal.write("checkpoint", step=self.step, folder=f"checkpoints/{folder.name}")

    def _resume(self) -> None:
        snapshot = self.checkpoints.newest()
        if snapshot is None:
            return
        _copy(snapshot.trained, self.trained)
        _copy(snapshot.averaged, self.averaged)
        _load_optimizer_state(self.optimizer, self.trained, snapshot.optimizer)
        self.step, self.best = snapshot.step, snapshot.best
        self.progress = Progress(**snapshot.progress)
        self.journal.write("resumed", step=self.step)

    def _restore_best(self) -> None:
        if self.best:
            _copy(self.best, self.trained)


def doubts(adapter: dict[str, torch.Tensor], curve: list[list[float]]) -> list[str]:
    """What a person should know of a training that seems to have done nothing.

    Args:
        adapter: The trained tensors of the adapter; those named `.b` start as zeros.
        curve: [step, loss] in order.
    """
    found = []
    if not any(bool(value.any()) for name, value in adapter.items() if name.endswith(".b")):
        found.append("The adapter did not move: this model is its base with a new head.")
    losses = [loss for _, loss in curve]
    tenth = max(1, len(losses) // 10)
    if sum(losses[-tenth:]) >= sum(losses[:tenth]):
        found.append("The loss did not fall during training: do not expect a gain.")
    return found


class _Clock:
    """Time used, over all attempts, and time left."""

    def __init__(self, progress: Progress) -> None:
        self._watch = Stopwatch()
        self._before = (progress.seconds, progress.cpu_seconds, progress.tokens)
        self._first_step: int | None = None
        self._saved = time.monotonic()

    def note(self, progress: Progress) -> None:
        progress.seconds = self._before[0] + self._watch.seconds
        progress.cpu_seconds = self._before[1] + self._watch.cpu_seconds

    def checkpoint_due(self) -> bool:
        return time.monotonic() - self._saved > CHECKPOINT_S

    def saved(self) -> None:
        self._saved = time.monotonic()

    def tokens_per_s(self, tokens: int) -> float:
        return (tokens - self._before[2]) / max(self._watch.seconds, 1e-9)

    def left(self, step: int, total: int) -> float:
        """Seconds to the end at this attempt's pace; looks at validation are in the pace."""
        if self._first_step is None:
            self._first_step = step - 1
        return self._watch.seconds / max(step - self._first_step, 1) * (total - step)


def _optimizer(task: Task, recipe: Recipe) -> torch.optim.AdamW:
    groups: dict[float, dict[str, Any]] = {}
    for name, value in task.trained().items():
        rate = task.learning_rate(name)
        groups.setdefault(rate, {"params": [], "full_lr": rate})["params"].append(value)
    return torch.optim.AdamW([*groups.values()], weight_decay=recipe.weight_decay, fused=True)


def _rate_share(step: int, total: int, warmup_ratio: float) -> float:
    """Share of the full learning rate at a step: up in a line, then down to 0 in a line."""
    warm = max(1, round(total * warmup_ratio))
    return (step + 1) / warm if step < warm else (total - step) / max(1, total - warm)


def _log_every(total: int) -> int:
    return max(1, total // POINTS)


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


def _clone(source: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in source.items()}


def _copy(source: dict[str, torch.Tensor], target: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, value in target.items():
            value.copy_(source[name])
