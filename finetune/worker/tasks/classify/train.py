"""The kind `train`: baselines, tuning, evaluation, export, and `result.json` last of all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from core import job
from core.job import write_json
from finetune.worker import baselines, evaluate
from finetune.worker.adapter import read_adapter, write_adapter
from finetune.worker.baselines import Linear
from finetune.worker.course import Progress
from finetune.worker.export import (
    MODEL_FILE,
    Exporter,
    check_same,
    empty_folder,
    merge,
    run_onnx,
)
from finetune.worker.families import read_base
from finetune.worker.journal import Journal
from finetune.worker.loop import Stop
from finetune.worker.machine import (
    Device,
    Stopwatch,
    choose_device,
    give_memory_back,
    peak_memory_bytes,
)
from finetune.worker.rows import Ids, Split, read_splits
from finetune.worker.spec import TrainSpec
from finetune.worker.stages import ADAPTER, figures, once, totals, tune
from finetune.worker.tasks.classify.task import Classifier, Floats

BASELINES = "baselines"
EXPORT = "onnx"
FLOAT_FILE = "float.onnx"
"""Only there while the int8 model is compared with it."""


@dataclass(frozen=True)
class Baseline:
    """One alternative and what it said about the test rows."""

    name: str
    title: str
    predicted: list[int]
    seconds: float
    folder: str | None = None
    """Where a deployable model of it lies, relative to the job folder."""
    engine: str | None = None


class Training:
    """One run in one job folder. Every stage finds what an earlier attempt finished."""

    def __init__(self, folder: Path, spec: TrainSpec, journal: Journal, stop: Stop) -> None:
        self.folder, self.spec, self.journal, self.stop = folder, spec, journal, stop
        self.watch = Stopwatch()
        journal.phase("loading")
        self.device: Device = choose_device(spec.device, spec.threads)
        self.splits: dict[str, Split] = read_splits(folder, spec.labels)
        self.task = Classifier(spec, self.splits, self.device)

    @property
    def truth(self) -> Ids:
        return self.splits["test"].truth

    def run(self) -> None:
        """Do all of it and write `result.json`."""
        self.task.keep_below()
        self.journal.phase("baselines")
        found = self._baselines()
        self.journal.phase("training")
        progress = self._train()
        self.journal.phase("evaluating")
        logits = {name: self.task.logits(name) for name in ("validation", "test")}
        result = self._result(found, progress, {k: v.argmax(1) for k, v in logits.items()})
        self.journal.phase("exporting")
        give_memory_back()
        result["export"] = self._export(logits["test"])
        result["training"]["peak_memory_bytes"] = peak_memory_bytes()
        result |= totals(self.watch, self.device)
        write_json(self.folder / job.RESULT_FILE, result)
        self.journal.phase("done")

    # --- baselines ---

    def _baselines(self) -> list[Baseline]:
        stored = once(
            self.folder / BASELINES / "done.json",
            lambda: [vars(made()) for made in (self._majority, self._tfidf, self._frozen)],
        )
        found = [Baseline(**entry) for entry in stored]
        weights = load_file(self.folder / BASELINES / "frozen" / "probe.safetensors")
        self.task.start_head(weights["weight"], weights["bias"])
        return found

    def _majority(self) -> Baseline:
        said = baselines.majority(self.splits, len(self.spec.labels))
        return self._told(Baseline("majority", "Always the most frequent label", said.tolist(), 0))

    def _tfidf(self) -> Baseline:
        watch = Stopwatch()
        model = baselines.Tfidf().fit(self.splits, len(self.spec.labels))
        said = model.logits(self.splits["test"].texts).argmax(1).tolist()
        folder = f"{BASELINES}/tfidf"
        model.save(self.folder / folder, self.spec.labels)
        title = "TF-IDF of words and characters + linear"
        return self._told(Baseline("tfidf", title, said, watch.seconds, folder, "linear"))

    def _frozen(self) -> Baseline:
        """Linear on the untouched encoder; also the start of the tuned head."""
        watch, folder = Stopwatch(), f"{BASELINES}/frozen"
        features = self.task.features(self.task.ids["train"], self.task.below)
        linear = baselines.probe(features, self.splits["train"].truth, len(self.spec.labels))
        said = linear.logits(self.task.features(self.task.ids["test"])).argmax(1).tolist()
        self._export_frozen(self.folder / folder, linear)
        title = f"Linear on frozen {self.spec.base.name}"
        return self._told(Baseline("frozen", title, said, watch.seconds, folder, "onnx"))

    def _export_frozen(self, folder: Path, linear: Linear) -> None:
        head = (linear.weight_CF, linear.bias_C)
        _, weights = read_base(self.spec.base)
        self._exporter().classifier(empty_folder(folder) / MODEL_FILE, weights, head, small=True)
        self._exporter().describe(folder, self._meta())
        save_file({"weight": head[0], "bias": head[1]}, folder / "probe.safetensors")

    def _told(self, baseline: Baseline) -> Baseline:
        score = self._score(baseline)
        self.journal.write("baseline", name=baseline.name, title=baseline.title, **score)
        return baseline

    def _score(self, baseline: Baseline) -> dict[str, Any]:
        said = np.array(baseline.predicted)
        score = evaluate.score(self.truth, said, len(self.spec.labels)).as_json()
        return score | {"seconds": round(baseline.seconds, 2)}

    # --- tuning ---

    def _train(self) -> Progress:
        shape, base, recipe = self.task.encoder.shape, self.spec.base, self.task.recipe

        def write(folder: Path, trained: dict[str, torch.Tensor]) -> None:
            write_adapter(folder, trained, shape, base, recipe)

        def read(folder: Path) -> dict[str, torch.Tensor]:
            return read_adapter(folder, shape)

        progress = tune(self.folder, self.task, recipe, write, read, self.journal, self.stop)
        meta = {"labels": self.spec.labels, "max_length": recipe.max_length, "pooling": "mean"}
        write_json(self.folder / ADAPTER / "meta.json", meta)
        return progress

    # --- results ---

    def _result(
        self, found: list[Baseline], progress: Progress, said: dict[str, Ids]
    ) -> dict[str, Any]:
        labels, truth, ours = self.spec.labels, self.truth, said["test"]
        return {
            "task": self.spec.task,
            "labels": labels,
            "metrics": {
                name: evaluate.score(self.splits[name].truth, said[name], len(labels)).as_json()
                for name in said
            },
            "baselines": [self._compared(baseline, ours) for baseline in found],
            "per_class": evaluate.per_class(truth, ours, labels),
            "confusions": evaluate.confusions(truth, ours, labels),
            "training": self._training(progress),
            "adapter": ADAPTER,
        }

    def _compared(self, baseline: Baseline, ours: Ids) -> dict[str, Any]:
        score = self._score(baseline)
        del score["rows"]
        return {
            "name": baseline.name,
            "title": baseline.title,
            **score,
            "folder": baseline.folder,
            "engine": baseline.engine,
            "difference": evaluate.difference(self.truth, ours, np.array(baseline.predicted)),
        }

    def _training(self, progress: Progress) -> dict[str, Any]:
        recipe, steps = self.spec.recipe, len(self.task.batches(0)) * self.spec.recipe.epochs
        parameters = sum(value.numel() for value in self.task.trained().values())
        return figures(progress, recipe, steps, parameters)

    def _export(self, test_logits: Floats) -> dict[str, Any]:
        folder, rows, threads = self.folder / EXPORT, self.task.ids["test"], self.spec.threads
        self._draw(empty_folder(folder))
        check_same(folder / FLOAT_FILE, rows, test_logits, threads)
        (folder / FLOAT_FILE).unlink()
        said = run_onnx(folder / MODEL_FILE, rows, threads).argmax(1)
        return {
            "folder": EXPORT,
            "engine": "onnx",
            "bytes": (folder / MODEL_FILE).stat().st_size,
            "accuracy_float": float((test_logits.argmax(1) == self.truth).mean()),
            "accuracy_int8": float((said == self.truth).mean()),
        }

    def _draw(self, folder: Path) -> None:
        """Write the tuned model, int8 and float."""
        recipe, task, exporter = self.spec.recipe, self.task, self._exporter()
        shape, weights = read_base(self.spec.base)
        merged = merge(weights, task.trained(), shape, recipe.alpha / recipe.rank)
        weight, bias = (part.detach().cpu().numpy() for part in (task.head.weight, task.head.bias))
        exporter.classifier(folder / FLOAT_FILE, merged, (weight, bias), small=False)
        exporter.classifier(folder / MODEL_FILE, merged, (weight, bias), small=True)
        exporter.describe(folder, self._meta())

    def _meta(self) -> dict[str, object]:
        return {"task": self.spec.task, "labels": self.spec.labels}

    def _exporter(self) -> Exporter:
        length = self.spec.recipe.max_length
        return Exporter(self.task.encoder.shape, self.task.tokenizer, length)


def run(folder: Path, spec: TrainSpec, journal: Journal, stop: Stop) -> None:
    """Train in the job folder, from the start or from where an earlier attempt was."""
    Training(folder, spec, journal, stop).run()
