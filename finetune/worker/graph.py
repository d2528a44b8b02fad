"""The encoder as an ONNX graph, written node by node.

No tracer: the graph holds exactly these operations whatever torch version is installed, takes
about a second, and needs little memory beside the weights.

Axes in names: B rows, T tokens, H hidden, D size of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from finetune.worker.compress import to_int8
from finetune.worker.families import Shape, Weights

Floats = NDArray[np.float32]

OPSET = 20
"""The first with Gelu, the third with LayerNormalization."""
IR_VERSION = 9


@dataclass
class Graph:
    """A model so far; every method that adds something returns the name of its value."""

    small: bool = False
    """Weights of products and of the word table as int8, one scale per channel."""
    model: onnx.ModelProto = field(default_factory=onnx.ModelProto)
    quantized: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Values that were made int8 already, by name; query, key and value read the same."""

    def add(self, operation: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"v{len(self.model.graph.node)}"
        return self._node(operation, inputs, [name], **attributes)[0]

    def constant(self, value: NDArray[np.generic] | float | list[int], name: str = "") -> str:
        name = name or f"c{len(self.model.graph.initializer)}"
        array = np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        # Filled in place: the helpers of onnx would hold every weight three times.
        stored = self.model.graph.initializer.add()
        stored.name, stored.data_type = name, helper.np_dtype_to_tensor_dtype(array.dtype)
        stored.dims.extend(array.shape)
        stored.raw_data = np.ascontiguousarray(array).tobytes()
        return name

    def product(self, value: str, weight_IO: Floats, name: str) -> str:
        """value @ weight; int8 on both sides in a small graph, the left side scaled as it comes."""
        if not self.small:
            return self.add("MatMul", value, self.constant(weight_IO, name))
        numbers_IO, scales_1O = to_int8(weight_IO, axis=0)
        number, scale, zero = self._quantize(value)
        weight = self.constant(numbers_IO, name)
        whole = self.add("MatMulInteger", number, weight, zero)
        scales = self.add("Mul", scale, self.constant(scales_1O[0], f"{name}.scale"))
        return self.add("Mul", self.add("Cast", whole, to=TensorProto.FLOAT), scales)

    def lookup(self, table: Floats, ids: str, name: str) -> str:
        """The rows of a table."""
        if not self.small:
            return self.add("Gather", self.constant(table, name), ids)
        numbers, scales = to_int8(table, axis=1)
        found = self.add("Gather", self.constant(numbers, name), ids)
        scale = self.add("Gather", self.constant(scales, f"{name}.scale"), ids)
        return self.add("Mul", self.add("Cast", found, to=TensorProto.FLOAT), scale)

    def save(self, file: Path, output: str, width: int) -> None:
        """Write a model from input_ids and attention_mask [B, T] to `output` [B, width]."""
        tokens = ["rows", "tokens"]
        for name in ("input_ids", "attention_mask"):
            given = helper.make_tensor_value_info(name, TensorProto.INT64, tokens)
            self.model.graph.input.append(given)
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", width])
        self.model.graph.output.append(made)
        self.model.graph.name = "thimble"
        self.model.ir_version = IR_VERSION
        self.model.opset_import.append(helper.make_opsetid("", OPSET))
        onnx.save(self.model, file)

    def _quantize(self, value: str) -> tuple[str, str, str]:
        """Names of the value as uint8, its scale and its zero."""
        if value not in self.quantized:
            parts = [f"{value}.{part}" for part in ("uint8", "scale", "zero")]
            number, scale, zero = self._node("DynamicQuantizeLinear", [value], parts)
            self.quantized[value] = (number, scale, zero)
        return self.quantized[value]

    def _node(
        self, operation: str, inputs: Sequence[str], outputs: list[str], **attributes: object
    ) -> list[str]:
        node = helper.make_node(operation, list(inputs), outputs, outputs[0], **attributes)
        self.model.graph.node.append(node)
        return outputs


def mean_pooled(graph: Graph, shape: Shape, weights: Weights) -> str:
    """[B, H]: the mean of the vectors of a row's tokens."""
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    hidden = _hidden_slots(graph, mask)
    x_BTH = _embeddings(graph, shape, weights)
    for i in range(shape.layers):
        x_BTH = _layer(graph, shape, weights, i, x_BTH, hidden)
    last = graph.constant([2])
    kept = graph.add("Mul", x_BTH, graph.add("Unsqueeze", mask, last))
    total = graph.add("ReduceSum", kept, graph.constant([1]), keepdims=0)
    count = graph.add("ReduceSum", mask, graph.constant([1]), keepdims=1)
    return graph.add("Div", total, count)


def classify(
    graph: Graph, pooled: str, weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> None:
    """Add `logits` [B, C]."""
    product = graph.add("MatMul", pooled, graph.constant(weight.T.copy(), "head.weight"))
    graph.add("Add", product, graph.constant(bias), name="logits")


def normalise(graph: Graph, pooled: str) -> None:
    """Add `embedding` [B, H], of length 1."""
    graph.add("LpNormalization", pooled, name="embedding", axis=1, p=2)


def _hidden_slots(graph: Graph, mask: str) -> str:
    """[B, 1, 1, T], to add to attention scores: very negative where there is no token."""
    absent = graph.add("Sub", graph.constant(1.0), mask)
    scaled = graph.add("Mul", absent, graph.constant(-1e4))
    return graph.add("Unsqueeze", scaled, graph.constant([1, 2]))


def _embeddings(graph: Graph, shape: Shape, weights: Weights) -> str:
    words = "embeddings.word_embeddings.weight"
    x_BTH = graph.lookup(weights[words].numpy(), "input_ids", words)
    table = weights["embeddings.position_embeddings.weight"][shape.first_position :].clone()
    if shape.family.token_types:
        table += weights["embeddings.token_type_embeddings.weight"][0]
    length = graph.add("Shape", "input_ids", start=1, end=2)
    positions = graph.add("Slice", graph.constant(table.numpy()), graph.constant([0]), length)
    return _norm(graph, shape, weights, "embeddings.LayerNorm", graph.add("Add", x_BTH, positions))


def _layer(graph: Graph, shape: Shape, weights: Weights, i: int, x_BTH: str, hidden: str) -> str:
    path = shape.family.layer.format(i=i)

    def linear(part: str, value: str) -> str:
        return _linear(graph, weights, shape.linear_path(i, part), value)

    q, k, v = (linear(part, x_BTH) for part in ("query", "key", "value"))
    attended = linear("output", _attention(graph, shape, (q, k, v), hidden))
    after, last = (f"{path}.{norm}" for norm in shape.family.norms)
    x_BTH = _norm(graph, shape, weights, after, graph.add("Add", x_BTH, attended))
    wide = graph.add("Gelu", linear("expand", x_BTH))
    narrow = linear("contract", wide)
    return _norm(graph, shape, weights, last, graph.add("Add", x_BTH, narrow))


def _attention(graph: Graph, shape: Shape, qkv: tuple[str, str, str], hidden: str) -> str:
    split = graph.constant([0, 0, shape.heads, shape.per_head])
    turns = ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
    q, k, v = (
        graph.add("Transpose", graph.add("Reshape", value, split), perm=turn)
        for value, turn in zip(qkv, turns, strict=True)
    )
    scaled = graph.add("Mul", graph.add("MatMul", q, k), graph.constant(shape.per_head**-0.5))
    shares = graph.add("Softmax", graph.add("Add", scaled, hidden), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", shares, v), perm=[0, 2, 1, 3])
    return graph.add("Reshape", mixed, graph.constant([0, 0, shape.hidden]))


def _linear(graph: Graph, weights: Weights, path: str, value: str) -> str:
    product = graph.product(value, weights[f"{path}.weight"].T.numpy(), f"{path}.weight")
    return graph.add("Add", product, _weight(graph, weights, f"{path}.bias"))


def _norm(graph: Graph, shape: Shape, weights: Weights, path: str, value: str) -> str:
    scale, shift = (_weight(graph, weights, f"{path}.{part}") for part in ("weight", "bias"))
    epsilon = shape.norm_epsilon
    return graph.add("LayerNormalization", value, scale, shift, axis=-1, epsilon=epsilon)


def _weight(graph: Graph, weights: Weights, key: str) -> str:
    return graph.constant(weights[key].numpy(), key)
