"""The words and the shape that all verdicts share."""

from collections.abc import Sequence
from typing import Any

TUNED = "lora"
LEAST_ROWS = 30
"""Test rows from which an interval is worth its name."""


def outcome(text: str, recommend: str) -> dict[str, Any]:
    return {
        "text": text,
        "better": recommend == TUNED,
        "recommend": recommend,
        "than": None,
        "points": None,
        "interval": None,
    }


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


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def signed(points: float) -> str:
    """With its sign and one decimal; what rounds to nothing is +0.0, never -0.0."""
    return f"{round(points, 1) + 0.0:+.1f}"
