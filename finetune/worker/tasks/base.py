"""What a training task offers the loop: a model, batches and a loss."""

from dataclasses import dataclass
from typing import Protocol

import torch

from finetune.worker.rows import Ids


@dataclass(frozen=True)
class Held:
    """How the model does on rows it does not learn from."""

    loss: float
    accuracy: float | None = None
    """None where the task has no right and wrong; then the loss alone decides."""

    def better_than(self, other: "Held | None") -> bool:
        """More accurate, or as accurate with less loss."""
        return other is None or self._rank() > other._rank()

    def _rank(self) -> tuple[float, float]:
        return self.accuracy or 0.0, -self.loss


class Task(Protocol):
    """Everything of a task that the loop needs; all of it deterministic in seed and step."""

    def trained(self) -> dict[str, torch.Tensor]:
        """Every trained tensor by name."""

    def learning_rate(self, name: str) -> float:
        """The full learning rate of a trained tensor."""

    def batches(self, epoch: int) -> list[Ids]:
        """Row numbers of each step of an epoch."""

    def tokens(self, batch: Ids) -> int:
        """Tokens that a step reads."""

    def parts(self, batch: Ids) -> list[slice]:
        """The batch in pieces that fit into memory, each row in one. One, when all of it fits."""

    def loss(self, batch: Ids, part: slice, step: int) -> torch.Tensor:
        """What a part adds to the mean loss of the batch. The sum does not depend on the parts."""

    def validate(self) -> Held:
        """The state of the model on the validation rows."""
