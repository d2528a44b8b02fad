"""Several rankings to one, and whether the best of it answers the question. Numbers only."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import log
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

FUSION_K = 20
"""Damping of reciprocal-rank fusion; 20 was best of 5 to 100 on documentation questions."""


def reciprocal(ranking: Iterable[T]) -> dict[T, float]:
    """Item to 1 / (k + rank), rank from 1; an item that comes twice counts where it came first."""
    scores: dict[T, float] = {}
    for rank, item in enumerate(dict.fromkeys(ranking), start=1):
        scores[item] = 1.0 / (FUSION_K + rank)
    return scores


def best_possible(rankings: int) -> float:
    """The score of what is first in every one of so many rankings."""
    return rankings / (FUSION_K + 1)


def fuse(rankings: Sequence[Mapping[T, float]]) -> dict[T, float]:
    """The sum of an item's scores, best item first, 1.0 at most; ties keep their order."""
    total: dict[T, float] = {}
    for ranking in rankings:
        for item, score in ranking.items():
            total[item] = total.get(item, 0.0) + score
    whole = best_possible(max(1, len(rankings)))
    ordered = sorted(total.items(), key=lambda pair: -pair[1])
    return {item: score / whole for item, score in ordered}


def idf(chunks: int, holding: int) -> float:
    """How telling a term is that so many of the chunks hold; above 0 even where all do."""
    return log(1.0 + (chunks - holding + 0.5) / (holding + 0.5))


def coverage(weights: Mapping[str, float], covered: Iterable[str]) -> float:
    """Share of the question's weight that the covered terms carry, 0 to 1."""
    whole = sum(weights.values())
    return sum(weights[term] for term in set(covered)) / whole if whole else 0.0
