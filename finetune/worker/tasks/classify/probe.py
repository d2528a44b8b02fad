"""The kind `probe`: what the whole training would take, from a few true steps of it.

Every part is timed on real rows of the job: loading, steps, reading without training, baselines,
export. Sums over the real numbers of rows make the estimate.
"""

from pathlib import Path
from typing import Any

import numpy as np

from core import job
from core.job import write_json
from finetune.worker import baselines
from finetune.worker.export import MODEL_FILE, Exporter, empty_folder, run_onnx
from finetune.worker.families import read_base
from finetune.worker.journal import Journal
from finetune.worker.machine import Stopwatch, choose_device, peak_memory_bytes, versions
from finetune.worker.pace import MOST, START_S, estimate, timed_steps
from finetune.worker.rows import Ids, Split, read_splits
from finetune.worker.spec import SPLITS, ProbeSpec
from finetune.worker.tasks.classify.task import Classifier

READ_ROWS = 192
"""Rows read without training."""
BASELINE_ROWS = 1500


def run(folder: Path, spec: ProbeSpec, journal: Journal) -> None:
    """Measure, and write `result.json`."""
    watch = Stopwatch()
    journal.phase("loading")
    device = choose_device(spec.device, spec.threads)
    splits = read_splits(folder, spec.labels)
    rows = {name: spec.rows.get(name, len(splits[name])) for name in SPLITS}
    task = Classifier(spec, splits, device)
    load_s = watch.seconds
    journal.phase("training")
    below_s = _below_seconds(task, rows["train"])
    steps = timed_steps(task, task.recipe, folder, journal)
    journal.phase("evaluating")
    read_s = _read_seconds(task)
    journal.phase("baselines")
    fit_s = _baseline_seconds(task, splits, rows["train"])
    journal.phase("exporting")
    export_s, small_s = _export_seconds(task, spec, folder)
    measured: dict[str, Any] = {
        "seconds_per_step": steps.per_step,
        "seconds_per_token": steps.per_token,
        "load_seconds": load_s + below_s,
        "eval_seconds_per_row": read_s,
        "baseline_seconds": fit_s + read_s * (rows["train"] + rows["test"]) + export_s,
        "export_seconds": export_s + small_s * rows["test"],
        "peak_memory_bytes": peak_memory_bytes(),
        "tokens_per_row": _tokens_per_row(task),
        "steps_measured": len(steps.seconds),
    }
    result: dict[str, Any] = measured | {
        "rows": rows,
        "estimate": estimate(
            _seconds(measured, spec.recipe.epochs, rows),
            steps.spread,
            measured["peak_memory_bytes"],
        ),
    }
    result |= {"device": str(device), "versions": versions(), "seconds": watch.seconds}
    write_json(folder / job.RESULT_FILE, result)
    journal.phase("done")


def _below_seconds(task: Classifier, real_rows: int) -> float:
    """Seconds to work out what the layers without adapter make of all training rows."""
    batches = task.batches(0)
    measured = [max(batches, key=task.tokens), *batches[: MOST + 1]]
    chosen = {int(i) for batch in measured for i in batch}
    watch = Stopwatch()
    task.keep_below(chosen)
    return watch.seconds / len(chosen) * real_rows


def _read_seconds(task: Classifier) -> float:
    """Seconds to read one row without training."""
    rows = _some(task.ids["train"], READ_ROWS)
    watch = Stopwatch()
    task.features(rows)
    return watch.seconds / len(rows)


def _baseline_seconds(task: Classifier, splits: dict[str, Split], real_rows: int) -> float:
    """Seconds to fit the linear baselines on all rows; both grow with the number of rows."""
    part = {name: split.sample(BASELINE_ROWS, seed=0) for name, split in splits.items()}
    classes, train = len(task.labels), part["train"]
    # The probe's time depends on sizes, hardly on values: random vectors spare reading the rows.
    vectors = np.random.default_rng(0).normal(size=(len(train), task.encoder.shape.hidden))
    watch = Stopwatch()
    baselines.Tfidf().fit(part, classes)
    baselines.probe(vectors.astype(np.float32), train.truth, classes)
    return watch.seconds * real_rows / len(train)


def _export_seconds(task: Classifier, spec: ProbeSpec, folder: Path) -> tuple[float, float]:
    """Seconds of one export, and of one row through the exported model."""
    watch = Stopwatch()
    shape, weights = read_base(spec.base)
    head = tuple(tensor.detach().cpu().numpy() for tensor in (task.head.weight, task.head.bias))
    target = empty_folder(folder / "probe") / MODEL_FILE
    exporter = Exporter(shape, task.tokenizer, spec.recipe.max_length)
    exporter.classifier(target, weights, (head[0], head[1]), small=True)
    export_s = watch.seconds
    watch, rows = Stopwatch(), _some(task.ids["test"], 64)
    run_onnx(target, rows, spec.threads)
    return export_s, watch.seconds / len(rows)


def _some(rows: list[Ids], count: int) -> list[Ids]:
    """Rows of every length in their true shares."""
    chosen = np.random.default_rng(0).permutation(len(rows))[:count]
    return [rows[i] for i in chosen]


def _tokens_per_row(task: Classifier) -> float:
    return float(np.mean([len(row) for row in task.ids["train"]]))


def _seconds(measured: dict[str, Any], epochs: int, rows: dict[str, int]) -> float:
    """Of the whole run."""
    read_s = measured["eval_seconds_per_row"]
    tokens = rows["train"] * measured["tokens_per_row"] * epochs
    training = tokens * measured["seconds_per_token"] + read_s * rows["validation"] * epochs
    final = read_s * (rows["validation"] + rows["test"])
    around = START_S + measured["load_seconds"] + measured["baseline_seconds"]
    return float(around + training + final + measured["export_seconds"])
