"""`result.json` of a chat training: numbers and texts of its stages in, one dictionary out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetune.worker.causal.rows import ChatRows
from finetune.worker.spec import TrainSpec
from finetune.worker.stages import ADAPTER
from finetune.worker.tasks.chat import evaluate
from finetune.worker.tasks.chat.evaluate import Answer, Judged, judge
from finetune.worker.tasks.chat.questions import Question

SAMPLES = 10
"""Questions shown with every answer; the first of a chance order, so nobody chose them."""
NAMED = 20
"""Rows of a split that are named as left out; all are counted."""
LONGEST_SHOWN = 4_000
"""Characters of a text in a sample; of a longer one the middle is left out, and says so."""


@dataclass(frozen=True)
class Found:
    """What the stages stored."""

    base: dict[str, Any]
    """Rows asked, answers of the untuned base, seconds."""
    cheap: list[dict[str, Any]]
    """The alternatives that look answers up."""
    tuned: dict[str, Any]
    """Figures of the training, losses by row."""
    said: dict[str, Any]
    """Answers of the tuned model."""


def answers_of(stage: dict[str, Any]) -> list[Answer]:
    """As the stage stored them."""
    return [Answer(**answer) for answer in stage["answers"]]


def build(
    spec: TrainSpec, splits: dict[str, ChatRows], asked: Sequence[Question], found: Found
) -> dict[str, Any]:
    """All but the export and the totals."""
    expected = [one.expected for one in asked]
    metric = evaluate.metric_for(expected)
    ours = judge(metric, expected, answers_of(found.said))
    return {
        "task": spec.task,
        "metrics": {name: _loss(found.tuned[name], "tuned") for name in ("validation", "test")},
        "answers": {"metric": metric, "rows": len(asked), **ours.as_json()},
        "baselines": [
            _base(spec, metric, expected, ours, found),
            *(_cheap(one, metric, expected, ours) for one in found.cheap),
        ],
        "samples": _samples(asked, found),
        "left_out": _left_out(splits),
        "training": found.tuned["training"],
        "adapter": ADAPTER,
    }


def _loss(losses: dict[str, list[float]], whose: str) -> dict[str, Any]:
    return evaluate.loss(np.array(losses[whose]), np.array(losses["tokens"], dtype=np.float64))


def _base(
    spec: TrainSpec, metric: str, expected: list[str], ours: Judged, found: Found
) -> dict[str, Any]:
    theirs = judge(metric, expected, answers_of(found.base))
    losses = found.tuned["test"]
    told = _loss(losses, "base")
    columns = [np.array(losses[name], dtype=np.float64) for name in ("tuned", "base", "tokens")]
    return {
        "name": "base",
        "title": f"{spec.base.name} as it is",
        "loss": told["loss"],
        "perplexity": told["perplexity"],
        **_compared(theirs, ours, found.base["seconds"]),
        "loss_difference": evaluate.loss_difference(*columns),
    }


def _cheap(one: dict[str, Any], metric: str, expected: list[str], ours: Judged) -> dict[str, Any]:
    theirs = judge(metric, expected, [Answer(text, True) for text in one["said"]])
    return {
        "name": one["name"],
        "title": one["title"],
        "loss": None,
        "perplexity": None,
        **_compared(theirs, ours, one["seconds"]),
        "loss_difference": None,
    }


def _compared(theirs: Judged, ours: Judged, seconds: float) -> dict[str, Any]:
    return {
        **theirs.as_json(),
        "seconds": seconds,
        "folder": None,
        "engine": None,
        "difference": evaluate.points(ours, theirs),
    }


def _samples(asked: Sequence[Question], found: Found) -> list[dict[str, Any]]:
    said = zip(asked, answers_of(found.said), answers_of(found.base), strict=True)
    return [
        {
            "row": one.row,
            "messages": [message | _short(message) for message in one.messages],
            "expected": shortened(one.expected),
            "tuned": shortened(tuned.text),
            "base": shortened(base.text),
            "tuned_ended": tuned.ended,
            "base_ended": base.ended,
        }
        for one, tuned, base in [*said][:SAMPLES]
    ]


def _short(message: dict[str, Any]) -> dict[str, str]:
    return {"content": shortened(str(message["content"] or ""))}


def shortened(text: str) -> str:
    """The text, or its two ends with the number of characters between them."""
    if len(text) <= LONGEST_SHOWN:
        return text
    half = LONGEST_SHOWN // 2
    return f"{text[:half]} […{len(text) - 2 * half:,}…] {text[-half:]}"


def _left_out(splits: dict[str, ChatRows]) -> dict[str, Any]:
    """Named rows of each split, and how many there are."""
    named = {name: [list(one) for one in rows.left_out[:NAMED]] for name, rows in splits.items()}
    return named | {"counts": {name: len(rows.left_out) for name, rows in splits.items()}}
