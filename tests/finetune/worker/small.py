"""A base model of a few thousand random weights, and rows to tune it on: real files, tiny."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from finetune.worker.families import FAMILIES
from finetune.worker.spec import Base, ClassifyRecipe, TrainSpec, to_json

WORDS = [
    *("the", "a", "cat", "dog", "bird", "fish", "chased", "saw", "liked", "big", "small"),
    *("red", "card", "money", "bank", "lost", "won"),
]
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {
        "hidden_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 40,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "hidden_act": "gelu",
    },
    "distilbert": {
        "dim": 32,
        "n_heads": 2,
        "n_layers": 2,
        "hidden_dim": 64,
        "max_position_embeddings": 40,
        "pad_token_id": 0,
        "activation": "gelu",
    },
}
CONFIGS["roberta"] = CONFIGS["bert"] | {"type_vocab_size": 1}


def tiny_base(folder: Path, family: str = "bert", seed: int = 0) -> Base:
    """Write a random base model of a family into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer()
    config = CONFIGS[family] | {"model_type": family, "vocab_size": tokenizer.get_vocab_size()}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(random_weights(family, config, seed), folder / "model.safetensors")
    return Base(name=f"tiny-{family}", path=str(folder))


def tiny_tokenizer() -> Tokenizer:
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


def random_weights(family: str, config: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    """Weights under the names that the family uses, larger than usual so that layers matter."""
    chance = torch.Generator().manual_seed(seed)
    hidden, wide = 32, 64

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=chance) * 0.2

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": 1 + drawn(hidden), f"{name}.bias": drawn(hidden)}

    known = FAMILIES[family]
    tables = {"word": config["vocab_size"], "position": config["max_position_embeddings"]}
    tables |= {"token_type": config["type_vocab_size"]} if known.token_types else {}
    found = {f"embeddings.{k}_embeddings.weight": drawn(n, hidden) for k, n in tables.items()}
    found |= norm("embeddings.LayerNorm")
    for i in range(2):
        layer = known.layer.format(i=i)
        for part, path in known.linears.items():
            outputs = wide if part == "expand" else hidden
            inputs = wide if part == "contract" else hidden
            found[f"{layer}.{path}.weight"] = drawn(outputs, inputs)
            found[f"{layer}.{path}.bias"] = drawn(outputs)
        for name in known.norms:
            found |= norm(f"{layer}.{name}")
    return found


def recipe(**changed: Any) -> ClassifyRecipe:
    values: dict[str, Any] = {
        "epochs": 2,
        "rank": 4,
        "alpha": 4.0,
        "learning_rate": 1e-2,
        "head_learning_rate": 1e-2,
        "batch_size": 8,
        "seed": 0,
        "max_length": 16,
    }
    return ClassifyRecipe(**(values | changed))


def order_rows(count: int, start: int = 0) -> list[dict[str, str]]:
    """Who chases whom: the label is in the order of words, which a bag of words cannot see."""
    animals = ["cat", "dog", "bird", "fish"]
    rows = []
    for i in range(start, start + count):
        first, second = animals[i % 4], animals[(i // 4 + i % 4 + 1 + i // 16 % 3) % 4]
        if first == second:
            second = animals[(animals.index(first) + 1) % 4]
        article = ["the", "a", "the big", "a small", "the red"][i // 48 % 5]
        text = f"{article} {first} chased the {second}"
        label = "up" if animals.index(first) < animals.index(second) else "down"
        rows.append({"text": text, "label": label})
    return rows


def write_job(
    folder: Path, base: Base, rows: dict[str, list[dict[str, str]]], **changed: Any
) -> Path:
    """A job folder of kind `train` for the rows of each split."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in rows.items():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in split]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    labels = sorted({row["label"] for split in rows.values() for row in split})
    spec = TrainSpec(task="classify", base=base, labels=labels, recipe=recipe(**changed))
    (folder / "job.json").write_text(json.dumps(to_json(spec)))
    return folder


def small_rows() -> dict[str, list[dict[str, str]]]:
    return {
        "train": order_rows(96),
        "validation": order_rows(24, 96),
        "test": order_rows(48, 120),
    }


def events(folder: Path, type_: str | None = None) -> list[dict[str, Any]]:
    """The events of a job, or those of one type."""
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [event for event in found if type_ in (None, event["type"])]
