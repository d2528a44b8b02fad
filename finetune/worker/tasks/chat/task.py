"""Learn to give the answers of conversations: the loss falls on trained tokens alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused
from finetune.worker.causal import adapter, memory
from finetune.worker.causal.loss import nll, total_nll
from finetune.worker.causal.model import CausalModel
from finetune.worker.causal.packing import Packed, pack, pieces
from finetune.worker.causal.rows import ChatRows
from finetune.worker.machine import Device
from finetune.worker.rows import Ids
from finetune.worker.spec import ChatRecipe, ProbeSpec, TrainSpec
from finetune.worker.tasks.chat.steps import Chats, Floats

Tensors = dict[str, torch.Tensor]

PART_TOKENS = {"cpu": 2048, "mps": 4096, "cuda": 16_384}
"""Tokens that a step keeps in memory at once, by device; a longer row stands alone. A larger batch
is taken in parts, with the same gradient."""


class ChatTask(Chats):
    """The task `chat` on the given rows."""

    def __init__(
        self,
        spec: TrainSpec | ProbeSpec,
        tokenizer: ChatTokenizer,
        splits: dict[str, ChatRows],
        device: Device,
    ) -> None:
        assert isinstance(spec.recipe, ChatRecipe), "job.json is read by its task"
        self.recipe: ChatRecipe = spec.recipe
        self.base, self.tokenizer = spec.base, tokenizer
        self.splits, self.device = splits, device
        self.model = CausalModel.load(spec.base, device, spec.recipe)
        self._check_length()
        self.part_tokens = PART_TOKENS[device.kind]
        self._find_room()

    def _find_room(self) -> None:
        """Make the longest step fit into memory, before anything is trained."""
        longest = max(length for rows in self.splits.values() for length in rows.lengths)
        memory.spare(self.model, max(longest, self.part_tokens), self.device)
        if self.device.kind == "cuda" and "train" in self.splits:
            self.part_tokens = memory.rehearse(
                self.model, self._rehearsal, self.part_tokens, longest
            )

    def _rehearsal(self, part_tokens: int) -> None:
        """The longest rows that a step may meet, forward and back, in parts of so many tokens."""
        by_length = np.argsort(self.splits["train"].lengths)[::-1]
        batch = by_length[: self.recipe.batch_size]
        lengths = [self.splits["train"].lengths[i] for i in batch]
        try:
            for part in pieces(lengths, part_tokens):
                self.loss(batch, part, 0).backward()
        finally:
            for value in self.trained().values():
                value.grad = None

    def _check_length(self) -> None:
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if positions is not None and self.recipe.max_length > positions:
            raise RequestRefused(
                f"max_length={self.recipe.max_length} is above the {positions} tokens that "
                f"{self.base.name!r} can read.",
                code="bad_job",
                param="max_length",
                fix=f"Use at most {positions}.",
            )

    def trained(self) -> Tensors:
        return {f"adapter.{name}": value for name, value in self.model.adapter().items()}

    def parts(self, batch: Ids) -> list[slice]:
        return pieces([len(self.splits["train"].rows[i].ids) for i in batch], self.part_tokens)

    def loss(self, batch: Ids, part: slice, step: int) -> torch.Tensor:
        rows = self.splits["train"].rows
        packed = pack([rows[i] for i in batch[part]], self.device)
        # Each trained token of the batch counts the same, in whichever part and row it stands.
        hidden_LH = self._asked(packed)
        total = total_nll(hidden_LH, packed.targets_L, self.model.head)
        return total / self.trained_tokens(batch)

    def nll(self, split: str, *, tuned: bool = True) -> tuple[Floats, Ids]:
        """[rows] the sum of -log p over a row's trained tokens in nats, and [rows] how many tokens
        that is; in the order of the split."""
        rows = self.splits[split]
        sums, counts = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
        # Rows of nearly one length together; which meet does not matter to what comes out.
        order = np.argsort(rows.lengths, kind="stable")
        for part in pieces([rows.lengths[i] for i in order], self.part_tokens):
            packed = pack([rows.rows[i] for i in order[part]], self.device)
            costs = self._costs(packed, tuned=tuned)
            np.add.at(sums, order[part][packed.row_L], costs)
            np.add.at(counts, order[part][packed.row_L], 1)
        return sums, counts

    def _costs(self, packed: Packed, *, tuned: bool) -> Floats:
        with torch.no_grad():
            if tuned:
                hidden = self._asked(packed)
            else:
                with self.untuned():
                    hidden = self._asked(packed)
            found: Floats = nll(hidden, packed.targets_L, self.model.head).double().cpu().numpy()
        return found

    def _asked(self, packed: Packed) -> torch.Tensor:
        return self.model.hidden(packed)[packed.asked_L]

    @contextmanager
    def untuned(self) -> Iterator[None]:
        """Inside, the task is the base model without its adapter."""
        with self.model.untuned():
            yield

    def write_adapter(self, folder: Path, trained: Tensors | None = None) -> None:
        """Write trained tensors, by default those of the task as it is, as a standard PEFT
        adapter with `meta.json`."""
        tensors = self.trained() if trained is None else trained
        meta = adapter.Meta.of(self.base, self.tokenizer, self.recipe)
        adapter.write(folder, tensors, self.model.groups, meta)

    def read_adapter(self, folder: Path) -> Tensors:
        """The trained tensors that `write_adapter` wrote, bit for bit."""
        return adapter.read(folder, self.model.groups)
