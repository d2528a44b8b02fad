"""What we need to know of a model before it becomes a base, and which are never taken."""

from collections.abc import Iterable, Set
from pathlib import Path
from typing import Any

from core.job import read_json
from finetune.bases import causal
from finetune.bases.config import whole
from finetune.bases.safetensors import check_weights, refused

MODEL_TYPES = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
"""The encoders that the worker knows (finetune/worker/families.py; a test compares them)."""
SHIFTED = ("camembert", "roberta", "xlm-roberta")


def inspect(folder: Path) -> dict[str, Any]:
    """What stands in the record of a base beside the hashes of its files.

    Raises:
        RequestRefused: It has no safetensors, is a pickle, brings code, has links that lead
            out, a broken weight file or no tokenizer.json, or is of an unknown architecture; or
            it is a causal model that cannot chat.
    """
    refuse_links(folder.iterdir())
    weights = check_weights(folder)
    return describe(folder, weights["types"]) | {"parameters": weights["parameters"]}


def describe(folder: Path, types: Set[str] = frozenset()) -> dict[str, Any]:
    """The same of everything but the weights, whose numbers are of these types."""
    if not (folder / "tokenizer.json").is_file():
        raise refused("It has no tokenizer.json.", "Save its fast tokenizer beside the weights.")
    return facts_of(folder, read_config(folder / "config.json"), types)


def facts_of(folder: Path, config: dict[str, Any], types: Set[str]) -> dict[str, Any]:
    """By the model's kind, which its configuration tells."""
    if "auto_map" in config:
        raise refused(
            "Its config.json names code to run (auto_map).",
            "Use a model of a built-in architecture; code of models is never run.",
        )
    name = str(config.get("model_type"))
    if name in MODEL_TYPES:
        return encoder_facts(name, config)
    if name in causal.architectures():
        return causal.facts(folder, name, config, types)
    raise refused(
        f"Its model_type {name[:80]!r} cannot be fine-tuned here.",
        f"For classification use one of: {', '.join(MODEL_TYPES)}. For chat use a text model "
        f"such as llama, mistral, qwen3, gemma2, phi3 or gpt2; {len(causal.architectures())} "
        "kinds are known.",
    )


def refuse_links(paths: Iterable[Path]) -> None:
    """The hub's own cache is made of links to its blobs; any other link may lead anywhere."""
    for path in paths:
        if path.is_symlink() and path.resolve().parent.name != "blobs":
            raise refused(f"{path.name} is a link.", "Copy the file itself into the folder.")


def read_config(path: Path) -> dict[str, Any]:
    try:
        config = read_json(path)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise refused("Its config.json is missing or not a JSON object.", "Give a saved model.")
    return config


def encoder_facts(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    refuse_variant(config)
    # RoBERTa counts positions from the one after the padding's.
    unused = int(config.get("pad_token_id", 1)) + 1 if kind in SHIFTED else 0
    vocabulary = config.get("vocab_size")
    return {
        "model_type": kind,
        "kind": "encoder",
        "hidden_size": whole(config, "hidden_size", "dim"),
        "layers": whole(config, "num_hidden_layers", "n_layers"),
        "max_positions": whole(config, "max_position_embeddings") - unused,
        "vocabulary": vocabulary if isinstance(vocabulary, int) else 0,
    }


def refuse_variant(config: dict[str, Any]) -> None:
    """Models that bear a known family's name but compute something else."""
    expected = {
        "hidden_act": "gelu",
        "activation": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "embedding_size": config.get("hidden_size"),
    }
    for key, value in expected.items():
        if key in config and config[key] != value:
            raise refused(
                f"Its config.json has {key}={str(config[key])[:80]}; only {value} is known.",
                "Use a plain encoder.",
            )
