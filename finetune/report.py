"""What is told of a run, all of it from its record: one dictionary for chat, API and Python."""

import time
from collections.abc import Mapping
from typing import Any

from core.records import tables
from finetune import config
from finetune.job import ENDED
from finetune.progress import thin

WORST_CLASSES = 5
CONFUSIONS = 10


def report(run: tables.Run, models: Mapping[str, str]) -> dict[str, Any]:
    """The state of a run, and once it succeeded the figures of its `result.json`, unchanged.

    Args:
        models: Kind to `name@version` of what the run left.
    """
    result, quote = run.result or {}, run.quote or {}
    training = result.get("training") or {}
    return {
        "run": run.id,
        "state": run.state,
        "dataset": run.dataset,
        "base_model": run.base_model,
        "attempt": run.attempt,
        **live(run.progress),
        "curve": thin(training.get("curve") or run.progress.get("curve") or []),
        "task": task_of(run),
        "metrics": result.get("metrics"),
        "answers": result.get("answers"),
        "samples": result.get("samples") or [],
        "left_out": result.get("left_out"),
        "baselines": result.get("baselines") or [],
        "verdict": result.get("verdict"),
        "worst_classes": worst(result.get("per_class") or []),
        "confusions": (result.get("confusions") or [])[:CONFUSIONS],
        "model": run.model,
        "models": dict(models),
        "seconds": seconds(run, result),
        "loop": training.get("loop"),
        "loop_why": training.get("loop_why"),
        "quoted_seconds": (quote.get("seconds") or {}).get("expected"),
        "quoted": quote.get("seconds"),
        "memory_mb": megabytes(training.get("peak_memory_bytes")),
        "quoted_memory_mb": quote.get("memory_mb"),
        "parameters": quote.get("parameters") or run.recipe,
        "error": run.error,
        "notes": [*(quote.get("notes") or []), *(run.progress.get("notes") or [])],
        "cancel_requested": run.cancel_requested and run.state not in ENDED,
        "created_at": run.created_at,
    }


def task_of(run: tables.Run) -> str:
    """The worker's task, also while there is no result: each has its own settings."""
    return config.task_of(run.recipe)


def live(progress: Mapping[str, Any]) -> dict[str, Any]:
    names = ("phase", "step", "total_steps", "epoch", "loss", "tokens_per_s", "eta_s")
    return {name: progress.get(name) for name in names}


def seconds(run: tables.Run, result: Mapping[str, Any]) -> float | None:
    """What it took as the worker counted, or how long it has been running."""
    if result.get("seconds") is not None:
        return float(result["seconds"])
    if run.started_at is None:
        return None
    return round((run.ended_at or time.time()) - run.started_at, 1)


def megabytes(peak_bytes: int | None) -> int | None:
    """In units of 2^20 bytes, as the quote has them."""
    return None if peak_bytes is None else round(peak_bytes / 2**20)


def worst(per_class: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The classes it does worst on, among those that occur in the test rows."""
    occurring = [line for line in per_class if line["rows"]]
    return sorted(occurring, key=lambda line: float(line["f1"]))[:WORST_CLASSES]


def summary(run: tables.Run) -> dict[str, Any]:
    """One line of a list of runs."""
    test = ((run.result or {}).get("metrics") or {}).get("test") or {}
    return {
        "run": run.id,
        "state": run.state,
        "dataset": run.dataset,
        "base_model": run.base_model,
        "step": run.progress.get("step"),
        "total_steps": run.progress.get("total_steps"),
        "eta_s": run.progress.get("eta_s"),
        "accuracy": test.get("accuracy"),
        "loss": test.get("loss"),
        "perplexity": test.get("perplexity"),
        "interval": test.get("interval"),
        "model": run.model,
        "error": run.error,
        "created_at": run.created_at,
    }
