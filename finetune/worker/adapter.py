"""The trained tensors as a standard PEFT adapter, written and read without importing peft.

`adapter_config.json` and `adapter_model.safetensors` are what `PeftModel.from_pretrained` expects
for the base model; `head.safetensors` holds the classifier on the mean of the token vectors.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from core.job import write_json
from finetune.worker.encoder import FUSED
from finetune.worker.families import Shape
from finetune.worker.spec import Base, ClassifyRecipe

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
HEAD_FILE = "head.safetensors"

Tensors = dict[str, torch.Tensor]


def write_adapter(
    folder: Path, trained: Tensors, shape: Shape, base: Base, recipe: ClassifyRecipe
) -> None:
    """Write the adapter of the trained tensors, named as a task names them, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(to_peft(trained, shape), folder / WEIGHTS_FILE)
    head = {name: value for name, value in trained.items() if name.startswith("head.")}
    save_file(_plain({name.removeprefix("head."): head[name] for name in head}), folder / HEAD_FILE)
    write_json(folder / CONFIG_FILE, _config(shape, base, recipe))


def read_adapter(folder: Path, shape: Shape) -> Tensors:
    """The trained tensors that `write_adapter` wrote, bit for bit."""
    head = load_file(folder / HEAD_FILE)
    adapter = from_peft(load_file(folder / WEIGHTS_FILE), shape)
    return adapter | {f"head.{name}": value for name, value in head.items()}


def to_peft(trained: Tensors, shape: Shape) -> Tensors:
    """Ours to PEFT's names; a fused layer becomes the standard adapters that stand in it."""
    found: Tensors = {}
    for name, value in trained.items():
        if not name.startswith("adapter."):
            continue
        layer, fused, letter = name.removeprefix("adapter.").split(".")
        for part, block in zip(FUSED[fused], value.chunk(len(FUSED[fused])), strict=True):
            found[_peft_name(shape, int(layer), part, letter)] = block
    return _plain(found)


def from_peft(stored: Tensors, shape: Shape) -> Tensors:
    """PEFT's names to ours."""
    return {
        f"adapter.{i}.{fused}.{letter}": torch.cat(
            [stored[_peft_name(shape, i, part, letter)] for part in parts]
        )
        for i in range(shape.layers)
        for fused, parts in FUSED.items()
        for letter in "ab"
        if _peft_name(shape, i, parts[0], letter) in stored
    }


def _peft_name(shape: Shape, layer: int, part: str, letter: str) -> str:
    return f"base_model.model.{shape.linear_path(layer, part)}.lora_{letter.upper()}.weight"


def _plain(tensors: Tensors) -> Tensors:
    """On the CPU, one after another in memory, as safetensors wants them."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _config(shape: Shape, base: Base, recipe: ClassifyRecipe) -> dict[str, object]:
    parts = "|".join(path.replace(".", r"\.") for path in sorted(shape.family.linears.values()))
    numbers = "|".join(str(i) for i in range(recipe.frozen_layers, shape.layers))
    layers = shape.family.layer.replace(".", r"\.").replace("{i}", f"({numbers})")
    return {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": base.name,
        "r": recipe.rank,
        "lora_alpha": recipe.alpha,
        "lora_dropout": 0.0,
        # A pattern, because plain endings would also match the pooler, which is not tuned.
        "target_modules": rf"(.*\.)?{layers}\.({parts})",
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "modules_to_save": None,
    }
