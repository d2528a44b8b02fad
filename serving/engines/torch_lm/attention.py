"""Attention over slots: each token of a step writes its key and value and reads its own row.

transformers calls `attend` in place of its own attention, through its AttentionInterface. A step is
one flat line of tokens, without padding: first one token for each row that is answering (rows 0 to
B-1 lie in slots 0 to B-1), then pieces of prompts.

Letters in names: N tokens of the step, B answering rows, H key/value heads, G query heads for each
of them, L positions that are read, D channels of a head.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from serving.engines.torch_lm.slots import Slots

NAME = "thimble_slots"
CALL_ELEMENTS = 16_384
"""Elements of keys that are read in the time that one more call takes (measured: about 6 us)."""


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
    masks: dict[Any, Tensor | None] = field(default_factory=dict)
    """Made by the first layer that needs one and used by the others."""


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
    parts = [read.piece(queries_NXD[p.begin : p.begin + p.length], p) for p in step.pieces]
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
        begin, end = self._span()
        if self._by_row(end - begin):
            found = torch.cat([self._row(queries_BHGD, row) for row in range(rows)])
        else:
            found = self._read(
                queries_BHGD,
                self.keys_SHLD[:rows, :, begin:end],
                self.values_SHLD[:rows, :, begin:end],
                self._lengths_mask(begin, end, queries_BXD),
            )
        return found.reshape(rows, queries_BXD.shape[1], -1)

    def piece(self, queries_CXD: Tensor, piece: Piece) -> Tensor:
        """C tokens in a row of one prompt; each sees what came before it."""
        end = piece.past + piece.length
        begin = max(0, piece.past - self.window + 1) if self.window else 0
        found_1XCD = self._read(
            queries_CXD.transpose(0, 1).unsqueeze(0),
            self.keys_SHLD[piece.slot : piece.slot + 1, :, begin:end],
            self.values_SHLD[piece.slot : piece.slot + 1, :, begin:end],
            self._piece_mask(piece, begin, queries_CXD),
        )
        return found_1XCD[0].transpose(0, 1)

    def _span(self) -> tuple[int, int]:
        """First and last position that some answering row reads."""
        lengths = self.step.lengths
        return (max(0, min(lengths) - self.window) if self.window else 0), max(lengths)

    def _by_row(self, width: int) -> bool:
        """Whether reading row by row is cheaper than reading up to the longest row in each."""
        if len(self.step.lengths) == 1 or self.keys_SHLD.device.type != "cpu":
            return len(self.step.lengths) == 1
        needed = sum(min(length, self.window or length) for length in self.step.lengths)
        a_call: float = CALL_ELEMENTS / (self.keys_SHLD.shape[1] * self.keys_SHLD.shape[3])
        return width * len(self.step.lengths) > needed + a_call * len(self.step.lengths)

    def _row(self, queries_BHGD: Tensor, row: int) -> Tensor:
        end = self.step.lengths[row]
        begin = max(0, end - self.window) if self.window else 0
        one = slice(row, row + 1)
        keys, values = self.keys_SHLD[one, :, begin:end], self.values_SHLD[one, :, begin:end]
        return self._read(queries_BHGD[one], keys, values, None)

    def _lengths_mask(self, begin: int, end: int, like: Tensor) -> Tensor | None:
        key = ("answering", begin, end, self.window)
        if key not in self.step.masks:
            lengths = self.step.lengths
            even = all(min(n, self.window or n) == end - begin for n in lengths)
            self.step.masks[key] = None if even else self._ragged(begin, end, like)
        return self.step.masks[key]

    def _ragged(self, begin: int, end: int, like: Tensor) -> Tensor:
        ends_B1 = self.step.positions_N[: len(self.step.lengths), None]
        at_L = torch.arange(begin, end, device=like.device)
        return added(seen(ends_B1, at_L, self.window), like)[:, None, None]

    def _piece_mask(self, piece: Piece, begin: int, like: Tensor) -> Tensor | None:
        if piece.length == 1:
            return None
        key = (piece.slot, begin, self.window)
        if key not in self.step.masks:
            at_C1 = torch.arange(piece.past, piece.past + piece.length, device=like.device)[:, None]
            at_L = torch.arange(begin, piece.past + piece.length, device=like.device)
            self.step.masks[key] = added(seen(at_C1, at_L, self.window), like)
        return self.step.masks[key]

    def _read(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        if self.softcap:
            return self._read_capped(queries, keys, values, mask)
        grouped = queries.shape[1] != keys.shape[1]
        return scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, scale=self.scaling, enable_gqa=grouped
        )

    def _read_capped(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """With scores squeezed into ± softcap, as Gemma 2 was trained."""
        repeats = queries.shape[1] // keys.shape[1]
        if repeats > 1:
            keys = keys.repeat_interleave(repeats, 1)
            values = values.repeat_interleave(repeats, 1)
        scale = 1 / math.sqrt(queries.shape[-1]) if self.scaling is None else self.scaling
        scores = torch.matmul(queries, keys.transpose(2, 3)) * scale
        scores = torch.tanh(scores / self.softcap) * self.softcap
        if mask is not None:
            scores = scores + mask
        shares = scores.softmax(-1, dtype=torch.float32).to(queries.dtype)
        return torch.matmul(shares, values)


def seen(token_positions: Tensor, at_L: Tensor, window: int) -> Tensor:
    """Whether a token sees a position: itself, what was before, and no more than the window."""
    behind = token_positions - at_L
    return (behind >= 0) & (behind < window) if window else behind >= 0


def added(visible: Tensor, like: Tensor) -> Tensor:
    """As numbers to add to scores: 0 where it sees, minus infinity where it does not."""
    mask = torch.zeros(visible.shape, dtype=like.dtype, device=like.device)
    return mask.masked_fill_(~visible, -math.inf)
