"""Give each text one of a fixed set of labels: mean-pooled encoder and one linear layer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.errors import RequestRefused
from finetune.worker.encoder import Encoder
from finetune.worker.families import read_base
from finetune.worker.machine import Device
from finetune.worker.rows import (
    Ids,
    Split,
    load_tokenizer,
    parts,
    reading_batches,
    tokenize,
    training_batches,
)
from finetune.worker.spec import ClassifyRecipe, ProbeSpec, TrainSpec
from finetune.worker.tasks.base import Held

Floats = NDArray[np.float32]


PART_TOKENS = {"cpu": 2048, "mps": 8192, "cuda": 65_536}
"""Padded tokens that a step keeps in memory at once, by device. MiniLM holds about 200 kB for
each of them, longer rows more. A larger batch is taken in parts, with the same gradient."""


MOST_KEPT_BYTES = 2 * 2**30
"""Of what the layers without adapter make of the training rows; more is worked out each time."""


@dataclass(frozen=True)
class Head:
    """Logits = weight @ features + bias."""

    weight: torch.Tensor
    bias: torch.Tensor


class Classifier:
    """The task `classify` on the given rows."""

    def __init__(
        self, spec: TrainSpec | ProbeSpec, splits: dict[str, Split], device: Device
    ) -> None:
        assert isinstance(spec.recipe, ClassifyRecipe), "job.json is read by its task"
        self.recipe: ClassifyRecipe = spec.recipe
        self.labels, self.splits, self.device = spec.labels, splits, device
        shape, weights = read_base(spec.base)
        if spec.recipe.max_length > shape.positions:
            raise RequestRefused(
                f"max_length={spec.recipe.max_length} is above the {shape.positions} tokens that "
                f"{spec.base.name!r} can read.",
                code="bad_job",
                param="max_length",
                fix=f"Use at most {shape.positions}.",
            )
        recipe = self.recipe
        if recipe.frozen_layers >= shape.layers:
            raise too_many_frozen(recipe.frozen_layers, spec.base.name, shape.layers)
        self.encoder = Encoder(
            shape, weights, device, recipe.rank, recipe.alpha, recipe.seed, recipe.frozen_layers
        )
        self.tokenizer: Tokenizer = load_tokenizer(Path(spec.base.path), recipe.max_length)
        self.ids = {name: tokenize(self.tokenizer, split.texts) for name, split in splits.items()}
        self.head = self._empty_head(shape.hidden)
        self.part_tokens = PART_TOKENS[device.kind]
        self.below: dict[int, torch.Tensor] = {}
        """Of training rows, what the layers without adapter make of them, as far as it is kept."""

    def keep_below(self, chosen: Iterable[int] | None = None) -> None:
        """Work out once what the layers without adapter make of training rows, all or chosen ones.

        Nothing is kept where every layer learns, or where all rows would not fit into memory.
        """
        rows, hidden = self.ids["train"], self.encoder.shape.hidden
        size = sum(map(len, rows)) * hidden * self.device.dtype.itemsize
        if not self.recipe.frozen_layers or size > MOST_KEPT_BYTES:
            return
        numbers = np.array([*(range(len(rows)) if chosen is None else chosen)])
        for batch in reading_batches([rows[i] for i in numbers]):
            states = self.encoder.lower([rows[i] for i in numbers[batch]])
            # Copies: a slice would keep the whole batch alive.
            self.below |= {
                int(i): one.clone() for i, one in zip(numbers[batch], states, strict=True)
            }

    def _empty_head(self, hidden: int) -> Head:
        classes = len(self.labels)
        weight = torch.zeros(classes, hidden, device=self.device.kind, requires_grad=True)
        return Head(weight, torch.zeros(classes, device=self.device.kind, requires_grad=True))

    def start_head(self, weight_CH: Floats, bias_C: Floats) -> None:
        """Begin from a linear probe of the frozen encoder instead of from nothing."""
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(weight_CH))
            self.head.bias.copy_(torch.from_numpy(bias_C))

    def trained(self) -> dict[str, torch.Tensor]:
        adapter = {f"adapter.{name}": value for name, value in self.encoder.adapter().items()}
        return adapter | {"head.weight": self.head.weight, "head.bias": self.head.bias}

    def learning_rate(self, name: str) -> float:
        head = name.startswith("head.")
        return self.recipe.head_learning_rate if head else self.recipe.learning_rate

    def batches(self, epoch: int) -> list[Ids]:
        recipe = self.recipe
        return training_batches(self.ids["train"], recipe.batch_size, recipe.seed, epoch)

    def tokens(self, batch: Ids) -> int:
        return sum(len(self.ids["train"][i]) for i in batch)

    def parts(self, batch: Ids) -> list[slice]:
        return parts([len(self.ids["train"][i]) for i in batch], self.part_tokens)

    def loss(self, batch: Ids, part: slice, step: int) -> torch.Tensor:
        rows = batch[part]
        below = [self.below[int(i)] for i in rows] if self.below else None
        features = self.encoder.embed([self.ids["train"][i] for i in rows], below)
        logits = self._logits(features * self._kept(len(batch), step)[part])
        truth = torch.from_numpy(self.splits["train"].truth[batch[part]]).to(self.device.kind)
        smoothing = self.recipe.label_smoothing
        total = F.cross_entropy(logits, truth, label_smoothing=smoothing, reduction="sum")
        return total / len(batch)

    def _kept(self, rows: int, step: int) -> torch.Tensor:
        """[rows, hidden]: dropout of a whole batch, a function of seed and step alone."""
        chance = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
        drawn = torch.rand(rows, self.encoder.shape.hidden, generator=chance)
        hidden = self.recipe.dropout
        return ((drawn >= hidden) / (1 - hidden)).to(self.device.kind)

    def validate(self) -> Held:
        truth = self.splits["validation"].truth
        logits = torch.from_numpy(self.logits("validation"))
        loss = float(F.cross_entropy(logits, torch.from_numpy(truth)))
        return Held(loss, float((logits.argmax(1).numpy() == truth).mean()))

    def logits(self, split: str) -> Floats:
        """[rows, labels] of a split, in its order."""
        features = torch.from_numpy(self.features(self.ids[split])).to(self.device.kind)
        with torch.no_grad():
            found: Floats = self._logits(features).cpu().numpy()
        return found

    def features(
        self, rows: Sequence[Ids], below: Mapping[int, torch.Tensor] | None = None
    ) -> Floats:
        """[rows, hidden] of the encoder as it is now.

        Args:
            below: By row number, what the layers without adapter make of it, where it is kept.
        """
        found = np.empty((len(rows), self.encoder.shape.hidden), dtype=np.float32)
        with torch.no_grad():
            for batch in reading_batches(rows):
                states = [below[int(i)] for i in batch] if below else None
                found[batch] = self.encoder.embed([rows[i] for i in batch], states).cpu().numpy()
        return found

    def _logits(self, features_BH: torch.Tensor) -> torch.Tensor:
        return F.linear(features_BH, self.head.weight, self.head.bias)


def too_many_frozen(wanted: int, base: str, layers: int) -> RequestRefused:
    return RequestRefused(
        f"frozen_layers={wanted} leaves none of the {layers} layers of {base!r} to train.",
        code="bad_job",
        param="frozen_layers",
        fix=f"Use at most {layers - 1}.",
    )
