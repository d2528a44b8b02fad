"""A PEFT LoRA adapter, read from its files without PEFT.

Its `meta.json` says for which base, template and tokenizer it was trained; with others it would
answer, and badly, so they are compared.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.errors import RequestRefused
from core.job import read_json
from serving.engines.base import FORMAT, META_FILE, unusable

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
KEY = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])(\.default)?\.weight")
MAX_RANK = 1024
SWITCHED_OFF = {
    "use_dora": (False, None),
    "bias": ("none", None),
    "modules_to_save": (None, []),
    "alora_invocation_tokens": (None, []),
    "layer_replication": (None, []),
    "use_bdlora": (False, None),
    "trainable_token_indices": (None, [], {}),
    "target_parameters": (None, []),
}
"""Options of PEFT that change what an adapter computes, with their harmless values."""


@dataclass(frozen=True)
class Adapter:
    """What it adds to each layer: `up` times `down`, with the scale in `up`."""

    layers: Mapping[str, tuple[Tensor, Tensor]]
    """Layer to down (rank x inputs) and up (outputs x rank)."""


@dataclass(frozen=True)
class Trained:
    """What a served base is, to be compared with what an adapter was trained on."""

    base_sha256: str | None
    """None where nobody said: then it is not compared."""
    template_sha256: str
    tokenizer_sha256: str


def read_adapter(folder: Path, served: Trained) -> Adapter:
    """The adapter in a folder.

    Raises:
        RequestRefused: It is not whole, uses what we do not compute, or belongs to another base,
            template or tokenizer.
    """
    check_meta(read_json(folder / META_FILE), served)
    config = read_json(folder / CONFIG_FILE)
    if not isinstance(config, dict):
        raise unusable(f"it has no {CONFIG_FILE}")
    check_config(config)
    return Adapter(scaled(read_pairs(folder / WEIGHTS_FILE), config))


def check_meta(meta: Any, served: Trained) -> None:
    if not isinstance(meta, dict):
        raise unusable(f"it has no {META_FILE}")
    if meta.get("format") != FORMAT or meta.get("task") != "chat":
        raise unusable(
            f"it has format {meta.get('format')!r} for the task {meta.get('task')!r}; known is "
            f"format {FORMAT} for 'chat'"
        )
    base = meta.get("base") or {}
    if served.base_sha256 is not None and base.get("sha256") != served.base_sha256:
        raise of_another("base model")
    if meta.get("template_sha256") != served.template_sha256:
        raise of_another("chat template")
    if meta.get("tokenizer_sha256") != served.tokenizer_sha256:
        raise of_another("tokenizer")


def of_another(what: str) -> RequestRefused:
    return RequestRefused(
        f"This adapter was trained with another {what} than the one that would serve it.",
        code="base_differs",
        fix="Serve it with the base that it was trained on, or train it again.",
    )


def check_config(config: Mapping[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise unusable(f"it is no LoRA adapter but {str(config.get('peft_type'))[:40]!r}")
    for option, harmless in SWITCHED_OFF.items():
        if config.get(option) not in harmless:
            raise unusable(f"it uses {option}, which this engine does not compute")


def read_pairs(path: Path) -> dict[str, dict[str, Tensor]]:
    """Layer to its matrices A and B."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise unusable(f"{path.name} cannot be read: {error}") from None
    pairs: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        found = KEY.fullmatch(key)
        if found is None:
            raise unusable(f"{path.name} holds {key[:80]!r}, which is no matrix of a LoRA adapter")
        pairs.setdefault(found["layer"], {})[found["side"]] = tensor
    if not pairs:
        raise unusable(f"{path.name} is empty")
    return pairs


def scaled(
    pairs: Mapping[str, Mapping[str, Tensor]], config: Mapping[str, Any]
) -> dict[str, tuple[Tensor, Tensor]]:
    layers = {}
    for layer, pair in pairs.items():
        if set(pair) != {"A", "B"}:
            raise unusable(f"one of the two matrices of {layer[:80]} is missing")
        down, up = pair["A"].float(), pair["B"].float()
        if down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]:
            raise unusable(f"the matrices of {layer[:80]} do not fit each other")
        if not 1 <= down.shape[0] <= MAX_RANK:
            raise unusable(f"the rank of {layer[:80]} is not 1 to {MAX_RANK:,}")
        if not (torch.isfinite(down).all() and torch.isfinite(up).all()):
            raise unusable("its weights are not all numbers")
        layers[layer] = (down, up * scale(layer, down.shape[0], config))
    return layers


def scale(layer: str, rank: int, config: Mapping[str, Any]) -> float:
    """alpha / rank, or alpha / sqrt(rank) with rsLoRA; patterns name layers with an alpha of their
    own, as PEFT matches them: the whole name, or its end behind a dot."""
    patterns = config.get("alpha_pattern") or {}
    own = (value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", layer))
    alpha = next(own, config.get("lora_alpha"))
    if not isinstance(alpha, int | float):
        raise unusable(f"{CONFIG_FILE} does not say lora_alpha")
    return float(alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))
