"""Causal bases of a few thousand random weights, one for each architecture, and rows for them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GptOssConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PhiConfig,
    PretrainedConfig,
    Qwen3Config,
    Qwen3MoeConfig,
)

from finetune.worker.causal.model import CausalModel
from finetune.worker.causal.packing import Packed, pack
from finetune.worker.causal.rows import ChatRows, Row
from finetune.worker.machine import Device
from finetune.worker.spec import Base, ChatRecipe, TrainSpec
from finetune.worker.tasks.chat.task import ChatTask

VOCABULARY = 101
CPU = Device("cpu", torch.float32)
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
GEMMA = SIZES | {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 9}
SHAPES: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**SIZES, attention_bias=True),
    "qwen3": Qwen3Config(**SIZES, head_dim=16),
    "gemma2": Gemma2Config(**GEMMA, attn_logit_softcapping=3.0, final_logit_softcapping=2.0),
    "gemma3": Gemma3TextConfig(**GEMMA),
    "phi": PhiConfig(**SIZES),
    "phi3": Phi3Config(**SIZES, pad_token_id=0, sliding_window=9),
    "mistral": MistralConfig(**SIZES, sliding_window=9),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=64, n_layer=2, n_head=4),
}
OTHERS: dict[str, PretrainedConfig] = {
    "bloom": BloomConfig(vocab_size=VOCABULARY, hidden_size=64, n_layer=2, n_head=4),
    "gpt_oss": GptOssConfig(**SIZES, head_dim=16, num_local_experts=4),
    "qwen3_moe": Qwen3MoeConfig(
        **SIZES, head_dim=16, moe_intermediate_size=32, num_experts=4, num_experts_per_tok=2
    ),
}


def causal_base(folder: Path, name: str) -> Base:
    """Write a random base of a shape; its weights are larger than usual, so that all matters."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config((SHAPES | OTHERS)[name])
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    model.save_pretrained(folder)
    return Base(name=f"tiny-{name}", path=str(folder))


def chat_recipe(**changed: Any) -> ChatRecipe:
    values: dict[str, Any] = {
        "epochs": 2,
        "rank": 4,
        "alpha": 8.0,
        "learning_rate": 1e-2,
        "batch_size": 8,
        "seed": 0,
        "max_length": 1024,
    }
    return ChatRecipe(**(values | changed))


def random_rows(lengths: tuple[int, ...], seed: int = 0) -> list[Row]:
    """Rows of so many tokens, about half of them trained and never none."""
    chance = np.random.default_rng(seed)
    rows = []
    for length in lengths:
        trained = chance.random(length) < 0.5
        trained[-1] = True
        rows.append(Row(chance.integers(0, VOCABULARY, length), trained))
    return rows


def moved_model(base: Base, **changed: Any) -> CausalModel:
    """The base with an adapter that does something."""
    model = CausalModel.load(base, CPU, chat_recipe(**changed))
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for group in model.groups:
            group.b_Or.copy_(torch.randn(group.b_Or.shape, generator=chance) * 0.05)
    return model


def chat_task(base: Base, rows: list[Row], **changed: Any) -> ChatTask:
    """A task that trains and validates on the same rows."""
    spec = TrainSpec(task="chat", base=base, recipe=chat_recipe(**changed))
    splits = {"train": ChatRows(rows), "validation": ChatRows(rows)}
    return ChatTask(spec, Hashes(), splits, CPU)


class Hashes:
    """What an adapter says of the tokenizer that it was made with."""

    template_sha256 = "t" * 64
    tokenizer_sha256 = "k" * 64


def packed(rows: list[Row]) -> Packed:
    return pack(rows, CPU)
