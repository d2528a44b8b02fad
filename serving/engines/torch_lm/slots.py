"""Where keys and values of the rows lie: as many slots as rows, each as long as a row may get.

Letters in names: S slots, H key/value heads, T positions of a slot, D channels of a head.
"""

import torch
from torch import Tensor

BLOCK = 32
"""Positions that are read together; a slot ends with a whole block."""


class Slots:
    """Keys and values of every layer. A layer's are made when it is first used.

    Args:
        count: Rows at once.
        length: Tokens of the longest row.
    """

    def __init__(self, count: int, length: int) -> None:
        self.count = count
        self.length = length
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}

    def layer(self, index: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values of a layer, S x H x T x D each."""
        if index not in self._keys:
            self._keys[index] = self._made(key)
            self._values[index] = self._made(value)
        return self._keys[index], self._values[index]

    def bytes_per_token(self) -> int:
        """Over all layers used so far."""
        every = [*self._keys.values(), *self._values.values()]
        return sum(one.shape[1] * one.shape[3] * one.element_size() for one in every)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a slot begin as another one does."""
        for every in (self._keys, self._values):
            for cache in every.values():
                cache[target, :, :length] = cache[source, :, :length]

    def swap(self, one: int, other: int, length: int) -> None:
        """Exchange what two slots hold, up to a length."""
        for every in (self._keys, self._values):
            for cache in every.values():
                kept = cache[one, :, :length].clone()
                cache[one, :, :length] = cache[other, :, :length]
                cache[other, :, :length] = kept

    def clear(self, slot: int) -> None:
        """Forget what is no number: even unread, it would spoil its row's sums."""
        for every in (self._keys, self._values):
            for cache in every.values():
                cache[slot].zero_()

    def _made(self, like: Tensor) -> Tensor:
        # Zeros, not what memory happens to hold: unread positions count 0 times, and 0 times
        # infinity is no number. The system gives memory for zeros only when they are written.
        shape = (self.count, like.shape[1], in_blocks(self.length), like.shape[3])
        return torch.zeros(shape, dtype=like.dtype, device=like.device)


def in_blocks(length: int) -> int:
    """The length, up to the end of its block."""
    return -(-length // BLOCK) * BLOCK
