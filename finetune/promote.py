"""Is the tuned model better, and than what? Numbers in, honest words out; nothing is changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from core import plugins
from finetune import verdicts


def verdict(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the tuning bought, over the best of the baselines.

    The tests are paired: all models answered the same rows, and the interval (95 %, bootstrap
    over rows, made by the worker) is of the difference.

    Returns:
        `text`; `better`; `recommend`, the kind of model to deploy (`lora`, or a baseline's
        name); `than`, the baseline compared with; `points` and `interval` of the difference.
    """
    found: dict[str, Any] = plugins.load(verdicts, str(result["task"])).verdict(result)
    return found


def compare(runs: Sequence[Mapping[str, Any]]) -> str:
    """Which of several finished runs is best, and whether that is sure.

    Args:
        runs: Each with `run`, `dataset` and, with its 95 % `interval`, `accuracy` (0 to 1) or, for
            chat models, held-out `loss` (nats per token).
    """
    for measure in ("accuracy", "loss"):
        scored = [run for run in runs if run.get(measure) is not None]
        if len(scored) > 1:
            return compared(scored, measure)
    return "There are not two finished runs to compare."


def compared(runs: Sequence[Mapping[str, Any]], measure: str) -> str:
    """In words, for runs that all have the measure."""
    sign = -1 if measure == "accuracy" else 1
    best, second = sorted(runs, key=lambda run: sign * float(run[measure]))[:2]
    if best["dataset"] != second["dataset"]:
        return "They were tested on different data, so their scores cannot be compared."
    gap = abs(best[measure] - second[measure])
    ahead = (
        f"{best['run']} is {100 * gap:.1f} points above {second['run']}"
        if measure == "accuracy"
        else f"{best['run']} has {gap:.3f} less loss a token than {second['run']}"
    )
    if apart(best["interval"], second["interval"]):
        return f"{ahead}, more than chance explains."
    return f"{ahead}, but their 95 % intervals overlap: that may be chance."


def apart(one: Sequence[float], other: Sequence[float]) -> bool:
    return bool(one[0] > other[1] or other[0] > one[1])
