"""Is the tuned model better, and than what? Numbers in, honest words out; nothing is changed."""

from collections.abc import Mapping, Sequence
from typing import Any

TUNED = "lora"
TOLERATED_LOSS = 0.005
"""Accuracy that making the model small may cost, 0 to 1, before we say so."""
LEAST_ROWS = 30
"""Test rows from which an interval is worth its name."""


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


def outcome(text: str, recommend: str) -> dict[str, Any]:
    return {
        "text": text,
        "better": recommend == TUNED,
        "recommend": recommend,
        "than": None,
        "points": None,
        "interval": None,
    }


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


def difference(points: float, interval: Sequence[float], rows: int) -> str:
    """How far the tuned model is from the other, and how sure that is."""
    low, high = map(signed, interval)
    if low == high:
        return (
            f"They do equally well on all {rows:,} test rows: the test is too small to tell more."
        )
    if rows < LEAST_ROWS:
        return f"The test has only {rows} rows: it is too small to tell which is better."
    if interval[1] < 0:
        return (
            f"It is {-points:.1f} points lower, with 95 % certainty between {-interval[1]:.1f} "
            f"and {-interval[0]:.1f}: it is worse."
        )
    if signed(points) == "+0.0":
        return (
            f"They score the same, and with 95 % certainty the difference is between {low} and "
            f"{high} points: it may be chance."
        )
    if points < 0:
        return (
            f"It is {-points:.1f} points lower, and with 95 % certainty the difference is between "
            f"{low} and {high}: it may be chance."
        )
    return (
        f"It is {points:.1f} points higher, and with 95 % certainty the difference is between "
        f"{low} and {high}: it may be chance."
    )


def shrinking(export: Mapping[str, Any]) -> list[str]:
    """A sentence when making the model small for serving cost accuracy."""
    before, after = export.get("accuracy_float"), export.get("accuracy_int8")
    if before is None or after is None or before - after <= TOLERATED_LOSS:
        return []
    return [f"As it is served (8-bit) it is {percent(after)} right, against {percent(before)}."]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def signed(points: float) -> str:
    """With its sign and one decimal; what rounds to nothing is +0.0, never -0.0."""
    return f"{round(points, 1) + 0.0:+.1f}"


def compare(runs: Sequence[Mapping[str, Any]]) -> str:
    """Which of several finished runs is best, and whether that is sure.

    Args:
        runs: Each with `run`, `dataset`, `accuracy` and `interval` (of the accuracy, 95 %).
    """
    scored = [run for run in runs if run.get("accuracy") is not None]
    if len(scored) < 2:
        return "There are not two finished runs to compare."
    ranked = sorted(scored, key=lambda run: -float(run["accuracy"]))
    best, second = ranked[0], ranked[1]
    if best["dataset"] != second["dataset"]:
        return "They were tested on different data, so their scores cannot be compared."
    gap = 100 * (best["accuracy"] - second["accuracy"])
    if best["interval"][0] > second["interval"][1]:
        return (
            f"{best['run']} is {gap:.1f} points above {second['run']}, more than chance explains."
        )
    return (
        f"{best['run']} is {gap:.1f} points above {second['run']}, but their 95 % intervals "
        "overlap: that may be chance."
    )
