"""How good are predictions, and how sure is that? Numbers in, numbers out; no model here."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RESAMPLES = 10_000
Z95 = 1.959964
"""Standard normal quantile that leaves 5 % outside."""
MOST_DRAWS, FEWEST_RESAMPLES, DRAWS_AT_ONCE = 100_000_000, 1_000, 4_000_000
"""Rows drawn for one interval: with very many rows fewer resamples will do, and take seconds."""


@dataclass(frozen=True)
class Score:
    """Shares between 0 and 1."""

    rows: int
    accuracy: float
    interval: tuple[float, float]
    """95 % Wilson interval of the accuracy."""
    macro_f1: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"interval": list(self.interval)}


def score(truth: Ints, predicted: Ints, classes: int) -> Score:
    """Accuracy with its interval, and the mean F1 of the classes that occur."""
    right = int((truth == predicted).sum())
    f1 = [line["f1"] for line in _lines(truth, predicted, classes) if line["occurs"]]
    return Score(len(truth), right / len(truth), wilson(right, len(truth)), float(np.mean(f1)))


def wilson(right: int, rows: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); honest for few rows and shares near 0 or 1."""
    share, square = right / rows, Z95**2
    middle = share + square / (2 * rows)
    half = Z95 * (share * (1 - share) / rows + square / (4 * rows**2)) ** 0.5
    scale = 1 + square / rows
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def per_class(truth: Ints, predicted: Ints, labels: list[str]) -> list[dict[str, Any]]:
    """Rows, precision, recall and F1 of every label, worst F1 first; labels without rows last."""
    lines = _lines(truth, predicted, len(labels))
    named = [
        {"label": label, **{key: line[key] for key in ("rows", "precision", "recall", "f1")}}
        for label, line in zip(labels, lines, strict=True)
    ]
    return sorted(named, key=lambda line: (line["rows"] == 0, line["f1"], line["label"]))


def _lines(truth: Ints, predicted: Ints, classes: int) -> list[dict[str, Any]]:
    table = np.bincount(truth * classes + predicted, minlength=classes**2)
    table = table.reshape(classes, classes)
    lines = []
    for number in range(classes):
        right, rows = int(table[number, number]), int(table[number].sum())
        said = int(table[:, number].sum())
        lines.append(
            {
                "rows": rows,
                "precision": right / said if said else 0.0,
                "recall": right / rows if rows else 0.0,
                "f1": 2 * right / (rows + said) if rows + said else 0.0,
                "occurs": rows + said > 0,
            }
        )
    return lines


def confusions(
    truth: Ints, predicted: Ints, labels: list[str], most: int = 20
) -> list[dict[str, Any]]:
    """The most frequent mistakes: what it was, what was said, how often."""
    wrong = truth != predicted
    pairs = Counter(zip(truth[wrong].tolist(), predicted[wrong].tolist(), strict=True))
    worst = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    return [
        {"truth": labels[true], "predicted": labels[said], "count": count}
        for (true, said), count in worst
    ]


def difference(truth: Ints, ours: Ints, theirs: Ints, seed: int = 0) -> dict[str, Any]:
    """How many points of accuracy `ours` is above `theirs` on the same rows.

    The 95 % interval is a paired bootstrap. A row counts +1, 0 or -1, so drawing rows with
    replacement is drawing from a multinomial of the three counts.
    """
    change = (ours == truth).astype(int) - (theirs == truth).astype(int)
    shares = np.array([(change == step).mean() for step in (-1, 0, 1)])
    drawn = np.random.default_rng(seed).multinomial(len(truth), shares, size=RESAMPLES)
    points = (drawn[:, 2] - drawn[:, 0]) / len(truth) * 100
    low, high = np.percentile(points, [2.5, 97.5])
    return {"points": float(change.mean() * 100), "interval": [float(low), float(high)]}


def at_the_end(sign: float, rows: int) -> list[float]:
    """The 95 % interval of the difference in points where one is right on every row, the other on
    none: drawing rows anew would find no doubt at all.

    Newcombe (1998), method 10: the ends of the two Wilson intervals, as sides of a right triangle.
    """
    sure = wilson(rows, rows)[0]
    near = max(-100.0, 100.0 - 100.0 * 2**0.5 * (1.0 - sure))
    return [near, 100.0] if sign > 0 else [-100.0, -near]


def ratio(values: Floats, weights: Floats, seed: int = 0) -> dict[str, Any]:
    """`value`: sum of values over sum of weights; `interval`: 95 %, by drawing rows anew.

    With weights of 1 it is a mean. Bootstrap over rows (Efron 1979): what belongs to one row is
    drawn together, so long rows count as much here as they do in the value.

    Args:
        values, weights: One of each for a row; at least one row.
    """
    low, high = np.percentile(_drawn_ratios(values, weights, seed), [2.5, 97.5])
    value = float(values.sum() / weights.sum())
    return {"value": value, "interval": [float(low), float(high)]}


def _drawn_ratios(values: Floats, weights: Floats, seed: int) -> Floats:
    rows, chance = len(values), np.random.default_rng(seed)
    wanted = int(np.clip(MOST_DRAWS // rows, FEWEST_RESAMPLES, RESAMPLES))
    at_once, found = max(1, DRAWS_AT_ONCE // rows), list[Floats]()
    for start in range(0, wanted, at_once):
        drawn = chance.integers(0, rows, (min(at_once, wanted - start), rows))
        found.append(values[drawn].sum(1) / weights[drawn].sum(1))
    return np.concatenate(found)
