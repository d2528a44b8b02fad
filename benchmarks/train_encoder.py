"""Fine-tune MiniLM on Banking77 with our loop and with Hugging Face Trainer + PEFT: how fast?

    python -m benchmarks.train_encoder [--repeats 3] [--steps 40]

Each measurement is a process of its own on one thread; the ways take turns, so that all see the
same noise of the machine. Same rows, base, rank, batch size and head; everything else of the peer
is as it has it by default. Prints real tokens per processor second. What the frozen lower layers
make of the rows is worked out once, for all epochs and for the baseline on the frozen encoder that
every run has; the table has the pace without that and with its share in each step.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.train_classifier import ROOT, base, read, recipe
from finetune.worker.checkpoints import Checkpoints
from finetune.worker.journal import Journal
from finetune.worker.loop import Loop, Stop
from finetune.worker.machine import choose_device
from finetune.worker.rows import Split
from finetune.worker.spec import TrainSpec
from finetune.worker.tasks.classify.task import Classifier

LONGEST = 96
WARM_UP = 3
"""Steps that are not counted."""


def ours(steps: int, frozen: int, *, shared: bool = True) -> float:
    """Tokens per CPU second of our loop, with so many of the lower layers frozen.

    Args:
        shared: Whether a step carries its share of reading the lower layers.
    """
    rows = read("train.csv")
    labels = sorted({row["category"] for row in rows})
    split = Split(
        [row["text"] for row in rows], np.array([labels.index(row["category"]) for row in rows])
    )
    chosen = recipe(0, len(rows), {"frozen_layers": str(frozen), "max_length": str(LONGEST)})
    spec = TrainSpec(task="classify", base=base(), labels=labels, recipe=chosen)
    splits = {"train": split, "validation": split.sample(10, 0), "test": split.sample(10, 0)}
    task = Classifier(spec, splits, choose_device("cpu", 1))
    started = time.process_time()
    task.keep_below()
    share = (time.process_time() - started) * steps / (len(task.batches(0)) * chosen.epochs)
    folder = Path(tempfile.mkdtemp())
    nowhere = Checkpoints(folder, lambda *_: None, lambda _: {}, lambda _: None)
    loop = Loop(task, chosen, Journal(folder), nowhere, Stop())
    batches = task.batches(0)[: WARM_UP + steps]
    for batch in batches[:WARM_UP]:
        loop.train_step(batch)
    started = time.process_time()
    for batch in batches[WARM_UP:]:
        loop.train_step(batch)
    seconds = time.process_time() - started + (share if shared else 0)
    return sum(map(task.tokens, batches[WARM_UP:])) / seconds


def peer(steps: int) -> float:
    from benchmarks.train_peer import tokens_per_cpu_second

    return tokens_per_cpu_second(steps, WARM_UP, LONGEST)


WAYS: dict[str, tuple[str, Callable[[int], float]]] = {
    "ours": ("our loop, every layer learns", lambda steps: ours(steps, 0)),
    "frozen": (
        "our loop, lower 3 of 6 layers frozen and kept",
        lambda steps: ours(steps, 3, shared=False),
    ),
    "frozen-shared": (
        "the same, with each step's share of reading them once in 3 epochs",
        lambda steps: ours(steps, 3),
    ),
    "hf": ("HF Trainer + PEFT, defaults", peer),
}


def main() -> None:
    asked = arguments()
    if asked.measure:
        torch.set_num_threads(1)
        print(f"RESULT {WAYS[asked.measure][1](asked.steps)}")
        return
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(asked.repeats):
        for name, rates in found.items():
            rates.append(run(name, asked.steps))
            print(f"turn {turn}, {name}: {rates[-1]:.0f} (load {os.getloadavg()[0]:.1f})")
    print(table(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--measure", default="", help="measure one way in this process")
    return parser.parse_args()


def run(name: str, steps: int) -> float:
    """One way, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.train_encoder", "--measure", name]
    done = subprocess.run(
        [*command, "--steps", str(steps)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return float(line.removeprefix("RESULT "))
    raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")


def table(found: dict[str, list[float]]) -> str:
    middle: dict[str, Any] = {name: statistics.median(rates) for name, rates in found.items()}
    lines = ["| way | tokens/CPU s | spread | times the peer |", "|---|---|---|---|"]
    for name, rates in found.items():
        spread = f"{min(rates):.0f} to {max(rates):.0f}"
        times = f"{middle[name] / middle['hf']:.1f}x"
        lines.append(f"| {WAYS[name][0]} | {middle[name]:.0f} | {spread} | {times} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
