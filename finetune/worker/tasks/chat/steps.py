"""The steps of a chat training: which rows each has, and what they weigh. Every way to compute the
loss takes the same steps, so their results can be compared.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from finetune.worker.causal.rows import ChatRows
from finetune.worker.rows import Ids
from finetune.worker.spec import ChatRecipe
from finetune.worker.tasks.base import Held

Floats = NDArray[np.float64]


class Chats(ABC):
    """The half of a task that does not depend on how the model is computed."""

    recipe: ChatRecipe
    splits: dict[str, ChatRows]

    @abstractmethod
    def nll(self, split: str, *, tuned: bool = True) -> tuple[Floats, Ids]:
        """[rows] the sum of -log p over a row's trained tokens in nats, and [rows] how many tokens
        that is; in the order of the split."""

    def learning_rate(self, name: str) -> float:
        return self.recipe.learning_rate

    def batches(self, epoch: int) -> list[Ids]:
        """Row numbers of each step. The very first step has the longest row: what does not fit
        into memory shows at once."""
        rows, size = self.splits["train"], self.recipe.batch_size
        chance = np.random.default_rng([self.recipe.seed, epoch])
        order = chance.permutation(len(rows))
        if epoch == 0:
            longest = int(np.argmax(rows.lengths))
            order = np.concatenate([[longest], order[order != longest]])
        return [order[i : i + size] for i in range(0, len(order), size)]

    def tokens(self, batch: Ids) -> int:
        return sum(len(self.splits["train"].rows[i].ids) for i in batch)

    def trained_tokens(self, batch: Ids) -> int:
        """Tokens of the batch that are learned."""
        return sum(len(self.splits["train"].rows[i].asked()) for i in batch)

    def validate(self) -> Held:
        sums, counts = self.nll("validation")
        return Held(float(sums.sum() / counts.sum()))
