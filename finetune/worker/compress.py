"""A float ONNX model made small and quick: int8 weights, one scale per output channel.

Per channel, never per tensor: measured on MiniLM, per tensor moves embeddings ten times further.
"""

import logging
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic


def to_int8(source: Path, target: Path) -> None:
    """Write `target`: the weights of matrix products as int8, everything else unchanged."""
    # The quantizer advises a preparation step that our own graphs do not need.
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        quantize_dynamic(
            source,
            target,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gather"],
        )
    finally:
        root.setLevel(before)
