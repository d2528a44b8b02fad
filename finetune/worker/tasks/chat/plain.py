"""The plain way to compute a chat training: PEFT's layers in the model as transformers has it.

It is slower than ours, holds all scores, pads its rows, and fits every causal model that
transformers and PEFT know. `trainer` takes its steps.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from core.chat.tokens import ChatTokenizer
from core.job import write_json
from finetune.worker.causal.adapter import META_FILE, WEIGHTS_FILE, Meta
from finetune.worker.causal.model import load_plain
from finetune.worker.causal.rows import ChatRows, Row
from finetune.worker.checkpoints import Tensors
from finetune.worker.machine import Device
from finetune.worker.rows import Ids, parts
from finetune.worker.spec import Base, ChatRecipe, ProbeSpec, TrainSpec
from finetune.worker.tasks.chat.steps import Chats, Floats
from finetune.worker.tasks.chat.task import PART_TOKENS

SCORES = 2**27
"""Scores held at once: this way keeps one for every token of the vocabulary at every position."""
LETTERS = {".lora_A.default.weight": ".a", ".lora_B.default.weight": ".b"}
"""Ends of PEFT's names for a live tensor, and of ours."""


class PlainTask(Chats):
    """The task `chat` by way of PEFT."""

    def __init__(
        self,
        spec: TrainSpec | ProbeSpec,
        tokenizer: ChatTokenizer,
        splits: dict[str, ChatRows],
        device: Device,
    ) -> None:
        assert isinstance(spec.recipe, ChatRecipe), "job.json is read by its task"
        self.recipe: ChatRecipe = spec.recipe
        self.base, self.tokenizer = spec.base, tokenizer
        self.splits, self.device = splits, device
        plain = load_plain(spec.base, device.dtype).to(device.kind)
        # PEFT draws the first weights from the global generator.
        torch.manual_seed(spec.recipe.seed)
        with _quiet():
            self.model = get_peft_model(plain, _config(plain, spec.recipe)).eval()
        self.part_tokens = fitting_tokens(plain, device)

    def trained(self) -> Tensors:
        return {
            f"adapter.{name.removesuffix(end)}{letter}": value
            for name, value in self.model.named_parameters()
            for end, letter in LETTERS.items()
            if name.endswith(end)
        }

    def parts(self, batch: Ids) -> list[slice]:
        return parts([len(self.splits["train"].rows[i].ids) for i in batch], self.part_tokens)

    def loss(self, batch: Ids, part: slice, step: int) -> torch.Tensor:
        rows = [self.splits["train"].rows[i] for i in batch[part]]
        # Each trained token of the batch counts the same, in whichever part and row it stands.
        return torch.cat(self._costs(rows)).sum() / self.trained_tokens(batch)

    def nll(self, split: str, *, tuned: bool = True) -> tuple[Floats, Ids]:
        rows = self.splits[split].rows
        if tuned:
            return row_costs(self._costs, rows, self.part_tokens)
        with self.untuned():
            return row_costs(self._costs, rows, self.part_tokens)

    def _costs(self, rows: list[Row]) -> list[torch.Tensor]:
        return costs(self.model, rows, self.device)

    @contextmanager
    def untuned(self) -> Iterator[None]:
        """Inside, the task is the base model without its adapter."""
        with self.model.disable_adapter():
            yield

    def write_adapter(self, folder: Path, trained: Tensors | None = None) -> None:
        """Write trained tensors, by default those of the task as it is, as a standard PEFT
        adapter with `meta.json`."""
        tensors = self.trained() if trained is None else trained
        folder.mkdir(parents=True, exist_ok=True)
        save_file(_to_peft(tensors), folder / WEIGHTS_FILE)
        config = self.model.peft_config["default"]
        config.base_model_name_or_path, config.inference_mode = self.base.name, True
        config.save_pretrained(folder)
        meta = Meta.of(self.base, self.tokenizer, self.recipe)
        write_json(folder / META_FILE, asdict(meta))

    def read_adapter(self, folder: Path) -> Tensors:
        """The trained tensors that `write_adapter` wrote, bit for bit."""
        return _from_peft(load_file(folder / WEIGHTS_FILE))


