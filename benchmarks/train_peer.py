"""The same tuning with the usual tools, Hugging Face Trainer and PEFT, for some steps: how fast?

    python benchmarks/train_peer.py [--steps 40]

One thread, the same rows, base, rank, batch size and head as `train_classifier.py`; everything
else as those tools have it by default. Prints real tokens per processor second.
"""

import argparse
import tempfile
import time
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from torch import nn
from train_classifier import base, read
from transformers import AutoModel, Trainer, TrainerCallback, TrainingArguments

RANK, BATCH = 32, 32
WARM_UP = 3
"""Steps that are not counted."""


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

    def __init__(self) -> None:
        self.started = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ended = time.process_time()
        if state.global_step == WARM_UP:
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


def examples() -> tuple[list[dict[str, Any]], int]:
    """The training rows as token ids and label numbers, and the number of labels."""
    rows = read("train.csv")
    labels = sorted({row["category"] for row in rows})
    tokenizer = Tokenizer.from_file(f"{base().path}/tokenizer.json")
    tokenizer.enable_truncation(96)
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    rows, classes = examples()
    encoder = AutoModel.from_pretrained(base().path, add_pooling_layer=False)
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear")
    model = MeanPooled(get_peft_model(encoder, config), classes)
    collator, clock = Collator(), Clock()
    Trainer(model, arguments(steps), collator, rows, callbacks=[clock]).train()
    counted = sum(collator.tokens[WARM_UP:steps])
    print(f"Trainer + PEFT: {counted / (clock.ended - clock.started):.0f} tokens per CPU second")


if __name__ == "__main__":
    main()
