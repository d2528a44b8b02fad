"""What `generate.py` compares: a random model with adapters, and the usual ways to generate."""

import json
import random
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    ContinuousBatchingConfig,
    GenerationConfig,
    LlamaConfig,
)

from core.chat.tokens import ChatTokenizer

LENGTHS = (8, 24, 64, 8, 96, 24, 64, 8, 24, 96, 64, 24)
VOCABULARY = 16_000
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "max_position_embeddings": 2048,
    "initializer_range": 0.05,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
RANK, ADAPTERS = 16, 16
TEMPLATE = (
    "{% for message in messages %}<|im_start|> {{ message['content'] }} <|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>{% endif %}"
)


def prompts(numbers: random.Random, lengths: Any) -> list[list[int]]:
    """Random tokens; no end of turn is among them, nor ever likely."""
    return [[numbers.randrange(10, 9000) for _ in range(length)] for length in lengths]


def write_everything(folder: Path) -> tuple[Path, dict[str, Path]]:
    """A base, and adapters by name."""
    base = folder / "base"
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SHAPE))
    model.save_pretrained(base)
    write_tokenizer(base)
    names = [f"a{number}" for number in range(ADAPTERS)]
    settings = LoraConfig(r=RANK, target_modules="all-linear", init_lora_weights=False)
    tuned = get_peft_model(model, settings, adapter_name=names[0])
    for name in names[1:]:
        tuned.add_adapter(name, settings)
    tuned.save_pretrained(folder)
    return base, {name: described(folder / name, base) for name in names}


def write_tokenizer(folder: Path) -> None:
    """Words are numbers, and a number is its token."""
    names = {"<|pad|>": 0, "<|im_start|>": 1, "<|im_end|>": 2}
    vocabulary = names | {str(number): number for number in range(3, VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|pad|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(names))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": "<|im_end|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def described(folder: Path, base: Path) -> Path:
    """An adapter of PEFT's with the description that our engine asks for."""
    tokens = ChatTokenizer.load(base)
    meta = {
        "format": 1,
        "task": "chat",
        "template_sha256": tokens.template_sha256,
        "tokenizer_sha256": tokens.tokenizer_sha256,
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


class Peer:
    """transformers and PEFT, on the same weights."""

    def __init__(self, folder: Path, dtype: torch.dtype, tokens: int) -> None:
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self.settings = GenerationConfig(
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
            eos_token_id=-1,
            pad_token_id=0,
        )

    def add(self, adapters: dict[str, Path]) -> None:
        for name, path in adapters.items():
            if isinstance(self.model, PeftModel):
                self.model.load_adapter(path, adapter_name=name)
            else:
                self.model = PeftModel.from_pretrained(self.model, path, adapter_name=name).eval()

    def alone(self, ids: list[int]) -> list[int]:
        return self.padded([ids])[0]

    def padded(self, rows: list[list[int]], **more: Any) -> list[list[int]]:
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        with torch.inference_mode():
            found = self.model.generate(
                input_ids=ids, attention_mask=mask, generation_config=self.settings, **more
            )
        answers: list[list[int]] = found[:, longest:].tolist()
        return answers

    def continuous(self, rows: list[list[int]]) -> list[list[int]]:
        settings = ContinuousBatchingConfig(block_size=32, num_blocks=128, max_batch_tokens=256)
        found = self.model.generate_batch(
            inputs=rows,
            generation_config=self.settings,
            continuous_batching_config=settings,
            progress_bar=False,
        )
        return [one.generated_tokens for one in found.values()]

    def mixed(self, rows: list[list[int]], names: list[str]) -> list[list[int]]:
        return self.padded(rows, adapter_names=names)

    def in_turn(self, rows: list[list[int]], names: list[str]) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for name in dict.fromkeys(names):
            self.model.set_adapter(name)
            numbers = [row for row, own in enumerate(names) if own == name]
            answers = self.padded([rows[row] for row in numbers])
            found |= dict(zip(numbers, answers, strict=True))
        return [found[row] for row in range(len(rows))]

    def untuned(self, rows: list[list[int]]) -> list[list[int]]:
        with self.model.disable_adapter():
            return self.padded(rows)
