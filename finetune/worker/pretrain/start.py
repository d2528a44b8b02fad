"""The weights before pre-training: random, but for a circuit that copies.

Copying what followed the last time ("induction") is found late by training, after more tokens
than can be read here; on it stands whatever a small model does with an unseen name or number. So
it is put in by hand (the idea: "In-context Learning and Induction Heads", Olsson et al. 2022). The
width is three thirds: the token itself, the one before, the one before that. Heads of the first
layer fill the second and third one. Heads of the second layer look for a place whose two tokens
before are the current and the last one (two, since spaces are tokens), and say what stands there.
Training goes on from there with all weights free.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch

from finetune.worker.pretrain import tensor_sizes
from finetune.worker.pretrain.model import EMBEDDING, LAST_NORM, frequencies

SPREAD = 0.1
"""Of a token's embedding in the first third of the width; a tenth of it in the others."""
CONSTANT = 0.3
"""Dimension 0 of every token: what a head reads that looks at places, whatever stands there."""
LOOK_BACK = 6.5
"""How sharply the token before is looked at: nearly alone."""
TURNING = 6
"""Pairs of dimensions that tell places from each other; the others turn too slowly."""
MATCH = 2.8
"""How sharply equal tokens are looked for: so that a match outweighs a hundred other tokens."""
SAY = 2.0
"""How much stronger the copied token is than the current one."""
LAST = 0.5
"""Of the last norm, so that the first guesses are not sure."""


def first_weights(shape: Mapping[str, Any], seed: int) -> dict[str, torch.Tensor]:
    """Every tensor of the model of this configuration in float32, ready to be trained."""
    source = torch.Generator().manual_seed(seed)
    sizes = tensor_sizes(shape)
    weights = {name: random_tensor(name, size, source) for name, size in sizes.items()}
    embed(weights[EMBEDDING])
    weights[LAST_NORM].fill_(LAST)
    look_back(weights, shape, size_of_normed(shape, thirds=1))
    match(weights, shape, size_of_normed(shape, thirds=3))
    return {name: tensor.requires_grad_() for name, tensor in weights.items()}


def random_tensor(name: str, size: tuple[int, ...], source: torch.Generator) -> torch.Tensor:
    if len(size) == 1:
        return torch.ones(size)
    drawn = torch.randn(size, generator=source)
    if name == EMBEDDING:
        return drawn * SPREAD
    if name.endswith(("o_proj.weight", "down_proj.weight")):
        return drawn * SPREAD * 0.3 / math.sqrt(size[1])
    return drawn * 0.7 / math.sqrt(size[1])


def embed(embedding: torch.Tensor) -> None:
    embedding[:, embedding.shape[1] // 3 :] *= 0.1
    embedding[:, 0] = CONSTANT


def size_of_normed(shape: Mapping[str, Any], thirds: int) -> float:
    """By what a norm divides, when so many thirds of the width are filled."""
    filled = thirds * shape["hidden_size"] / 3 * SPREAD**2
    return math.sqrt((filled + CONSTANT**2) / shape["hidden_size"])


def parts(weights: dict[str, torch.Tensor], layer: int) -> list[torch.Tensor]:
    """Queries, keys, values, output of a layer's attention."""
    return [weights[f"model.layers.{layer}.self_attn.{name}_proj.weight"] for name in "qkvo"]


def look_back(weights: dict[str, torch.Tensor], shape: Mapping[str, Any], scale: float) -> None:
    """First layer: a query turned back by one place, or two, meets the key of that place."""
    size, third = shape["head_dim"], shape["hidden_size"] // 3
    queries, keys, values, output = parts(weights, 0)
    strength = LOOK_BACK * scale / CONSTANT
    for start in range(0, 2 * third, size):
        angles = frequencies(shape)[:TURNING] * (1 + start // third)
        head, middle = slice(start, start + size), start + size // 2
        queries[head] *= 0.1
        keys[head] *= 0.1
        queries[start : start + TURNING, 0] = strength * angles.cos()
        queries[middle : middle + TURNING, 0] = -strength * angles.sin()
        keys[start : start + TURNING, 0] = strength
        values[head] = 0
        values[head, start % third : start % third + size] = torch.eye(size)
        output[:, head] = 0
        output[third + start : third + start + size, head] = torch.eye(size) * scale


def match(weights: dict[str, torch.Tensor], shape: Mapping[str, Any], scale: float) -> None:
    """Second layer: each head compares a share of the current and the last token with the same
    share of the two before each place, in those of its dimensions that hardly turn."""
    size, third = shape["head_dim"], shape["hidden_size"] // 3
    heads = shape["num_attention_heads"]
    queries, keys, values, output = parts(weights, 1)
    slow = [*range(size // 4, size // 2), *range(size * 3 // 4, size)]
    share = min(third // heads, len(slow) // 2)
    for number in range(heads):
        start = number * size
        head = slice(start, start + size)
        for tensor in (queries[head], keys[head], values[head], output[:, head]):
            tensor *= 0.1
        for place in range(2 * share):
            behind = place // share * third + number * share + place % share
            queries[start + slow[place], behind] = MATCH
            keys[start + slow[place], third + behind] = MATCH
        said = slice(start % third, start % third + size)
        values[head, said] = torch.eye(size)
        output[said, head] = torch.eye(size) * scale * SAY * third / (heads * size)
