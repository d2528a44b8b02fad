"""Where the weights of a BERT-shaped encoder stand in its file, family by family.

All of them compute the same function; they differ in names. A family is added by one entry here.
Nothing but `config.json` and `model.safetensors` is read: no code of the model's author runs.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from core.errors import RequestRefused, ServiceFailed
from core.job import read_json
from finetune.worker.spec import Base

LINEARS = ("query", "key", "value", "output", "expand", "contract")
"""The linear layers of one encoder layer, each with an adapter."""


@dataclass(frozen=True)
class Family:
    """Names of one family. In `layer` stands {i}, the number of the layer."""

    layer: str
    linears: dict[str, str]
    norms: tuple[str, str]
    """After attention, after the feed-forward part."""
    size_names: dict[str, str]
    """What its config calls our sizes, where it differs from BERT's."""
    token_types: bool = True
    offset_positions: bool = False
    """RoBERTa counts positions from pad_token_id + 1."""


_BERT_LINEARS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "expand": "intermediate.dense",
    "contract": "output.dense",
}
_BERT_NORMS = ("attention.output.LayerNorm", "output.LayerNorm")
_BERT = Family("encoder.layer.{i}", _BERT_LINEARS, _BERT_NORMS, {})
_ROBERTA = Family("encoder.layer.{i}", _BERT_LINEARS, _BERT_NORMS, {}, offset_positions=True)
_DISTILBERT = Family(
    "transformer.layer.{i}",
    {
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "output": "attention.out_lin",
        "expand": "ffn.lin1",
        "contract": "ffn.lin2",
    },
    ("sa_layer_norm", "output_layer_norm"),
    {
        "hidden_size": "dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "hidden_act": "activation",
    },
    token_types=False,
)

FAMILIES = {
    "bert": _BERT,
    "electra": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
}
"""By the `model_type` of config.json."""


@dataclass(frozen=True)
class Shape:
    """The sizes of an encoder."""

    family: Family
    hidden: int
    heads: int
    layers: int
    positions: int
    """Longest input in tokens."""
    first_position: int
    norm_epsilon: float

    @property
    def per_head(self) -> int:
        return self.hidden // self.heads

    def linear_path(self, layer: int, part: str) -> str:
        """Name of the module, as transformers and PEFT know it."""
        return f"{self.family.layer.format(i=layer)}.{self.family.linears[part]}"


Weights = dict[str, torch.Tensor]


def read_base(base: Base) -> tuple[Shape, Weights]:
    """The shape and the weights of a base model, float32, named without a model prefix.

    Raises:
        RequestRefused: Not a BERT-shaped encoder, or a file is missing.
        ServiceFailed: The weights are not the ones that were registered.
    """
    folder = Path(base.path)
    shape = read_shape(folder, base.name)
    file = folder / "model.safetensors"
    if not file.is_file():
        raise _refuse(base.name, "has no model.safetensors", "base_incomplete")
    if base.sha256 and _sha256(file) != base.sha256:
        raise ServiceFailed(
            f"The weights of {base.name!r} changed since it was registered.",
            code="base_changed",
            fix="Register the base again.",
        )
    return shape, _read_weights(file, shape, base.name)


def read_shape(folder: Path, name: str) -> Shape:
    """The sizes that config.json states."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise _refuse(name, "has no config.json", "base_incomplete")
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        known = ", ".join(sorted(FAMILIES))
        kind = config.get("model_type")
        raise _refuse(name, f"is of type {kind!r}; classifiers are tuned from {known}")
    _check_variant(config, family, name)
    return _shape(config, family)


def _shape(config: dict[str, Any], family: Family) -> Shape:
    def size(our_name: str) -> int:
        return int(config[family.size_names.get(our_name, our_name)])

    first = int(config.get("pad_token_id", 1)) + 1 if family.offset_positions else 0
    return Shape(
        family=family,
        hidden=size("hidden_size"),
        heads=size("num_attention_heads"),
        layers=size("num_hidden_layers"),
        positions=size("max_position_embeddings") - first,
        first_position=first,
        norm_epsilon=float(config.get("layer_norm_eps", 1e-12)),
    )


def _check_variant(config: dict[str, Any], family: Family, name: str) -> None:
    """Refuse what has the family's name but computes something else."""
    activation = config.get(family.size_names.get("hidden_act", "hidden_act"), "gelu")
    if activation != "gelu":
        raise _refuse(name, f"uses the activation {activation!r}; only 'gelu' is known")
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise _refuse(name, "does not use absolute positions")
    if config.get("embedding_size", config.get("hidden_size")) != config.get("hidden_size"):
        raise _refuse(name, "has embeddings of another width than its layers")
    if config.get("is_decoder"):
        raise _refuse(name, "is a decoder")


def _read_weights(file: Path, shape: Shape, name: str) -> Weights:
    wanted = _wanted(shape)
    with safe_open(file, framework="pt") as stored:
        names = set(stored.keys())
        anchor = "embeddings.word_embeddings.weight"
        prefix = next((key.removesuffix(anchor) for key in names if key.endswith(anchor)), "")
        missing = [key for key in wanted if prefix + key not in names]
        if missing:
            raise _refuse(name, f"lacks the weight {missing[0]}", "base_incomplete")
        return {key: stored.get_tensor(prefix + key).float() for key in wanted}


def _wanted(shape: Shape) -> list[str]:
    modules = ["embeddings.LayerNorm"]
    for i in range(shape.layers):
        modules += [shape.linear_path(i, part) for part in LINEARS]
        modules += [f"{shape.family.layer.format(i=i)}.{norm}" for norm in shape.family.norms]
    tables = ["word_embeddings", "position_embeddings"]
    tables += ["token_type_embeddings"] if shape.family.token_types else []
    return [f"embeddings.{table}.weight" for table in tables] + [
        f"{module}.{part}" for module in modules for part in ("weight", "bias")
    ]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _refuse(name: str, what: str, code: str = "unsupported_base") -> RequestRefused:
    return RequestRefused(
        f"The base model {name!r} {what}.",
        code=code,
        param="base_model",
        fix="Choose another base model, such as the built-in minilm.",
    )
