"""How `tiny-chat` gets its weights: a brief pre-training on the help pages, planted facts and a few
plain skills (copying, picking, following a pattern). Kind `base` of the worker.

Nothing is imported here but the standard library: the process that writes the job reads the texts
too, to make the tokenizer.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BASE = "base"
"""Folder in the job folder: the base's files, to which the weights are added."""
PAGES = "pages.json"
"""In the job folder: the pages to learn, a list of {"language", "text"}."""
WEIGHTS = "model.safetensors"
FOLDER = Path(__file__).parent
FACTS = FOLDER / "facts.md"
WORDS = FOLDER / "words.json"
WORDS_WEIGHT = 8
"""So often stands each word in the texts: enough to become one token or two."""


def plain_texts() -> Iterator[str]:
    """The committed texts that the model learns from."""
    yield FACTS.read_text("utf-8")
    for words in json.loads(WORDS.read_text("utf-8")).values():
        yield " ".join(words * WORDS_WEIGHT)


def tensor_sizes(shape: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Name to shape of every stored tensor; the output layer is the embedding."""
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    heads, shared = shape["num_attention_heads"], shape["num_key_value_heads"]
    queries, keys = heads * shape["head_dim"], shared * shape["head_dim"]
    layer = {
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
        "self_attn.q_proj": (queries, width),
        "self_attn.k_proj": (keys, width),
        "self_attn.v_proj": (keys, width),
        "self_attn.o_proj": (width, queries),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }
    sizes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (shape["vocab_size"], width),
        "model.norm.weight": (width,),
    }
    for number in range(shape["num_hidden_layers"]):
        sizes |= {f"model.layers.{number}.{name}.weight": size for name, size in layer.items()}
    return sizes
