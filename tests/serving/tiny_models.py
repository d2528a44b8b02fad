"""Tiny random causal models of every family, with a tokenizer and a template, and PEFT adapters."""

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM

from core.chat.tokens import ChatTokenizer

SPECIALS = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] }}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SMALL = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 2,
}
MIXED_LAYERS = ["sliding_attention", "full_attention", "sliding_attention"]
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 9},
    "qwen2": {},
    "qwen3": {"head_dim": 16},
    "gemma": {"head_dim": 16},
    "gemma2": {
        "head_dim": 16,
        "sliding_window": 9,
        "layer_types": MIXED_LAYERS,
        "attn_logit_softcapping": 5.0,
        "final_logit_softcapping": 10.0,
    },
    "gemma3_text": {"head_dim": 16, "sliding_window": 9, "layer_types": MIXED_LAYERS},
    "phi": {"num_key_value_heads": 4},
    "phi3": {"sliding_window": None},
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 256, "n_inner": 48},
}


def write_base(folder: Path, family: str = "llama", seed: int = 0, **changes: Any) -> Path:
    """A model folder as an operator would register it."""
    torch.manual_seed(seed)
    about = SMALL | FAMILIES[family] | changes
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **about))
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate([*SPECIALS, *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIALS])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": "<|im_end|>", "pad_token": "<|pad|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_adapter(
    folder: Path, base: Path, seed: int = 1, rank: int = 4, base_sha256: str = "of the base"
) -> Path:
    """A random adapter on all linear layers, saved by PEFT, with the description that we add."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base)
    settings = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        init_lora_weights=False,
        fan_in_fan_out=model.config.model_type == "gpt2",
    )
    get_peft_model(model, settings).save_pretrained(folder)
    tokens = ChatTokenizer.load(base)
    meta = {
        "format": 1,
        "task": "chat",
        "base": {"name": "tiny", "sha256": base_sha256},
        "template_sha256": tokens.template_sha256,
        "tokenizer_sha256": tokens.tokenizer_sha256,
        "max_length": 256,
        "rank": rank,
        "alpha": 2 * rank,
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]
