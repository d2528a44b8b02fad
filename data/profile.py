"""A dataset in numbers, to show as a table and a chart. Pure: rows in, plain data out."""

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from data.problems import conflicting, imbalance
from data.rows import Rows
from data.splits import Splits

EXAMPLES = 5
EXAMPLE_CHARACTERS = 200
BINS = 12
LANGUAGE_TEXTS = 5_000
LETTER = re.compile(r"[^\W\d_]")
LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")


def describe(main: Rows, splits: Splits) -> dict[str, Any]:
    """Classes, lengths, copies, contradictions and language.

    Lengths, labels and language count all splits; duplicates and conflicts the main file.
    """
    texts = [text for part in splits.parts.values() for text in part.texts]
    labels = of_labels(splits)
    extra = sum(len(group) - 1 for group in main.repeated.values())
    return {
        "rows": len(texts),
        "classes": len(labels),
        "labels": labels,
        "lengths": lengths(texts),
        "duplicates": {"rows": extra, "groups": len(main.repeated)},
        "conflicts": conflicts(main),
        "imbalance": imbalance(main.classes),
        "splits": splits.sizes(),
        "language": language(texts),
        "skipped": skipped(main, splits),
    }


def of_labels(splits: Splits) -> list[dict[str, Any]]:
    """Rows by label, the most frequent first, with their part in each split."""
    total: Counter[str] = Counter()
    for part in splits.parts.values():
        total.update(part.classes)
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"label": label, "rows": count}
        | {name: part.classes[label] for name, part in splits.parts.items()}
        for label, count in ordered
    ]


def lengths(texts: list[str]) -> dict[str, Any]:
    return counted([len(text) for text in texts], "characters")


def counted(values: list[int], unit: str) -> dict[str, Any]:
    """How large the values are, of which there is at least one, with a histogram."""
    counts = np.asarray(values, dtype=np.int64)
    return {
        "unit": unit,
        "min": int(counts.min()),
        "median": int(np.median(counts)),
        "p95": int(np.percentile(counts, 95)),
        "max": int(counts.max()),
        "histogram": histogram(counts),
    }


def histogram(counts: npt.NDArray[np.int64]) -> list[list[int]]:
    """`[from, to, rows]` with round edges, `to` not included.

    The widths fit 99 % of the rows; the last bin reaches to the longest, however far it is.
    """
    shortest, longest = int(counts.min()), int(counts.max())
    typical = int(np.percentile(counts, 99))
    step = round_step((typical - shortest + 1) / BINS)
    edges = [step * number for number in range(shortest // step, typical // step + 2)]
    rows = [int(((counts >= low) & (counts < low + step)).sum()) for low in edges[:-1]]
    table = [[low, low + step, count] for low, count in zip(edges, rows, strict=False)]
    if longest >= edges[-1]:
        end = (longest // step + 1) * step
        table.append([edges[-1], end, int((counts >= edges[-1]).sum())])
    return table


def round_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … that is not below `least`."""
    power: int = 10 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least)


def conflicts(main: Rows) -> dict[str, Any]:
    groups = conflicting(main)
    return {
        "groups": len(groups),
        "rows": sum(map(len, groups)),
        "examples": [
            {
                "text": main.texts[group[0]][:EXAMPLE_CHARACTERS],
                "labels": sorted({main.labels[at] for at in group}),
                "rows": [main.numbers[at] for at in group[:10]],
            }
            for group in groups[:EXAMPLES]
        ],
    }


def language(texts: list[str]) -> dict[str, float]:
    """Which scripts the letters are from, as shares of 1; looks at 5,000 texts spread evenly."""
    texts = texts[:: -(-len(texts) // LANGUAGE_TEXTS)]
    latin = sum(len(LATIN.findall(text)) for text in texts)
    han = sum(len(HAN.findall(text)) for text in texts)
    letters = sum(len(LETTER.findall(text)) for text in texts)
    counts = {"latin": latin, "han": han, "other": max(0, letters - latin - han)}
    return {script: round(count / max(1, letters), 4) for script, count in counts.items()}


def skipped(main: Rows, splits: Splits) -> list[dict[str, Any]]:
    """Rows of the main file that are in no split."""
    reasons = {"no text": main.without_text, "also in the test or validation file": splits.leaked}
    return [
        {"reason": reason, "count": len(rows), "rows": rows[:10]}
        for reason, rows in reasons.items()
        if rows
    ]
