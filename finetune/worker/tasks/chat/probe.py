"""The kind `probe`: what the whole training would take, from a few true steps of it.

Loading, steps, reading without training and answering are timed on real rows of the job; sums over
the real numbers of rows make the estimate.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import job
from core.chat.tokens import ChatTokenizer
from core.job import write_json
from finetune.worker.causal.rows import ChatRows, read_chats
from finetune.worker.journal import Journal
from finetune.worker.machine import (
    Device,
    Stopwatch,
    choose_device,
    give_memory_back,
    peak_memory_bytes,
    versions,
)
from finetune.worker.pace import START_S, estimate, timed_steps
from finetune.worker.spec import SPLITS, ProbeSpec
from finetune.worker.tasks.chat import questions, ways
from finetune.worker.tasks.chat.answers import Speaker
from finetune.worker.tasks.chat.lookup import looked_up
from finetune.worker.tasks.chat.plain import PlainTask
from finetune.worker.tasks.chat.task import ChatTask
from finetune.worker.tasks.chat.train import ANSWER_S
from finetune.worker.tasks.chat.ways import Way

READ_ROWS = 64
"""Rows read without training."""
ASKED = 16
"""Questions answered: as many as the engine answers together on a CPU."""
LOOKED_UP = 1500
"""Training questions that are searched; the time grows with their number."""


@dataclass(frozen=True)
class Answering:
    """Seconds of the parts of a run that are about answers."""

    load: float
    each: float
    lookup: float


def run(folder: Path, spec: ProbeSpec, journal: Journal) -> None:
    """Measure, and write `result.json`."""
    watch = Stopwatch()
    journal.phase("loading")
    device = choose_device(spec.device, spec.threads)
    tokenizer = ChatTokenizer.load(spec.base.path)
    splits = read_chats(folder, tokenizer, spec.recipe.max_length)
    rows = _rows(spec, splits)
    way = ways.choose(spec, device)
    load_s = watch.seconds
    journal.phase("baselines")
    answering = _answering(folder, spec, tokenizer, splits, device, rows)
    journal.phase("training")
    give_memory_back()
    measured = _trained(folder, spec, tokenizer, splits, device, way, journal)
    spread = measured.pop("spread")
    measured |= _around(load_s, answering, rows)
    result = measured | {"rows": rows, **_weights(splits), "loop": way.loop, "loop_why": way.why}
    seconds = _seconds(result, spec.recipe.epochs)
    result["estimate"] = estimate(seconds, spread, measured["peak_memory_bytes"])
    result |= {"device": str(device), "versions": versions(), "seconds": watch.seconds}
    write_json(folder / job.RESULT_FILE, result)
    journal.phase("done")


def _rows(spec: ProbeSpec, splits: dict[str, ChatRows]) -> dict[str, int]:
    """Rows of the real splits that will be used: the folder may hold samples of them."""
    found = {}
    for name in SPLITS:
        # A row of the dataset may have become several, so rows are counted by their numbers.
        used, numbers = len(splits[name]), splits[name].numbers
        read = len({*numbers, *(number for number, _ in splits[name].left_out)})
        found[name] = round(spec.rows.get(name, read) * used / read)
    return found


def _weights(splits: dict[str, ChatRows]) -> dict[str, float]:
    train = splits["train"]
    return {
        "tokens_per_row": float(np.mean(train.lengths)),
        "trained_tokens_per_row": train.trained_tokens / len(train),
    }


def _answering(
    folder: Path,
    spec: ProbeSpec,
    tokenizer: ChatTokenizer,
    splits: dict[str, ChatRows],
    device: Device,
    rows: dict[str, int],
) -> Answering:
    """Let the untuned base answer a few questions, and look some up."""
    used = {
        name: questions.conversations(folder / f"{name}.jsonl", splits[name].numbers)
        for name in ("train", "test")
    }
    asked = questions.choose(used["test"], tokenizer)[:ASKED]
    watch = Stopwatch()
    speaker = Speaker(spec.base, device, spec.threads, None)
    asked, load_s, watch = speaker.fitting(asked), watch.seconds, Stopwatch()
    speaker.answer(asked, questions.allowed_tokens(asked))
    each = watch.seconds / len(asked)
    watch, some = Stopwatch(), used["train"][:LOOKED_UP]
    looked_up(some, asked, tokenizer)
    return Answering(load_s, each, watch.seconds * rows["train"] / len(some))


def _trained(
    folder: Path,
    spec: ProbeSpec,
    tokenizer: ChatTokenizer,
    splits: dict[str, ChatRows],
    device: Device,
    way: Way,
    journal: Journal,
) -> dict[str, Any]:
    """Take true steps and read rows."""
    few = splits | {"test": splits["test"].sample(READ_ROWS, seed=0)}
    task = ways.make_task(way, spec, tokenizer, few, device)
    steps = timed_steps(task, spec.recipe, folder, journal)
    journal.phase("evaluating")
    return {
        "seconds_per_step": steps.per_step,
        "seconds_per_token": steps.per_token,
        "eval_seconds_per_row": _read_seconds(task, len(few["test"])),
        "peak_memory_bytes": peak_memory_bytes(),
        "steps_measured": len(steps.seconds),
        "spread": steps.spread,
    }


def _read_seconds(task: ChatTask | PlainTask, rows: int) -> float:
    watch = Stopwatch()
    task.nll("test")
    return watch.seconds / rows


def _around(load_s: float, answering: Answering, rows: dict[str, int]) -> dict[str, float]:
    """Seconds of what is not training. The base and the tuned model answer the same questions, as
    many as the base answers in its time."""
    asked = min(rows["test"], questions.MOST_ASKED)
    answers = min(answering.each * asked, ANSWER_S)
    return {
        "load_seconds": load_s,
        "baseline_seconds": answering.load + answers + answering.lookup,
        # Answers again, by the tuned model; then the adapter is loaded once more and compared.
        "export_seconds": answering.load * 2 + answers,
    }


def _seconds(measured: dict[str, Any], epochs: int) -> float:
    """Of the whole run."""
    rows, read_s = measured["rows"], measured["eval_seconds_per_row"]
    tokens = rows["train"] * measured["tokens_per_row"] * epochs
    training = tokens * measured["seconds_per_token"] + read_s * rows["validation"] * epochs
    # Test rows are read by the tuned model and by the base.
    final = read_s * (rows["validation"] + 2 * rows["test"])
    around = START_S + measured["load_seconds"] + measured["baseline_seconds"]
    return float(around + training + final + measured["export_seconds"])
