"""Attention over slots: each token of a step writes its key and value and reads its own row.

transformers calls `attend` in place of its own attention, through its AttentionInterface. A step is
one flat line of tokens, without padding: first one token for each row that is answering (rows 0 to
B-1 lie in slots 0 to B-1), then pieces of prompts.

What a row reads does not depend on its company, to the last bit of bfloat16: kernels add up in an
order that follows the number of positions, so every row is read in whole blocks, with what lies
beyond its end masked. Otherwise a seed would give another text when others ask at the same time.

Letters in names: N tokens of the step, B answering rows, H key/value heads, G query heads for each
of them, L positions that are read, D channels of a head.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from serving.engines.torch_lm.slots import Slots, in_blocks

NAME = "thimble_slots"
BEGIN_BLOCK = 512
"""Positions: reading begins at a multiple of it, as the kernel's own blocks do."""
QUERIES = 128
"""Tokens of a prompt in one call on a processor; from 192 on the kernel divides them otherwise."""
CALL_ELEMENTS = 24_576
"""Elements of keys that are read in the time that one more call takes (measured: about 12 us)."""


@dataclass(frozen=True)
class Piece:
    """A part of one prompt in a step."""

    slot: int
    begin: int
    """Index of its first token in the step."""
    length: int
    past: int
    """Tokens of the same row that were computed before."""


@dataclass
class Step:
    """Where the tokens of one forward pass belong."""

    slots: Slots
    slots_N: Tensor
    positions_N: Tensor
    lengths: list[int]
    """For each answering row its tokens, with the one of this step."""
    pieces: list[Piece]
    masks: dict[Any, Tensor] = field(default_factory=dict)
    """Made by the first layer that needs one and used by the others."""

    @cached_property
    def calls(self) -> list[Piece]:
        """The pieces, cut to what one call of the kernel may have."""
        if self.slots_N.device.type != "cpu":
            return self.pieces
        return [call for piece in self.pieces for call in cut(piece, QUERIES)]


def cut(piece: Piece, most: int) -> list[Piece]:
    return [
        Piece(piece.slot, piece.begin + at, min(most, piece.length - at), piece.past + at)
        for at in range(0, piece.length, most)
    ]


class Lane:
    """What a layer looks at while a step runs; every layer of a model holds the same one."""

    step: Step | None = None


def register() -> None:
    """Make the attention known to transformers; doing it twice does no harm."""
    AttentionInterface.register(NAME, attend)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """What each token reads from its row up to itself, as 1 x N x heads x D."""
    step: Step = module.lane.step
    keys, values = step.slots.layer(module.layer_idx, key, value)
    # Head by head: the rows of a slot then lie one behind the other for each head.
    keys[step.slots_N, :, step.positions_N] = key[0].transpose(0, 1)
    values[step.slots_N, :, step.positions_N] = value[0].transpose(0, 1)
    read = Reader(step, keys, values, scaling, sliding_window or 0, softcap or 0.0)
    queries_NXD = query[0].transpose(0, 1)
    parts = [read.piece(queries_NXD[p.begin : p.begin + p.length], p) for p in step.calls]
    if step.lengths:
        parts.insert(0, read.answering(queries_NXD[: len(step.lengths)]))
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).unsqueeze(0), None


