"""The usual tools, Hugging Face Trainer and PEFT, on the rows of `train_encoder.py`."""

import tempfile
import time
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoModel, Trainer, TrainerCallback, TrainingArguments

from benchmarks.train_classifier import base, read

RANK, BATCH = 32, 32


class MeanPooled(nn.Module):  # type: ignore[misc]
    """A linear layer on the mean of the token vectors, as our own classifier has it."""

    def __init__(self, encoder: nn.Module, classes: int) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(384, classes)

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any) -> dict[str, Any]:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        logits = self.head((hidden * mask).sum(1) / mask.sum(1))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class Clock(TrainerCallback):  # type: ignore[misc]
    """Processor seconds of the steps after the warm-up."""

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.started = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ended = time.process_time()
        if state.global_step == self.warm_up:
            self.started = self.ended


class Collator:
    """Pads a batch, and remembers how many real tokens it had."""

    def __init__(self) -> None:
        self.tokens: list[int] = []

    def __call__(self, chosen: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        rows = [torch.tensor(example["ids"]) for example in chosen]
        self.tokens.append(sum(len(row) for row in rows))
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        labels = torch.tensor([example["label"] for example in chosen])
        return {"input_ids": padded, "attention_mask": (padded != 0).long(), "labels": labels}


def examples(longest: int) -> tuple[list[dict[str, Any]], int]:
    """The training rows as token ids and label numbers, and the number of labels."""
    rows = read("train.csv")
    labels = sorted({row["category"] for row in rows})
    tokenizer = Tokenizer.from_file(f"{base().path}/tokenizer.json")
    tokenizer.enable_truncation(longest)
    tokenizer.no_padding()
    found = [
        {"ids": tokenizer.encode(row["text"]).ids, "label": labels.index(row["category"])}
        for row in rows
    ]
    return found, len(labels)


def arguments(steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        max_steps=steps,
        learning_rate=1e-3,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=True,
    )


def tokens_per_cpu_second(steps: int, warm_up: int, longest: int) -> float:
    """The pace of real tokens in so many steps after the warm-up."""
    rows, classes = examples(longest)
    encoder = AutoModel.from_pretrained(base().path, add_pooling_layer=False)
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear")
    model = MeanPooled(get_peft_model(encoder, config), classes)
    collator, clock = Collator(), Clock(warm_up)
    Trainer(model, arguments(warm_up + steps), collator, rows, callbacks=[clock]).train()
    return sum(collator.tokens[warm_up : warm_up + steps]) / (clock.ended - clock.started)
