"""Folders of causal models that are small enough to be written by hand."""

import json
import struct
from pathlib import Path
from typing import Any

from core.chat.tokens import ChatTokenizer
from tests.core.chat.chat_bases import save_chat_files

SHAPE: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "max_position_embeddings": 2048,
}


def causal_folder(folder: Path, kind: str, shards: int = 1, **config: Any) -> Path:
    """A base with the tokenizer and template of a kind, or with those that lie there already.

    Its weights have the right form and no sense.
    """
    if kind:
        save_chat_files(folder, kind)
    vocabulary = {"vocab_size": ChatTokenizer.load(folder).vocabulary}
    (folder / "config.json").write_text(json.dumps(SHAPE | vocabulary | config))
    tensors = [f"layer.{number}" for number in range(shards)]
    if shards == 1:
        write_weights(folder / "model.safetensors", tensors)
        return folder
    names = {name: f"model-{n}-of-{shards}.safetensors" for n, name in enumerate(tensors, 1)}
    for name, file in names.items():
        write_weights(folder / file, [name])
    index = {"metadata": {"total_size": 8 * shards}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_weights(path: Path, tensors: list[str], dtype: str = "F32") -> None:
    header = {
        name: {"dtype": dtype, "shape": [2], "data_offsets": [8 * n, 8 * n + 8]}
        for n, name in enumerate(tensors)
    }
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * 8 * len(tensors))
