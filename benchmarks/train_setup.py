"""What `benchmarks/train.py` trains: a 55M Llama shape with random weights and real instructions.

The tokenizer is made from the rows themselves, so nothing is downloaded.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("THIMBLE_TEST_DATA", ROOT.parent / "shared" / "data"))
ROWS_FILE = DATA / "llamafactory_data" / "alpaca_en_demo.json"
VOCABULARY = 32_000
SPECIALS = ("<|pad|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPE = {
    "hidden_size": 512,
    "intermediate_size": 1344,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 2048,
}
"""55.6 million parameters with a vocabulary of 32,000 and an output layer of its own."""

Message = dict[str, Any]


def conversations(count: int, seed: int = 0) -> list[list[Message]]:
    """Some instructions with their answers, chosen by the seed."""
    rows = json.loads(ROWS_FILE.read_text(encoding="utf-8"))
    order = np.random.default_rng(seed).permutation(len(rows))[:count]
    return [_messages(rows[i]) for i in order]


def _messages(row: dict[str, str]) -> list[Message]:
    asked = "\n".join(part for part in (row["instruction"], row.get("input", "")) if part)
    return [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": row["output"]},
    ]


def make_base(folder: Path) -> Path:
    """Write tokenizer, template and random weights into the folder, unless they are there."""
    if (folder / "model.safetensors").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    pad, end, _, turn = SPECIALS
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": end,
        "eos_token": turn,
        "pad_token": pad,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 3}
    shape = LlamaConfig(vocab_size=VOCABULARY, tie_word_embeddings=False, **SHAPE, **ids)
    torch.manual_seed(0)
    LlamaForCausalLM(shape).save_pretrained(folder)
    return folder


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [message["content"] for row in conversations(10**9) for message in row]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
