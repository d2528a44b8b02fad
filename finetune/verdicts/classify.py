"""Is a tuned classifier better than the cheap alternatives?"""

from collections.abc import Mapping, Sequence
from typing import Any

from finetune.verdicts.base import LEAST_ROWS, TUNED, difference, outcome, percent, signed

TOLERATED_LOSS = 0.005
"""Accuracy that making the model small may cost, 0 to 1, before we say so."""


def verdict(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the tuning bought, over the best of the baselines.

    The test is paired: both models answered the same rows, and the interval (95 %, bootstrap
    over rows, made by the worker) is of the difference. Only when all of it is above 0 is the
    tuned model called better.

    Returns:
        `text`; `better`; `recommend`, the kind of model to deploy (`lora`, or a baseline's
        name); `than`, the baseline compared with; `points` and `interval` of the difference.
    """
    accuracy = result["metrics"]["test"]["accuracy"]
    best = best_baseline(result["baselines"])
    if best is None:
        return outcome(f"It is right on {percent(accuracy)} of the test rows.", TUNED)
    points, interval = best["difference"]["points"], best["difference"]["interval"]
    better = interval[0] > 0
    rows = int(result["metrics"]["test"]["rows"])
    told = (accuracy, best, points, interval)
    sentences = winner_words(*told, rows) if better else loser_words(*told, rows)
    sentences += shrinking(result.get("export") or {})
    found = outcome(" ".join(sentences), TUNED if better else best["name"])
    return found | {"than": best["name"], "points": points, "interval": list(interval)}


def best_baseline(baselines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The most accurate baseline that can be deployed; if none can, the most accurate."""
    ready = [baseline for baseline in baselines if baseline.get("folder")] or baselines
    return max(ready, key=lambda baseline: float(baseline["accuracy"]), default=None)


def winner_words(
    accuracy: float, best: Mapping[str, Any], points: float, interval: Sequence[float], rows: int
) -> list[str]:
    low, high = map(signed, interval)
    sentences = [
        f"Tuning helped: {percent(accuracy)} of the test rows are right, {points:.1f} points more "
        f"than the best cheap alternative, {best['title']} ({percent(best['accuracy'])}).",
        f"With 95 % certainty the gain is between {low} and {high} points.",
    ]
    if rows < LEAST_ROWS:
        sentences.append(f"But the test has only {rows} rows: that is too few to be sure.")
    return sentences


def loser_words(
    accuracy: float, best: Mapping[str, Any], points: float, interval: Sequence[float], rows: int
) -> list[str]:
    sentences = [
        f"Tuning did not clearly beat the best cheap alternative: {percent(accuracy)} of the test "
        f"rows are right, {best['title']} has {percent(best['accuracy'])}.",
        difference(points, interval, rows),
    ]
    if best.get("folder"):
        sentences.append(f"I recommend to deploy {best['title']} instead: it is cheaper.")
    return sentences


def shrinking(export: Mapping[str, Any]) -> list[str]:
    """A sentence when making the model small for serving cost accuracy."""
    before, after = export.get("accuracy_float"), export.get("accuracy_int8")
    if before is None or after is None or before - after <= TOLERATED_LOSS:
        return []
    return [f"As it is served (8-bit) it is {percent(after)} right, against {percent(before)}."]
