"""A BERT-shaped encoder with adapters, made for training on short texts, also on a CPU.

What makes it quick, against a plain implementation: frozen weights in bfloat16 where the machine
multiplies that faster; tokens of a batch lie packed one after another and are padded only inside
attention; query, key and value are one product; an adapter's forward and backward are one
function that keeps nothing it can do without; no dropout in the frozen network. The lowest layers
can do without adapters: what they make of a row then never changes and is worked out only once.

Axes in names: N tokens of a batch, B rows, T tokens of the longest row, H hidden size,
I inputs and O outputs of a layer, r rank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from finetune.worker.families import Shape, Weights
from finetune.worker.lora import adapted, first_a
from finetune.worker.machine import Device

FUSED = {
    "qkv": ("query", "key", "value"),
    "output": ("output",),
    "expand": ("expand",),
    "contract": ("contract",),
}
"""Our linear layers and the parts of the stored model that each holds, one above the other."""


ROUND = 64
"""Token counts are filled up to a multiple of this. The CPU library compiles and keeps a kernel
for every size it meets: without rounding that took 350 MB and time."""


Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Packed:
    """Rows of tokens, one after another."""

    ids_N: torch.Tensor
    positions_N: torch.Tensor
    row_N: torch.Tensor
    counts_B: torch.Tensor
    longest: int
    slot_N: torch.Tensor | None
    """Where each token stands in the padded [B * T]; None when no row is shorter than another."""
    filler: int
    """Meaningless tokens at the end of ids_N and positions_N, and of nothing else."""

    @property
    def rows(self) -> int:
        return len(self.counts_B)


def pack(rows: Sequence[Ids], device: Device, first_position: int = 0) -> Packed:
    """Lay the rows one after another and note where each token belongs."""
    counts = np.array([len(row) for row in rows], dtype=np.int64)
    longest = int(counts.max())
    positions = np.concatenate([np.arange(count) for count in counts])
    row_of = np.repeat(np.arange(len(rows)), counts)

    def send(values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(device.kind)

    even, filler = counts.min() == longest, -len(row_of) % ROUND
    return Packed(
        ids_N=send(np.pad(np.concatenate(rows), (0, filler))),
        positions_N=send(np.pad(positions + first_position, (0, filler))),
        row_N=send(row_of),
        counts_B=send(counts),
        longest=longest,
        slot_N=None if even else send(row_of * longest + positions),
        filler=filler,
    )


@dataclass
class Linear:
    """A frozen layer with adapters that start as no change: B is zero."""

    weight: torch.Tensor
    bias: torch.Tensor
    a: torch.Tensor
    """[r, I]; no rows and no trained B in a layer without adapter."""
    b: torch.Tensor
    scale: float

    def __call__(self, x_NI: torch.Tensor) -> torch.Tensor:
        if not len(self.a):
            return torch.addmm(self.bias, x_NI, self.weight.T)
        layers = len(self.a) // self.b.shape[1]
        sizes = [len(self.b) // layers] * layers
        return adapted(x_NI, self.weight, self.bias, self.a, self.b, self.scale, sizes)


@dataclass
class Layer:
    """One attention and one feed-forward part."""

    linears: dict[str, Linear]
    """By the keys of FUSED."""
    norms: list[tuple[torch.Tensor, torch.Tensor]]
    shape: Shape

    def __call__(self, x_NH: torch.Tensor, batch: Packed, hidden: torch.Tensor) -> torch.Tensor:
        attended = self.linears["output"](self._attention(x_NH, batch, hidden))
        x_NH = self._norm(0, x_NH + attended)
        wide = F.gelu(self.linears["expand"](x_NH))
        return self._norm(1, x_NH + self.linears["contract"](wide))

    def _attention(self, x_NH: torch.Tensor, batch: Packed, hidden: torch.Tensor) -> torch.Tensor:
        """Tokens of a row see each other; the only place where rows are padded."""
        heads, size = self.shape.heads, self.shape.per_head
        qkv = _unpack(self.linears["qkv"](x_NH), batch)
        q, k, v = qkv.view(batch.rows, batch.longest, 3, heads, size).permute(2, 0, 3, 1, 4)
        # Written out: the fused CPU kernel has a slow backward on short rows. The products run in
        # float32, which is quicker here than bfloat16 on matrices this small.
        scores = (q.float() * size**-0.5) @ k.float().transpose(-1, -2) + hidden
        mixed = (torch.softmax(scores, -1) @ v.float()).to(x_NH.dtype)
        flat = mixed.transpose(1, 2).reshape(batch.rows * batch.longest, self.shape.hidden)
        packed = flat if batch.slot_N is None else flat[batch.slot_N]
        return F.pad(packed, (0, 0, 0, batch.filler))

    def _norm(self, which: int, x_NH: torch.Tensor) -> torch.Tensor:
        weight, bias = self.norms[which]
        return F.layer_norm(x_NH, (self.shape.hidden,), weight, bias, self.shape.norm_epsilon)


def _unpack(values_NX: torch.Tensor, batch: Packed) -> torch.Tensor:
    """Padded to [B * T, X]."""
    values_NX = values_NX[: len(values_NX) - batch.filler]
    if batch.slot_N is None:
        return values_NX
    padded = values_NX.new_zeros(batch.rows * batch.longest, values_NX.shape[1])
    return padded.index_copy(0, batch.slot_N, values_NX)


def _hidden_slots(batch: Packed) -> torch.Tensor:
    """[B, 1, 1, T], to add to attention scores: very negative where a row has no token."""
    slots = torch.arange(batch.longest, device=batch.counts_B.device)
    absent = slots[None, :] >= batch.counts_B[:, None]
    return (absent * -1e4)[:, None, None, :].float()


class Encoder:
    """Texts as token ids in, one mean-pooled vector each out."""

    def __init__(
        self,
        shape: Shape,
        weights: Weights,
        device: Device,
        rank: int,
        alpha: float,
        seed: int,
        frozen: int = 0,
    ) -> None:
        """Args: frozen: How many of the lowest layers get no adapter."""
        self.shape, self.device, self.rank, self.alpha = shape, device, rank, alpha
        self.frozen = frozen
        self._weights = weights
        chance = torch.Generator().manual_seed(seed)
        self.layers = [self._layer(i, chance) for i in range(shape.layers)]
        self._tables = {
            key: value.to(device.kind)
            for key, value in weights.items()
            if key.startswith("embeddings.")
        }
        del self._weights

    def adapter(self) -> dict[str, torch.Tensor]:
        """What is trained: `<layer>.<part>.a` and `.b`, sharing memory with the encoder."""
        return {
            f"{i}.{part}.{letter}": getattr(linear, letter)
            for i, layer in enumerate(self.layers)
            for part, linear in layer.linears.items()
            for letter in "ab"
            if i >= self.frozen
        }

    def embed(
        self, rows: Sequence[Ids], below: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """[B, H] in float32: the mean of each row's token vectors.

        Args:
            below: What `lower` gave for each row, when it is known.
        """
        batch = pack(rows, self.device, self.shape.first_position)
        x_NH = self._lower(batch) if below is None else self._together(below, batch)
        x_NH = self._through(self.layers[self.frozen :], x_NH, batch)
        sums = x_NH.new_zeros(batch.rows, self.shape.hidden, dtype=torch.float32)
        real_NH = x_NH[: len(batch.row_N)].float()
        return sums.index_add(0, batch.row_N, real_NH) / batch.counts_B[:, None]

    def lower(self, rows: Sequence[Ids]) -> list[torch.Tensor]:
        """[tokens, H] of each row, on the CPU: what the layers without adapter make of it."""
        batch = pack(rows, self.device, self.shape.first_position)
        x_NH = self._lower(batch)[: len(batch.row_N)].cpu()
        return list(x_NH.split([len(row) for row in rows]))

    def _lower(self, batch: Packed) -> torch.Tensor:
        with torch.no_grad():
            return self._through(self.layers[: self.frozen], self._embeddings(batch), batch)

    def _through(self, layers: Sequence[Layer], x_NH: torch.Tensor, batch: Packed) -> torch.Tensor:
        hidden = _hidden_slots(batch)
        for layer in layers:
            x_NH = layer(x_NH, batch, hidden)
        return x_NH

    def _together(self, below: Sequence[torch.Tensor], batch: Packed) -> torch.Tensor:
        x_NH = torch.cat([*below]).to(self.device.kind)
        return F.pad(x_NH, (0, 0, 0, batch.filler))

    def _embeddings(self, batch: Packed) -> torch.Tensor:
        with torch.no_grad():
            x_NH = self._table("word_embeddings")[batch.ids_N]
            x_NH = x_NH + self._table("position_embeddings")[batch.positions_N]
            if self.shape.family.token_types:
                x_NH = x_NH + self._table("token_type_embeddings")[0]
            weight, bias = self._table("LayerNorm"), self._tables["embeddings.LayerNorm.bias"]
            epsilon = self.shape.norm_epsilon
            x_NH = F.layer_norm(x_NH, (self.shape.hidden,), weight, bias, epsilon)
            return x_NH.to(self.device.dtype)

    def _table(self, name: str) -> torch.Tensor:
        return self._tables[f"embeddings.{name}.weight"]

    def _layer(self, i: int, chance: torch.Generator) -> Layer:
        linears = {name: self._linear(i, parts, chance) for name, parts in FUSED.items()}
        path = self.shape.family.layer.format(i=i)
        norms = [
            (self._frozen([f"{path}.{norm}.weight"]), self._frozen([f"{path}.{norm}.bias"]))
            for norm in self.shape.family.norms
        ]
        return Layer(linears, norms, self.shape)

    def _linear(self, i: int, parts: tuple[str, ...], chance: torch.Generator) -> Linear:
        paths = [self.shape.linear_path(i, part) for part in parts]
        weight = self._frozen([f"{path}.weight" for path in paths])
        outputs, inputs = weight.shape
        rank = self.rank if i >= self.frozen else 0
        a = first_a(rank * len(parts), inputs, chance)
        b = torch.zeros(outputs, rank)
        return Linear(
            weight,
            self._frozen([f"{path}.bias" for path in paths]),
            a.to(self.device.kind).requires_grad_(bool(rank)),
            b.to(self.device.kind).requires_grad_(bool(rank)),
            self.alpha / self.rank,
        )

    def _frozen(self, keys: list[str]) -> torch.Tensor:
        stacked = torch.cat([self._weights[key] for key in keys])
        return stacked.to(self.device.kind, self.device.dtype)