@dataclass(frozen=True, slots=True)
class Reader:
    step: Step
    keys_SHLD: Tensor
    values_SHLD: Tensor
    scaling: float | None
    window: int
    """Positions that a token sees, itself included; 0 for all."""
    softcap: float

    def answering(self, queries_BXD: Tensor) -> Tensor:
        """One token each of the rows 0 to B-1."""
        rows, heads = len(self.step.lengths), self.keys_SHLD.shape[1]
        # The query heads that share a key are rows of one product: no key is repeated.
        queries_BHGD = queries_BXD.reshape(rows, heads, -1, queries_BXD.shape[-1])
        groups = queries_BHGD.shape[2]
        if groups == 1 and self._lonely_is_slow():
            queries_BHGD = queries_BHGD.expand(-1, -1, 2, -1)
        begin, end = self._span(self.step.lengths)
        if self._by_row(end - begin):
            found = torch.cat([self._rows(queries_BHGD, row, row + 1) for row in range(rows)])
        else:
            found = self._rows(queries_BHGD, 0, rows)
        return found[:, :, :groups].reshape(rows, queries_BXD.shape[1], -1)

    def _lonely_is_slow(self) -> bool:
        """Processors multiply bfloat16 matrices, not vectors: two queries are read in 0.6 of the
        time that one takes."""
        on_processor: bool = self.keys_SHLD.device.type == "cpu"
        return on_processor and bool(self.keys_SHLD.dtype == torch.bfloat16)

    def piece(self, queries_CXD: Tensor, piece: Piece) -> Tensor:
        """C tokens in a row of one prompt; each sees what came before it."""
        begin, end = self._span([piece.past + 1, piece.past + piece.length])
        found_1XCD = self._read(
            queries_CXD.transpose(0, 1).unsqueeze(0),
            self.keys_SHLD[piece.slot : piece.slot + 1, :, begin:end],
            self.values_SHLD[piece.slot : piece.slot + 1, :, begin:end],
            self._piece_mask(piece, begin, end, queries_CXD),
        )
        return found_1XCD[0].transpose(0, 1)

    def _span(self, lengths: list[int]) -> tuple[int, int]:
        """First and last position + 1 that tokens with so many positions read, in whole blocks."""
        begin = max(0, min(lengths) - self.window) if self.window else 0
        return begin // BEGIN_BLOCK * BEGIN_BLOCK, in_blocks(max(lengths))

    def _by_row(self, width: int) -> bool:
        """Whether reading row by row is cheaper than reading up to the longest row in each."""
        lengths = self.step.lengths
        if len(lengths) == 1 or self.keys_SHLD.device.type != "cpu":
            return False
        needed = sum(end - begin for begin, end in (self._span([one]) for one in lengths))
        a_call: float = CALL_ELEMENTS / (self.keys_SHLD.shape[1] * self.keys_SHLD.shape[3])
        return width * len(lengths) > needed + a_call * len(lengths)

    def _rows(self, queries_BHGD: Tensor, first: int, last: int) -> Tensor:
        begin, end = self._span(self.step.lengths[first:last])
        return self._read(
            queries_BHGD[first:last],
            self.keys_SHLD[first:last, :, begin:end],
            self.values_SHLD[first:last, :, begin:end],
            self._rows_mask(first, last, begin, end, queries_BHGD),
        )

    def _rows_mask(self, first: int, last: int, begin: int, end: int, like: Tensor) -> Tensor:
        key = (first, last, begin, end, self.window)
        if key not in self.step.masks:
            ends_B1 = self.step.positions_N[first:last, None]
            at_L = torch.arange(begin, end, device=like.device)
            mask_BL = added(seen(ends_B1, at_L, self.window), like)
            self.step.masks[key] = mask_BL[:, None, None]
        return self.step.masks[key]

    def _piece_mask(self, piece: Piece, begin: int, end: int, like: Tensor) -> Tensor:
        key = (piece, begin, self.window)
        if key not in self.step.masks:
            at_C1 = self.step.positions_N[piece.begin : piece.begin + piece.length, None]
            at_L = torch.arange(begin, end, device=like.device)
            self.step.masks[key] = added(seen(at_C1, at_L, self.window), like)
        return self.step.masks[key]

    def _read(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        if self.softcap:
            return self._read_capped(queries, keys, values, mask)
        grouped = queries.shape[1] != keys.shape[1]
        return scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, scale=self.scaling, enable_gqa=grouped
        )

    def _read_capped(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """With scores squeezed into ± softcap, as Gemma 2 was trained."""
        repeats = queries.shape[1] // keys.shape[1]
        if repeats > 1:
            keys = keys.repeat_interleave(repeats, 1)
            values = values.repeat_interleave(repeats, 1)
        scale = 1 / math.sqrt(queries.shape[-1]) if self.scaling is None else self.scaling
        scores = torch.matmul(queries, keys.transpose(2, 3)) * scale
        scores = torch.tanh(scores / self.softcap) * self.softcap
        shares = (scores + mask).softmax(-1, dtype=torch.float32).to(queries.dtype)
        return torch.matmul(shares, values)


def seen(token_positions: Tensor, at_L: Tensor, window: int) -> Tensor:
    """Whether a token sees a position: itself, what was before, and no more than the window."""
    behind = token_positions - at_L
    return (behind >= 0) & (behind < window) if window else behind >= 0


def added(visible: Tensor, like: Tensor) -> Tensor:
    """As numbers to add to scores: 0 where it sees, minus infinity where it does not."""
    mask = torch.zeros(visible.shape, dtype=like.dtype, device=like.device)
    return mask.masked_fill_(~visible, -math.inf)
