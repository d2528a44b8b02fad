"""Rows of tokens laid one after another: nothing is padded, and each row starts at position 0.

Axes in names: N tokens of all rows together, L labelled tokens, B rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from finetune.worker.causal.rows import Row
from finetune.worker.machine import Device

ROUND = 64
"""Token counts are filled up to a multiple of this: the CPU library compiles and keeps a kernel
for every size that it meets."""


@dataclass(frozen=True)
class Packed:
    """Rows in one line, and what is to be learned from them."""

    ids_N: torch.Tensor
    positions_N: torch.Tensor
    starts: tuple[int, ...]
    """[B + 1]: where each row starts, and where the last one ends."""
    asked_L: torch.Tensor
    """Where the model says the next token and that token is trained."""
    targets_L: torch.Tensor
    """The token to say there."""
    row_L: NDArray[np.int64]
    """Which row it belongs to."""

    @property
    def tokens(self) -> int:
        """How many there are, filler not counted."""
        return self.starts[-1]


def pack(rows: Sequence[Row], device: Device) -> Packed:
    """Lay rows one after another. Filler at the end belongs to no row and is asked nothing."""
    counts = [len(row.ids) for row in rows]
    starts = np.concatenate([[0], np.cumsum(counts)])
    filler = -int(starts[-1]) % ROUND
    positions = np.concatenate([np.arange(count) for count in [*counts, filler]])
    asked = [row.asked() + start for row, start in zip(rows, starts[:-1], strict=True)]
    ids = np.concatenate([*(row.ids for row in rows), np.zeros(filler, dtype=np.int64)])
    where = np.concatenate(asked)

    def send(values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(device.kind)

    return Packed(
        ids_N=send(ids),
        positions_N=send(positions),
        starts=tuple(starts.tolist()),
        asked_L=send(where),
        targets_L=send(ids[where + 1]),
        row_L=np.repeat(np.arange(len(rows)), [len(one) for one in asked]),
    )


def pieces(lengths: Sequence[int], tokens: int) -> list[slice]:
    """Consecutive rows together, as many as fit into so many tokens; a longer one stands alone."""
    found, start, held = list[slice](), 0, 0
    for row, length in enumerate(lengths):
        if row > start and held + length > tokens:
            found.append(slice(start, row))
            start, held = row, 0
        held += length
    return [*found, slice(start, len(lengths))]
