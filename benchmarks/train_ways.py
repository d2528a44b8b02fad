"""The ways that `benchmarks/train.py` compares, each on the same rows with the same settings.

Every way trains some steps and says the processor seconds and the useful tokens (no padding) of
those after the warm-up.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.train_setup import Message
from core.chat.tokens import ChatTokenizer
from finetune.worker.causal.rows import ChatRows, Row
from finetune.worker.checkpoints import Checkpoints
from finetune.worker.journal import Journal
from finetune.worker.loop import Loop, Stop
from finetune.worker.machine import Device, save_memory
from finetune.worker.spec import Base, ChatRecipe, TrainSpec
from finetune.worker.tasks.chat.task import ChatTask

BATCH, RANK, ALPHA, RATE = 8, 16, 32, 2e-4
WARM_UP = 1
"""Steps that are not counted."""
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass
class Counted:
    """What the steps after the warm-up took."""

    tokens: list[int] = field(default_factory=list)
    """Useful tokens of every step, the warm-up included."""
    clocks: list[float] = field(default_factory=list)
    """Processor seconds at the end of every step."""
    losses: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        seconds = self.clocks[-1] - self.clocks[WARM_UP - 1]
        tokens = sum(self.tokens[WARM_UP : len(self.clocks)])
        return {
            "tokens": tokens,
            "cpu_seconds": seconds,
            "rate": tokens / seconds,
            "losses": [round(loss, 4) for loss in self.losses],
        }


def examples(folder: Path, rows: list[list[Message]]) -> list[Row]:
    """The rows as our tokenizer makes them: answers and the ends of turns are trained."""
    tokenizer = ChatTokenizer.load(folder)
    made = [tokenizer.row(messages) for messages in rows]
    return [Row(np.array(one.ids), np.array(one.trained)) for one in made]


def ours(folder: Path, rows: list[list[Message]], dtype: torch.dtype) -> Counted:
    """The worker's own loop and task, with the optimizer and the running average."""
    save_memory()
    recipe = ChatRecipe(
        epochs=1,
        rank=RANK,
        alpha=float(ALPHA),
        learning_rate=RATE,
        batch_size=BATCH,
        seed=0,
        max_length=2048,
    )
    spec = TrainSpec(task="chat", base=Base(name="llama-55m", path=str(folder)), recipe=recipe)
    splits = {"train": ChatRows(examples(folder, rows))}
    task = ChatTask(spec, ChatTokenizer.load(folder), splits, Device("cpu", dtype))
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place))
        checkpoints = Checkpoints(Path(place), task.write_adapter, task.read_adapter, journal.note)
        loop = Loop(task, recipe, journal, checkpoints, Stop())
        counted = Counted()
        for batch in task.batches(0):
            loop.train_step(batch)
            counted.clocks.append(time.process_time())
            counted.tokens.append(task.tokens(batch))
            counted.losses.append(loop.course.progress.loss_sum)
            loop.course.progress.loss_sum = 0.0
    return counted


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes the time at the end of every step."""

    def __init__(self, counted: Counted) -> None:
        self.counted = counted

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.counted.clocks.append(time.process_time())

    def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
        if "loss" in logs:
            self.counted.losses.append(float(logs["loss"]))


class Counting:
    """A collator that notes the useful tokens of every batch."""

    def __init__(self, collator: Callable[..., Any], counted: Counted) -> None:
        self.collator, self.counted = collator, counted

    def __call__(self, chosen: list[dict[str, Any]]) -> Any:
        self.counted.tokens.append(sum(len(one["input_ids"]) for one in chosen))
        return self.collator(chosen)


def _common(steps: int) -> dict[str, Any]:
    """What a measurement needs, and what all ways share. The rest is each tool's default."""
    return {
        "output_dir": tempfile.mkdtemp(),
        "per_device_train_batch_size": BATCH,
        "learning_rate": RATE,
        "max_steps": steps,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1,
        "use_cpu": True,
        "disable_tqdm": True,
    }


def _lora() -> LoraConfig:
    return LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=LINEAR, task_type="CAUSAL_LM")


def hf(folder: Path, rows: list[list[Message]], **changed: Any) -> Counted:
    """Hugging Face Trainer + PEFT, with their defaults."""
    counted = Counted()
    made = [
        {
            "input_ids": row.ids.tolist(),
            "attention_mask": [1] * len(row.ids),
            "labels": np.where(row.trained, row.ids, -100).tolist(),
        }
        for row in examples(folder, rows)
    ]
    torch.manual_seed(0)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), _lora())
    collator = Counting(DataCollatorForSeq2Seq(AutoTokenizer.from_pretrained(folder)), counted)
    arguments = TrainingArguments(**_common(len(rows) // BATCH), **changed)
    Trainer(model, arguments, collator, made, callbacks=[Clock(counted)]).train()
    return counted


def trl(folder: Path, rows: list[list[Message]], **changed: Any) -> Counted:
    """TRL's SFTTrainer with its defaults: bfloat16 and gradient checkpointing."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    counted = Counted()
    data = Dataset.from_list([{"prompt": row[:-1], "completion": row[-1:]} for row in rows])
    torch.manual_seed(0)
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder),
        args=SFTConfig(**_common(len(rows) // BATCH), **changed),
        train_dataset=data,
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=_lora(),
        callbacks=[Clock(counted)],
    )
    trainer.data_collator = Counting(trainer.data_collator, counted)
    trainer.train()
    return counted


WAYS: dict[str, tuple[str, Callable[[Path, list[list[Message]]], Counted]]] = {
    "ours-bf16": ("**ours, bfloat16**", lambda f, r: ours(f, r, torch.bfloat16)),
    "ours-fp32": ("ours, float32", lambda f, r: ours(f, r, torch.float32)),
    "hf": ("HF Trainer + PEFT, defaults (float32)", hf),
    "hf-bf16": ("HF Trainer + PEFT, bf16=True", lambda f, r: hf(f, r, bf16=True)),
    "trl": ("TRL SFTTrainer, defaults (bfloat16, checkpointing)", trl),
    "trl-fp32": ("TRL SFTTrainer, bf16=False", lambda f, r: trl(f, r, bf16=False)),
    "trl-fast": (
        "TRL SFTTrainer, bf16=False, no checkpointing",
        lambda f, r: trl(f, r, bf16=False, gradient_checkpointing=False),
    ),
}
"""Name to title and how it is measured."""