def asked_scores(
    model: Any, rows: list[Row], device: Device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """For each row [L, V] what a padded forward pass gives every token at the L trained places,
    float32, and [L] the tokens that are wanted there."""
    longest = max(len(row.ids) for row in rows)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)], mask[number, : len(row.ids)] = row.ids, 1
    sent = [torch.from_numpy(values).to(device.kind) for values in (ids, mask)]
    logits = model(input_ids=sent[0], attention_mask=sent[1], use_cache=False).logits
    for number, row in enumerate(rows):
        asked = torch.from_numpy(row.asked()).to(device.kind)
        yield logits[number, asked].float(), sent[0][number, asked + 1]


def costs(model: Any, rows: list[Row], device: Device) -> list[torch.Tensor]:
    """For each row -log p of every trained token."""
    return [
        F.cross_entropy(scores, wanted, reduction="none")
        for scores, wanted in asked_scores(model, rows, device)
    ]


def row_costs(read: Any, rows: list[Row], tokens: int) -> tuple[Floats, Ids]:
    """[rows] sums and counts of what `read` says of each trained token, without gradients."""
    sums, counts = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    order = np.argsort([len(row.ids) for row in rows], kind="stable")
    with torch.no_grad():
        for part in parts([len(rows[i].ids) for i in order], tokens):
            chosen = order[part]
            for i, found in zip(chosen, read([rows[i] for i in chosen]), strict=True):
                sums[i], counts[i] = float(found.double().sum()), len(found)
    return sums, counts


class Exported:
    """The adapter in a folder, loaded as anybody would load it: by PEFT, into the model as
    transformers has it."""

    def __init__(self, base: Base, folder: Path, device: Device) -> None:
        self.device = device
        plain = load_plain(base, device.dtype).to(device.kind)
        self._tokens = fitting_tokens(plain, device)
        with _quiet():
            self._model = PeftModel.from_pretrained(plain, str(folder)).eval()

    def nll(self, rows: list[Row]) -> Floats:
        """[rows] the sum of -log p over a row's trained tokens."""
        sums, _ = row_costs(lambda some: costs(self._model, some, self.device), rows, self._tokens)
        return sums

    def regret(self, rows: list[Row]) -> float:
        """By how much the likeliest token is likelier than the trained one, in nats a token. Of
        what the model itself said, always taking the likeliest, it is nearly nothing."""
        found = []
        with torch.no_grad():
            for row in rows:
                for scores, said in asked_scores(self._model, [row], self.device):
                    found.append(scores.max(1).values - scores.gather(1, said[:, None])[:, 0])
        return float(torch.cat(found).mean())


def fitting_tokens(model: Any, device: Device) -> int:
    """Padded tokens that are read at once."""
    return min(PART_TOKENS[device.kind], max(1, SCORES // int(model.config.vocab_size)))


@contextmanager
def _quiet() -> Iterator[None]:
    """PEFT asks transformers by a name that is to go in its next version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _config(model: torch.nn.Module, recipe: ChatRecipe) -> LoraConfig:
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=0.0,
        target_modules=recipe.target_modules,
        task_type="CAUSAL_LM",
        bias="none",
        # GPT-2's layers store their weights the other way round.
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )


def _to_peft(tensors: Tensors) -> Tensors:
    return {
        f"{name[len('adapter.') : -2]}.lora_{name[-1].upper()}.weight": value.detach()
        .cpu()
        .contiguous()
        .clone()
        for name, value in tensors.items()
    }


def _from_peft(stored: Tensors) -> Tensors:
    found = {}
    for name, value in stored.items():
        path, _, letter = name.removesuffix(".weight").rpartition(".lora_")
        found[f"adapter.{path}.{letter.lower()}"] = value
    return found
