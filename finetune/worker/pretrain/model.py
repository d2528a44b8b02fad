"""A Llama's forward pass over packed rows, as plain functions of its weights.

The same numbers as transformers' LlamaForCausalLM (a test compares them), without what that does
for other cases: a third of the time of a step this small.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from finetune.worker.pretrain.corpus import NOT_LEARNED, Batch

Weights = Mapping[str, torch.Tensor]
EMBEDDING = "model.embed_tokens.weight"
LAST_NORM = "model.norm.weight"


def loss(weights: Weights, shape: Mapping[str, Any], batch: Batch) -> torch.Tensor:
    """Mean negative log-likelihood, in nats, of the learned tokens."""
    learned = batch.targets_RL != NOT_LEARNED
    hidden = hidden_states(weights, shape, batch)[learned]
    scores = functional.linear(hidden, weights[EMBEDDING]).float()
    return functional.cross_entropy(scores, batch.targets_RL[learned])


def hidden_states(weights: Weights, shape: Mapping[str, Any], batch: Batch) -> torch.Tensor:
    """After the last norm; shape (rows, positions, width)."""
    x = functional.embedding(batch.ids_RL, weights[EMBEDDING])
    turns = rotation(batch.positions_RL, shape, x.dtype)
    for number in range(shape["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        normed = norm(x, weights[layer + "input_layernorm.weight"], shape)
        x = x + attention(weights, layer + "self_attn.", shape, normed, turns, batch.mask_R1LL)
        normed = norm(x, weights[layer + "post_attention_layernorm.weight"], shape)
        x = x + gated(weights, layer + "mlp.", normed)
    return norm(x, weights[LAST_NORM], shape)


def norm(x: torch.Tensor, weight: torch.Tensor, shape: Mapping[str, Any]) -> torch.Tensor:
    return functional.rms_norm(x, weight.shape, weight, shape["rms_norm_eps"])


def gated(weights: Weights, place: str, x: torch.Tensor) -> torch.Tensor:
    gate = functional.silu(functional.linear(x, weights[place + "gate_proj.weight"]))
    up = functional.linear(x, weights[place + "up_proj.weight"])
    return functional.linear(gate * up, weights[place + "down_proj.weight"])


def attention(
    weights: Weights,
    place: str,
    shape: Mapping[str, Any],
    x: torch.Tensor,
    turns: tuple[torch.Tensor, torch.Tensor],
    mask: torch.Tensor,
) -> torch.Tensor:
    """Written out: at rows this short faster than the fused one, backwards above all."""
    size = (*x.shape[:2], shape["num_attention_heads"], shape["head_dim"])
    queries, keys, values = (
        functional.linear(x, weights[f"{place}{name}_proj.weight"]).view(size).transpose(1, 2)
        for name in "qkv"
    )
    queries, keys = turned(queries * size[-1] ** -0.5, turns), turned(keys, turns)
    shares = torch.softmax(queries @ keys.transpose(2, 3) + mask, -1)
    seen = (shares @ values).transpose(1, 2).flatten(2)
    return functional.linear(seen, weights[place + "o_proj.weight"])


def rotation(
    positions: torch.Tensor, shape: Mapping[str, Any], dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of the rotary position embedding."""
    angles = positions[:, None, :, None].float() * frequencies(shape)
    angles = torch.cat([angles, angles], -1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def frequencies(shape: Mapping[str, Any]) -> torch.Tensor:
    """By which angle each pair of a head's dimensions turns from one position to the next."""
    pairs = torch.arange(0, shape["head_dim"], 2).float() / shape["head_dim"]
    base: float = shape["rope_parameters"]["rope_theta"]
    return base**-pairs


def turned(x: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    first, second = x.chunk(2, -1)
    return x * turns[0] + torch.cat([-second, first], -1) * turns[1]
