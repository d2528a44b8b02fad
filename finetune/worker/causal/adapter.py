"""The trained tensors as a standard PEFT adapter, written and read without importing peft."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from core.chat.tokens import ChatTokenizer
from core.job import write_json
from finetune.worker.causal.linear import Group
from finetune.worker.spec import Base, Recipe

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
META_FILE = "meta.json"
FORMAT = 1
"""Of `meta.json`."""

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Meta:
    """What the adapter was made for; whoever loads it compares."""

    base: dict[str, str]
    """`name` and `sha256`."""
    template_sha256: str
    tokenizer_sha256: str
    max_length: int
    rank: int
    alpha: float
    format: int = FORMAT
    task: str = "chat"

    @classmethod
    def of(cls, base: Base, tokenizer: ChatTokenizer, recipe: Recipe) -> "Meta":
        return cls(
            base={"name": base.name, "sha256": base.sha256},
            template_sha256=tokenizer.template_sha256,
            tokenizer_sha256=tokenizer.tokenizer_sha256,
            max_length=recipe.max_length,
            rank=recipe.rank,
            alpha=recipe.alpha,
        )


def write(folder: Path, trained: Tensors, groups: Sequence[Group], meta: Meta) -> None:
    """Write the trained tensors, named as the task names them, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(to_peft(trained, groups), folder / WEIGHTS_FILE)
    write_json(folder / CONFIG_FILE, _config(groups, meta))
    write_json(folder / META_FILE, asdict(meta))


def read(folder: Path, groups: Sequence[Group]) -> Tensors:
    """The trained tensors that `write` wrote, bit for bit."""
    stored = load_file(folder / WEIGHTS_FILE)
    return {
        f"adapter.{group.name}.{letter}": torch.cat(
            [stored[_peft_name(path, letter)] for path in group.paths]
        )
        for group in groups
        for letter in "ab"
    }


def to_peft(trained: Tensors, groups: Sequence[Group]) -> Tensors:
    """Ours to PEFT's names; layers that are computed together become an adapter each."""
    found: Tensors = {}
    for group in groups:
        a = trained[f"adapter.{group.name}.a"].detach().cpu().chunk(len(group.paths))
        b = trained[f"adapter.{group.name}.b"].detach().cpu().split(group.sizes)
        for path, a_rI, b_or in zip(group.paths, a, b, strict=True):
            found[_peft_name(path, "a")] = a_rI.clone()
            found[_peft_name(path, "b")] = b_or.clone()
    return found


def _peft_name(path: str, letter: str) -> str:
    return f"base_model.model.{path}.lora_{letter.upper()}.weight"


def _config(groups: Sequence[Group], meta: Meta) -> dict[str, Any]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": meta.base["name"],
        "r": meta.rank,
        "lora_alpha": meta.alpha,
        "lora_dropout": 0.0,
        "target_modules": [path for group in groups for path in group.paths],
        "bias": "none",
        "fan_in_fan_out": any(group.turned for group in groups),
        "inference_mode": True,
        "modules_to_save": None,
    }
