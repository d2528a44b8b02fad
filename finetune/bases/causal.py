"""Causal language models as bases of chat models: which are known, and what must fit together."""

import json
from collections.abc import Set
from functools import cache
from pathlib import Path
from typing import Any

from core.chat.tokens import ChatTokenizer
from finetune.bases.config import whole, whole_or_none
from finetune.bases.safetensors import FLOATS, refused

TYPES = Path(__file__).with_name("causal_types.json")
WITHOUT_LIMIT = 2048
"""Positions of a model whose configuration states none, as of those with relative positions."""


@cache
def architectures() -> dict[str, str]:
    """model_type to the class that transformers loads for it.

    Text models with attention in every layer. Models with images, encoders, and those that keep
    a state of another kind (Mamba, RWKV, linear attention) are not among them. A test compares
    the list with transformers, which the server itself never imports.
    """
    known: dict[str, str] = json.loads(TYPES.read_bytes())
    return known


def facts(folder: Path, model_type: str, config: dict[str, Any], types: Set[str]) -> dict[str, Any]:
    """What the record of a causal base says of it.

    Raises:
        RequestRefused: It is of another architecture than its type's, quantised, or its
            tokenizer and template do not make a chat model.
    """
    refuse_architecture(model_type, config)
    refuse_quantised(config, types)
    tokenizer = ChatTokenizer.load(folder)
    vocabulary = whole(config, "vocab_size")
    if tokenizer.vocabulary > vocabulary:
        raise refused(
            f"Its tokenizer has {tokenizer.vocabulary:,} tokens, but the model knows only "
            f"{vocabulary:,}.",
            "Give the tokenizer that belongs to the model.",
        )
    return {
        "model_type": model_type,
        "kind": "causal",
        "hidden_size": whole(config, "hidden_size", "n_embd", "d_model", "n_embed"),
        "layers": whole(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers"),
        "max_positions": positions(config),
        "vocabulary": vocabulary,
        "template_sha256": tokenizer.template_sha256,
    }


def positions(config: dict[str, Any]) -> int:
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "seq_length")
    return whole_or_none(config, *names) or WITHOUT_LIMIT


def refuse_architecture(model_type: str, config: dict[str, Any]) -> None:
    said = config.get("architectures") or [architectures()[model_type]]
    if said != [architectures()[model_type]]:
        raise refused(
            f"Its config.json says {str(said)[:80]}, which is not a text model of the kind "
            f"{model_type!r} ({architectures()[model_type]}).",
            "Give the model that writes text, not one for classes, embeddings or images.",
        )


def refuse_quantised(config: dict[str, Any], types: Set[str]) -> None:
    packed = sorted(types - set(FLOATS))
    if "quantization_config" in config or packed:
        raise refused(
            "Its weights are quantised"
            + (f" ({', '.join(packed)})." if packed else " (quantization_config)."),
            "Give the model in 16 bits; a fine-tuning on few bits would lose what it learns.",
        )
