"""Small true stand-ins: a launcher that runs a Python function, a worker that only pretends."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet

from core.errors import not_found
from core.identity import Caller
from core.job import EVENTS_FILE, JOB_FILE, RESULT_FILE, Job, JobState, read_json, write_json
from core.records import tables
from core.records.database import Database, next_id
from core.records.queries import next_version, owned, stamp, versioned
from core.storage import Storage
from launchers.base import Capacity, Status

Work = Callable[[Job], Status | None]


class FakeLauncher:
    """Runs `work(job)` in this process at once, and remembers what it was asked.

    `work` may return how the job ended; None means that it succeeded. Without `work` a job runs
    until a test says otherwise with `end`.
    """

    def __init__(self, work: Work | None = None, cpus: int = 2) -> None:
        self.work = work
        self.capacity = Capacity(cpus=cpus)
        self.submitted: list[Job] = []
        self.cancelled: list[str] = []
        self.printed = ""
        self._status: dict[tuple[str, int], Status] = {}

    def render(self, job: Job) -> dict[str, Any]:
        return {"argv": list(job.argv), "cwd": str(job.folder), "env": dict(job.env)}

    def submit(self, job: Job) -> None:
        if (job.id, job.attempt) in self._status:
            return
        self.submitted.append(job)
        self._status[job.id, job.attempt] = Status(JobState.RUNNING)
        if self.work is not None:
            self.end(job, self.work(job) or Status(JobState.SUCCEEDED, 0))

    def state(self, job: Job) -> Status:
        return self._status.get((job.id, job.attempt), Status(JobState.LOST))

    def logs(self, job: Job, lines: int = 50) -> str:
        return "\n".join(self.printed.splitlines()[-lines:])

    def cancel(self, job: Job) -> None:
        self.cancelled.append(job.id)
        if not self.state(job).state.ended:
            self.end(job, Status(JobState.CANCELLED, 143))

    def end(self, job: Job, status: Status) -> None:
        self._status[job.id, job.attempt] = status


class FakeDatasets:
    """Dataset versions of the caller's rows, without reading any file."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def make(self, caller: Caller, name: str, rows: Iterable[tuple[str, str]]) -> tables.Dataset:
        """A new version; the first 8 of 10 rows train, the 9th validates, the 10th tests."""
        found = [(number, text, label) for number, (text, label) in enumerate(rows, start=1)]
        splits = {
            "train": [row for row in found if row[0] % 10 < 8],
            "validation": [row for row in found if row[0] % 10 == 8],
            "test": [row for row in found if row[0] % 10 == 9],
        }
        with self.database.write() as session:
            dataset = tables.Dataset(
                id=next_id(session, "dataset"),
                name=name,
                version=next_version(session, tables.Dataset, caller, name),
                task="classification",
                fingerprint=f"{name} {len(found)}",
                file_id="file-1",
                columns={"text": "text", "label": "label"},
                rows=len(found),
                splits={split: len(part) for split, part in splits.items()},
                profile={"labels": count_labels(found)},
                problems=[],
                **stamp(caller),
            )
            session.add(dataset)
        for split, part in splits.items():
            write_split(self.folder(dataset) / f"{split}.parquet", part)
        return dataset

    def get(self, caller: Caller, ref: str) -> tables.Dataset:
        with self.database.read() as session:
            if not ref:
                known = [row.ref for row in session.scalars(owned(tables.Dataset, caller))]
                raise not_found("dataset", ref, known)
            found: tables.Dataset = versioned(session, tables.Dataset, caller, ref)
            return found

    def folder(self, dataset: tables.Dataset) -> Path:
        return self.storage.path("datasets", dataset.id)

    def export_jsonl(
        self, dataset: tables.Dataset, folder: Path, at_most: int | None = None
    ) -> None:
        for split in ("train", "validation", "test"):
            table = parquet.read_table(self.folder(dataset) / f"{split}.parquet")
            lines = [
                json.dumps({"text": row["text"], "label": row["label"]})
                for row in table.to_pylist()[:at_most]
            ]
            (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")


def count_labels(rows: list[tuple[int, str, str]]) -> list[dict[str, Any]]:
    labels = [label for _, _, label in rows]
    return [{"label": label, "rows": labels.count(label)} for label in sorted(set(labels))]


def write_split(path: Path, rows: list[tuple[int, str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = zip(("row", "text", "label"), zip(*rows, strict=True), strict=True)
    parquet.write_table(pyarrow.table({name: list(values) for name, values in columns}), path)


def tickets(rows: int = 40) -> list[tuple[str, str]]:
    """Short support questions of four kinds."""
    subjects = {
        "card": "my bank card number {} has not arrived yet",
        "refund": "please give me my money back for order {}",
        "login": "I cannot sign in since attempt {}",
        "limit": "raise the spending limit of account {}",
    }
    kinds = list(subjects)
    return [
        (subjects[kinds[number % 4]].format(number), kinds[number % 4]) for number in range(rows)
    ]


def fake_worker(job: Job) -> None:
    """Leave what the real worker would: a measurement for a probe, a model for a training."""
    content = read_json(job.folder / JOB_FILE)
    if content["kind"] == "probe":
        write_json(job.folder / RESULT_FILE, probe_result())
        return
    write_artifacts(job.folder)
    steps = [step_event(step, 20) for step in range(1, 21)]
    write_events(job.folder, [{"type": "phase", "phase": "training"}, *steps])
    write_json(job.folder / RESULT_FILE, train_result(labels=content["labels"]))


def write_events(folder: Path, events: list[dict[str, Any]]) -> None:
    with (folder / EVENTS_FILE).open("a", encoding="utf-8") as file:
        for event in events:
            file.write(json.dumps({"at": 1.0, **event}) + "\n")


def step_event(step: int, total: int) -> dict[str, Any]:
    return {
        "type": "step",
        "step": step,
        "total_steps": total,
        "epoch": 1,
        "loss": 4.0 / step,
        "learning_rate": 0.001,
        "tokens": 300 * step,
        "tokens_per_s": 1500.0,
        "eta_s": float(total - step),
    }


def write_artifacts(folder: Path) -> None:
    files = {
        "onnx": ("model.onnx", "tokenizer.json", "meta.json"),
        "adapter": ("adapter_config.json", "adapter_model.safetensors", "head.safetensors"),
        "baselines/tfidf": ("vectorizer.json", "weights.safetensors", "meta.json"),
        "baselines/frozen": ("model.onnx", "tokenizer.json", "meta.json"),
    }
    for place, names in files.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / place / name).write_text(f"{place} {name}")


def probe_result() -> dict[str, Any]:
    return {
        "seconds_per_step": 0.5,
        "seconds_per_token": 0.001,
        "load_seconds": 2.0,
        "eval_seconds_per_row": 0.01,
        "baseline_seconds": 5.0,
        "export_seconds": 3.0,
        "peak_memory_bytes": 600 * 2**20,
        "tokens_per_row": 12.0,
        "device": "cpu",
        "estimate": {
            "seconds": 100.0,
            "low": 80.0,
            "high": 150.0,
            "memory_bytes": 700 * 2**20,
        },
    }


def train_result(
    *, accuracy: float = 0.9, gain: float = 5.0, labels: Iterable[str] = ("card", "refund")
) -> dict[str, Any]:
    """A whole `result.json`.

    Args:
        gain: Points of accuracy above the frozen baseline; its interval is 3 points to each side.
    """
    test = scores(accuracy) | {"rows": 200}
    return {
        "task": "classify",
        "labels": list(labels),
        "metrics": {"test": test, "validation": test},
        "baselines": [
            baseline("majority", "Always the most common class", 0.25, accuracy, None),
            baseline("tfidf", "TF-IDF + linear", accuracy - gain / 100 - 0.02, accuracy, "linear"),
            baseline(
                "frozen", "Linear on frozen embeddings", accuracy - gain / 100, accuracy, "onnx"
            ),
        ],
        "per_class": [
            {"label": label, "rows": 50, "precision": 0.9, "recall": 0.8, "f1": 0.85}
            for label in labels
        ],
        "confusions": [{"truth": "card", "predicted": "refund", "count": 3}],
        "training": {"steps": 20, "epochs": 1, "seconds": 40.0, "curve": [[1, 4.0], [20, 0.2]]},
        "export": {
            "folder": "onnx",
            "engine": "onnx",
            "bytes": 23_000_000,
            "accuracy_float": accuracy,
            "accuracy_int8": accuracy - 0.001,
        },
        "adapter": "adapter",
        "seconds": 61.5,
        "cpu_seconds": 60.0,
        "versions": {"torch": "2"},
        "device": "cpu float32",
    }


def scores(accuracy: float) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "interval": [accuracy - 0.02, accuracy + 0.02],
        "macro_f1": accuracy - 0.01,
    }


def baseline(
    name: str, title: str, accuracy: float, tuned: float, engine: str | None
) -> dict[str, Any]:
    points = 100 * (tuned - accuracy)
    return scores(accuracy) | {
        "name": name,
        "title": title,
        "seconds": 1.0,
        "folder": f"baselines/{name}" if engine else None,
        "engine": engine,
        "difference": {"points": points, "interval": [points - 3.0, points + 3.0]},
    }
