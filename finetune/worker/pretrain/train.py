"""Kind `base`: the weights of a small base model, from nothing.

No checkpoints: it takes minutes, and an attempt that was cut off starts anew. The same job on the
same machine with as many threads gives the same bytes.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file

from core import job
from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused, ServiceFailed
from core.job import read_json, write_json
from finetune.worker.journal import Journal
from finetune.worker.machine import Stopwatch, choose_device, versions
from finetune.worker.pretrain import BASE, PAGES, WEIGHTS, model
from finetune.worker.pretrain.corpus import LENGTH, ROWS, PackedRow, batch, steps
from finetune.worker.pretrain.pages import sections
from finetune.worker.pretrain.start import first_weights
from finetune.worker.spec import BaseSpec

MATRIX_RATE, ELSE_RATE = 0.015, 0.003
"""Of Muon for the matrices of the layers, and of AdamW for embedding and norms."""
WARM_STEPS = 20
FALLING = 0.6
"""Share of the steps, at the end, over which the rates fall to 0."""
EVENTS = 50
"""Step events in a whole training."""


def run(folder: Path, spec: BaseSpec, journal: Journal) -> None:
    """Add the weights to the base's files in the job folder, then write `result.json`.

    Raises:
        RequestRefused: The job folder lacks the base's files or the pages.
        ServiceFailed: The loss is not a number (`nan_loss`).
    """
    watch = Stopwatch()
    journal.phase("reading")
    device = choose_device("cpu", spec.threads)
    rows = rows_of(folder, spec)
    training = Training(folder / BASE, rows, spec.seed, device.dtype)
    journal.phase("learning to chat")
    for step, loss in training.steps():
        tell(journal, training, step, loss, watch)
    target = folder / BASE / WEIGHTS
    training.save(target)
    write_json(
        folder / job.RESULT_FILE,
        {
            "folder": BASE,
            "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
            "loss": round(loss, 4),
            "steps": len(rows),
            "tokens": len(rows) * ROWS * LENGTH,
            "seconds": round(watch.seconds, 1),
            "cpu_seconds": round(watch.cpu_seconds, 1),
            "device": str(device),
            "versions": versions(),
        },
    )
    journal.phase("done")


def rows_of(folder: Path, spec: BaseSpec) -> list[list[PackedRow]]:
    pages = read_json(folder / PAGES)
    if pages is None:
        raise RequestRefused(f"The job folder has no {PAGES}.", code="bad_job")
    found = [part for page in pages for part in sections(page["language"], page["text"])]
    return steps(found, ChatTokenizer.load(folder / BASE), spec.tokens, spec.seed)


@dataclass
class Training:
    """All steps from the first weights on."""

    base: Path
    rows: list[list[PackedRow]]
    seed: int
    dtype: torch.dtype
    """Of the matrix products; the weights themselves are float32."""
    weights: dict[str, torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.shape = read_json(self.base / "config.json")
        self.weights = first_weights(self.shape, self.seed)

    def steps(self) -> Iterator[tuple[int, float]]:
        """Take every step; yields its number from 1 and its loss."""
        optimizers = self.optimizers()
        for step, rows in enumerate(self.rows, start=1):
            share = rate_share(step, len(self.rows))
            seen = {name: tensor.to(self.dtype) for name, tensor in self.weights.items()}
            loss = model.loss(seen, self.shape, batch(rows, self.dtype))
            loss.backward()
            for optimizer, rate in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate * share
                optimizer.step()
                optimizer.zero_grad()
            yield step, finite(float(loss.detach()), step)

    def optimizers(self) -> list[tuple[torch.optim.Optimizer, float]]:
        """Muon learns matrices in fewer steps than AdamW, which is for all else."""
        matrices = [tensor for name, tensor in self.weights.items() if is_matrix(name)]
        others = [tensor for name, tensor in self.weights.items() if not is_matrix(name)]
        muon = torch.optim.Muon(matrices, lr=MATRIX_RATE, weight_decay=0.0)
        adam = torch.optim.AdamW(others, lr=ELSE_RATE, betas=(0.9, 0.95), weight_decay=0.0)
        return [(muon, MATRIX_RATE), (adam, ELSE_RATE)]

    def save(self, target: Path) -> None:
        tensors = {name: tensor.detach().contiguous() for name, tensor in self.weights.items()}
        save_file(tensors, target, metadata={"format": "pt"})


def is_matrix(name: str) -> bool:
    return "_proj" in name


def rate_share(step: int, steps: int) -> float:
    """Share of the full rate: up, level, and down to nearly 0."""
    return min(1.0, step / WARM_STEPS, (steps - step + 1) / (steps * FALLING))


def finite(loss: float, step: int) -> float:
    if loss != loss or loss == float("inf"):
        raise ServiceFailed(
            f"The loss became {loss} at step {step}; no base was made.",
            code="nan_loss",
            fix="Try again; if it happens again, report it with this machine's processor.",
        )
    return loss


def tell(journal: Journal, training: Training, step: int, loss: float, watch: Stopwatch) -> None:
    """A step event, about EVENTS times in all."""
    total = len(training.rows)
    if step % max(1, total // EVENTS) and step != total:
        return
    speed = step / watch.seconds
    journal.write(
        "step",
        step=step,
        total_steps=total,
        loss=loss,
        tokens_per_s=round(speed * ROWS * LENGTH, 1),
        eta_s=round((total - step) / speed, 1),
    )
