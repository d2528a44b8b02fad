"""Is the data fit to train on: its problems, those with a base model, and a verdict in a sentence.

Numbers in, plain data out; who measures the tokens is no matter here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.chat import fit as chat_fit
from data.chat.fit import ChatFit
from data.problems import heavier_first, problem

UNKNOWN = 0.1
"""Share of tokens without a word in the base from which a tuned model is likely to lose against
counting characters."""
MOSTLY = 0.5


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a base model reads the training texts."""

    base: str
    limit: int
    """How many tokens the base can read at once."""
    tokens: Sequence[int]
    """Length of each text that was measured."""
    rows: Sequence[int]
    """The row of each in its file."""
    unknown_share: float
    """Share of tokens that the base has no word for, 0 to 1."""


def check(problems: Sequence[Mapping[str, Any]], fit: Fit | ChatFit) -> dict[str, Any]:
    """All problems, the heavier first, with their counts, the token lengths and a verdict."""
    with_base = chat_fit.of_fit(fit) if isinstance(fit, ChatFit) else of_fit(fit)
    found = heavier_first([*with_base, *(dict(entry) for entry in problems)])
    count = Counter(entry["severity"] for entry in found)
    return {
        "base_model": fit.base,
        "verdict": verdict(count),
        "errors": count["error"],
        "warnings": count["warning"],
        "notes": count["note"],
        "problems": found,
        "tokens": of_tokens(fit),
    }


def of_fit(fit: Fit) -> list[dict[str, Any]]:
    found = []
    cut = [row for row, n in zip(fit.rows, fit.tokens, strict=True) if n > fit.limit]
    if cut:
        found.append(
            problem(
                "too_long",
                "warning",
                f"{len(cut):,} of {len(fit.tokens):,} texts are longer than the {fit.limit} tokens "
                f"that {fit.base} can read; their end is not seen.",
                "Put what matters first, or split these texts.",
                cut,
            )
        )
    if fit.unknown_share >= UNKNOWN:
        most = fit.unknown_share >= MOSTLY
        found.append(
            problem(
                "unknown_language",
                "warning",
                f"{'Most' if most else f'{fit.unknown_share:.0%} of the'} characters or words in "
                f"these texts are unknown to {fit.base}: it was made for another language.",
                "Expect the TF-IDF baseline to do better, which can be deployed too; or ask the "
                "operator to add a base model for this language.",
                count=round(fit.unknown_share * sum(fit.tokens)),
            )
        )
    return found


def of_tokens(fit: Fit | ChatFit) -> dict[str, Any]:
    """How long the rows are; of conversations also how much of them trains."""
    counts = np.asarray(fit.tokens or [0])
    found = {
        "limit": fit.limit,
        "median": int(np.median(counts)),
        "p95": int(np.percentile(counts, 95)),
        "max": int(counts.max()),
        "unknown_share": round(fit.unknown_share, 4),
    }
    if isinstance(fit, ChatFit):
        found |= {
            "trained_share": round(sum(fit.trained) / max(1, sum(fit.tokens)), 4),
            "read": fit.read,
            "rows": fit.total,
        }
    return found


def verdict(count: Mapping[str, int]) -> str:
    if count["error"]:
        return "Not ready: correct the errors first."
    if (many := count["warning"]) == 1:
        return "Ready to train, but one thing may cost accuracy or mislead the score."
    if many:
        return f"Ready to train, but {many} things may cost accuracy or mislead the score."
    return "Ready to train; nothing stands in the way."
