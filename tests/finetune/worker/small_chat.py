"""A causal base of some thousand random weights with a tokenizer and template of its own, and
conversations to tune it on: real files, tiny."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from core.chat.tokens import ChatTokenizer
from finetune.worker.causal.rows import read_chats
from finetune.worker.machine import Device
from finetune.worker.spec import Base, ChatRecipe, TrainSpec, to_json
from finetune.worker.tasks.chat.plain import PlainTask
from finetune.worker.tasks.chat.task import ChatTask
from finetune.worker.tasks.chat.ways import Way, make_task

START, END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
EXACT = Device("cpu", torch.float32)
ANIMALS = ["cat", "dog", "bird", "fish", "horse", "mouse"]
SAYS = ["meow", "woof", "tweet", "blub", "neigh", "squeak"]


def tiny_causal(folder: Path, family: str = "llama") -> Base:
    """Write a random causal base into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"eos_token": END, "pad_token": PAD, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    torch.manual_seed(0)
    _model(family, tokenizer).save_pretrained(folder)
    return Base(name=f"tiny-{family}", path=str(folder))


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [
        f"What does the {a} say? The {a} says {s}." for a, s in zip(ANIMALS, SAYS, strict=True)
    ]
    tokenizer.train_from_iterator([*texts, "user assistant system"] * 5, trainer)
    return tokenizer


def _model(family: str, tokenizer: Tokenizer) -> Any:
    ends = {
        "bos_token_id": None,
        "eos_token_id": tokenizer.token_to_id(END),
        "pad_token_id": tokenizer.token_to_id(PAD),
    }
    size = tokenizer.get_vocab_size()
    if family == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=size, n_positions=128, n_embd=32, n_layer=2, n_head=2, **ends)
        )
    if family == "bloom":
        # Its attention adds its own bias and is asked for by no name: only the plain way fits.
        return BloomForCausalLM(
            BloomConfig(vocab_size=size, hidden_size=32, n_layer=2, n_head=2, **ends)
        )
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            initializer_range=0.2,
            **ends,
        )
    )


def animal_rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """What animals say; the same questions in many wordings."""
    rows = []
    for number in range(start, start + count):
        animal, says = ANIMALS[number % 6], SAYS[number % 6]
        ask = ["What does the {} say?", "The {} says", "{}?"][number // 6 % 3].format(animal)
        messages = [{"role": "user", "content": ask}, {"role": "assistant", "content": says}]
        rows.append({"row": number, "messages": messages, "tools": None})
    return rows


def animals() -> dict[str, list[dict[str, Any]]]:
    return {
        "train": animal_rows(96),
        "validation": animal_rows(18, 96),
        "test": animal_rows(36, 120),
    }


def chat_recipe(**changed: Any) -> ChatRecipe:
    values: dict[str, Any] = {
        "epochs": 2,
        "rank": 4,
        "alpha": 4.0,
        "learning_rate": 1e-2,
        "batch_size": 8,
        "seed": 0,
        "max_length": 64,
    }
    return ChatRecipe(**(values | changed))


def write_chat_job(
    folder: Path, base: Base, rows: dict[str, list[dict[str, Any]]], **changed: Any
) -> Path:
    """A job folder of kind `train` for the rows of each split."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in rows.items():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in split]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    spec = TrainSpec(task="chat", base=base, recipe=chat_recipe(**changed))
    (folder / "job.json").write_text(json.dumps(to_json(spec)))
    return folder


def chat_task(folder: Path, family: str = "llama", loop: str = "plain") -> ChatTask | PlainTask:
    """The task on the animals, exact to float32."""
    base = tiny_causal(folder / "base", family)
    write_chat_job(folder / "job", base, animals())
    spec = TrainSpec(task="chat", base=base, recipe=chat_recipe(rank=3, alpha=6.0))
    tokenizer = ChatTokenizer.load(base.path)
    splits = read_chats(folder / "job", tokenizer, 64)
    return make_task(Way(loop, "for the test"), spec, tokenizer, splits, EXACT)
