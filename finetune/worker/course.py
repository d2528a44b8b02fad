"""Where a training is, beside its tensors in the optimizer: steps done, the curve, the running
average, the best state so far. Both ways to train keep it, so they tell and choose alike.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from core.errors import ServiceFailed
from finetune.worker.journal import Journal
from finetune.worker.machine import Stopwatch
from finetune.worker.spec import Recipe
from finetune.worker.tasks.base import Held

Tensors = dict[str, torch.Tensor]

POINTS = 200
"""Points of the loss curve, and step events, in a whole training at most (about)."""
CHECKPOINT_S = 30.0
"""Seconds of training that a kill may cost at most."""
LONGEST_UNSEEN = 500
"""Steps after which validation is looked at, though the epoch goes on."""


@dataclass
class Progress:
    """What is remembered beside tensors; part of every checkpoint."""

    curve: list[list[float]] = field(default_factory=list)
    """[step, mean loss since the point before]."""
    loss_sum: float = 0.0
    loss_count: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    best: dict[str, Any] | None = None
    """Validation loss and accuracy (None where the task has none), step and epoch of the best
    state."""


class Course:
    """One training from its first step to its last.

    Args:
        trained: Every trained tensor by name; read after each step, never replaced.
        per_epoch: Steps of one pass over the rows.
    """

    def __init__(self, trained: Tensors, recipe: Recipe, per_epoch: int, journal: Journal) -> None:
        self.trained, self.recipe, self.journal = trained, recipe, journal
        self.per_epoch, self.total = per_epoch, per_epoch * recipe.epochs
        self.step = 0
        self.averaged = clone(trained)
        self.best: Tensors = {}
        self.progress = Progress()
        self.clock = Clock(self.progress)

    def resume(self, step: int, averaged: Tensors, best: Tensors, progress: Progress) -> None:
        """Go on after so many steps; the trained tensors themselves are the caller's."""
        copy(averaged, self.averaged)
        self.step, self.best, self.progress = step, best, progress
        self.clock = Clock(progress)
        self.journal.write("resumed", step=step)

    def rate_share(self) -> float:
        """Share of the full learning rate in the next step."""
        return rate_share(self.step, self.total, self.recipe.warmup_ratio)

    def stop_on_nan(self, loss: float) -> None:
        """Raises ServiceFailed (`nan_loss`) when the loss of the next step is not a number."""
        if not math.isfinite(loss):
            raise ServiceFailed(
                f"The loss became {loss} at step {self.step + 1} of {self.total}; training stopped "
                "and no model was made.",
                code="nan_loss",
                fix=f"Use a smaller learning_rate than {self.recipe.learning_rate:g}.",
            )

    def stepped(self, loss: float, tokens: int) -> None:
        """Count a step of the optimizer and move the running average."""
        self.step += 1
        # Towards the new weights; quickly at first, as Adam does.
        share = 1 - min(self.recipe.average, self.step / (self.step + 10))
        with torch.no_grad():
            for name, value in self.averaged.items():
                value.lerp_(self.trained[name], share)
        self.progress.loss_sum += loss
        self.progress.loss_count += 1
        self.progress.tokens += tokens

    def tell(self, learning_rate: float) -> None:
        """Write a "step" event when one is due."""
        if self.step % max(1, self.total // POINTS) and self.step != self.total:
            return
        progress = self.progress
        loss = progress.loss_sum / progress.loss_count
        progress.curve.append([self.step, loss])
        progress.loss_sum, progress.loss_count = 0.0, 0
        self.journal.write(
            "step",
            step=self.step,
            total_steps=self.total,
            epoch=self.epoch,
            loss=loss,
            learning_rate=learning_rate,
            tokens=progress.tokens,
            tokens_per_s=round(self.clock.tokens_per_s(progress.tokens), 1),
            eta_s=round(self.clock.left(self.step, self.total), 1),
        )

    @property
    def epoch(self) -> float:
        return round(self.step / self.per_epoch, 2)

    def look(self, validate: Callable[[], Held]) -> bool:
        """Validate the average when that is due, and keep it when it is the best. True: it was."""
        if not self._look_due():
            return False
        current = clone(self.trained)
        copy(self.averaged, self.trained)
        held = validate()
        copy(current, self.trained)
        self.stop_on_nan(held.loss)
        self.journal.write("eval", step=self.step, split="validation", **asdict(held))
        best = self.progress.best
        if held.better_than(Held(best["loss"], best["accuracy"]) if best else None):
            self.progress.best = {"step": self.step, "epoch": self.epoch, **asdict(held)}
            self.best = clone(self.averaged)
        return True

    def _look_due(self) -> bool:
        in_epoch = self.step % self.per_epoch
        return in_epoch == 0 or (
            in_epoch % LONGEST_UNSEEN == 0 and self.per_epoch - in_epoch > LONGEST_UNSEEN // 2
        )

    def finish(self) -> Progress:
        """Leave the best state in the trained tensors."""
        self.clock.note(self.progress)
        if self.best:
            copy(self.best, self.trained)
        return self.progress


class Clock:
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


def rate_share(step: int, total: int, warmup_ratio: float) -> float:
    """Share of the full learning rate at a step: up in a line, then down to 0 in a line."""
    warm = max(1, round(total * warmup_ratio))
    return (step + 1) / warm if step < warm else (total - step) / max(1, total - warm)


def doubts(trained: Tensors, curve: list[list[float]]) -> list[str]:
    """What a person should know of a training that seems to have done nothing.

    Args:
        trained: The trained tensors; those of the adapter named `.b` start as zeros.
        curve: [step, loss] in order.
    """
    found = []
    if not any(bool(value.any()) for name, value in trained.items() if name.endswith(".b")):
        found.append("The adapter did not move: the tuned layers are those of the base.")
    losses = [loss for _, loss in curve]
    tenth = max(1, len(losses) // 10)
    if sum(losses[-tenth:]) >= sum(losses[:tenth]):
        found.append("The loss did not fall during training: do not expect a gain.")
    return found


def clone(source: Tensors) -> Tensors:
    return {name: value.detach().clone() for name, value in source.items()}


def copy(source: Tensors, target: Tensors) -> None:
    with torch.no_grad():
        for name, value in target.items():
            value.copy_(source[name])
