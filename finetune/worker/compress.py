"""Weights made small: int8 numbers with one float scale for every channel.

A channel is what one output (or one row of a table) is made of. One scale for a whole matrix
would let its largest number decide how coarse all others become: on MiniLM that moves embeddings
ten times further.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
LARGEST = 127
"""Of an int8; -128 is left unused, so that zero stays exactly zero."""


def to_int8(weights: Floats, axis: int) -> tuple[NDArray[np.int8], Floats]:
    """Whole numbers and scales with numbers * scales = weights, nearly.

    Args:
        weights: A matrix.
        axis: Along which a channel lies; the scales have length 1 there.
    """
    scales = np.abs(weights).max(axis=axis, keepdims=True) / LARGEST
    # A channel of zeros alone may have any scale.
    scales = np.where(scales == 0, 1, scales).astype(np.float32)
    return np.rint(weights / scales).astype(np.int8), scales
