"""How good are answers, and how sure is that? Texts and numbers in, numbers out; no model here.

Everything is by row: two models are compared on the same rows, so what makes a row hard for both
does not blur the difference.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.worker.evaluate import at_the_end, ratio, wilson

Floats = NDArray[np.float64]

SHORT = 40
"""Characters. Where half of the expected answers are longer, hardly one is met exactly."""
CHRF_ORDER, CHRF_BETA = 6, 2.0
"""Longest n-grams, and how many times recall counts as much as precision (Popović 2015)."""
LOOP_UNIT, LOOP_TIMES, LOOP_LEAST = 200, 3, 30
"""A text repeats itself when a piece of up to so many characters stands there so many times in a
row, and the repetitions alone have so many characters: `ha ha ha` does not count."""
LARGEST_EXPONENT = 700.0
"""A perplexity beyond e to this is no number any more."""


@dataclass(frozen=True)
class Answer:
    """What a model said."""

    text: str
    ended: bool
    """By itself, with its end of turn, within the tokens it was allowed."""
    ids: list[int] = field(default_factory=list)
    """Its tokens, where a model said it."""


@dataclass(frozen=True)
class Judged:
    """One value per row, 0 to 1."""

    metric: str
    scores: Floats
    ended: Floats
    repeating: Floats

    def as_json(self) -> dict[str, Any]:
        """Means, and the 95 % interval of the score."""
        return {
            "score": float(self.scores.mean()),
            "interval": self._interval(),
            "ended": float(self.ended.mean()),
            "repeating": float(self.repeating.mean()),
        }

    def _interval(self) -> list[float]:
        if self.metric == "exact_match":
            return list(wilson(int(self.scores.sum()), len(self.scores)))
        found: list[float] = ratio(self.scores, np.ones_like(self.scores))["interval"]
        return found


def normalised(text: str) -> str:
    """Without what nobody sees: one width of characters, no case, single spaces, none around."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def exact(said: str, expected: str) -> float:
    """1 when both say the same, letter for letter after `normalised`; else 0."""
    return float(normalised(said) == normalised(expected))


def chrf(said: str, expected: str) -> float:
    """How many runs of 1 to 6 characters they share, 0 to 1; blind to spaces.

    The chrF of a sentence: precision and recall averaged over the lengths that both texts have,
    then F with beta 2. It needs no words, so it serves every script.
    """
    ours, theirs = ("".join(text.split()) for text in (said, expected))
    if ours == theirs:
        return 1.0
    shares = [_shared(ours, theirs, n) for n in range(1, CHRF_ORDER + 1)]
    known = [share for share in shares if share is not None]
    if not known:
        return 0.0
    precision, recall = (sum(column) / len(known) for column in zip(*known, strict=True))
    weight = CHRF_BETA**2
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else 0.0


def _shared(ours: str, theirs: str, n: int) -> tuple[float, float] | None:
    """Precision and recall of the runs of n characters, or None when one text has none."""
    said, expected = (Counter(t[i : i + n] for i in range(len(t) - n + 1)) for t in (ours, theirs))
    if not said or not expected:
        return None
    common = (said & expected).total()
    return common / said.total(), common / expected.total()


SCORES: dict[str, Callable[[str, str], float]] = {"exact_match": exact, "chrf": chrf}


def metric_for(expected: Sequence[str]) -> str:
    """`exact_match` where answers are short, `chrf` where they are not."""
    return "exact_match" if np.median([len(text) for text in expected]) <= SHORT else "chrf"


def repeats(text: str) -> bool:
    """Whether the text is caught in a loop, as models are that never learned to end."""
    letters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    most = min(LOOP_UNIT, len(letters) // LOOP_TIMES)
    return any(_loops(letters, unit) for unit in range(1, most + 1))


def _loops(letters: NDArray[np.uint32], unit: int) -> bool:
    changes = np.flatnonzero(letters[unit:] != letters[:-unit])
    edges = np.concatenate([[-1], changes, [len(letters) - unit]])
    return int(np.diff(edges).max()) - 1 >= max(LOOP_LEAST, unit * (LOOP_TIMES - 1))


def judge(metric: str, expected: Sequence[str], answers: Sequence[Answer]) -> Judged:
    """Score each answer. A loop that the expected answer has too is none."""
    pairs = list(zip(answers, expected, strict=True))
    score = SCORES[metric]
    return Judged(
        metric,
        np.array([score(said.text, wanted) for said, wanted in pairs]),
        np.array([float(said.ended) for said, _ in pairs]),
        np.array([float(repeats(said.text) and not repeats(wanted)) for said, wanted in pairs]),
    )


def points(ours: Judged, theirs: Judged) -> dict[str, Any]:
    """How many points of the score ours is above theirs, with a paired 95 % interval."""
    change = (ours.scores - theirs.scores) * 100
    if (change == 100).all() or (change == -100).all():
        return {"points": float(change[0]), "interval": at_the_end(change[0], len(change))}
    found = ratio(change, np.ones_like(change))
    return {"points": found["value"], "interval": found["interval"]}


def loss(nll: Floats, tokens: Floats) -> dict[str, Any]:
    """Mean loss of a trained token in nats, and the perplexity, each with its 95 % interval.

    Args:
        nll: Sum of a row's losses.
        tokens: Trained tokens of the row.
    """
    found = ratio(nll, tokens)
    return {
        "rows": len(nll),
        "tokens": int(tokens.sum()),
        "loss": found["value"],
        "interval": found["interval"],
        "perplexity": perplexity(found["value"]),
        "perplexity_interval": [perplexity(end) for end in found["interval"]],
    }


def perplexity(loss: float) -> float:
    """Among how many equally likely tokens the model is undecided, on average."""
    return math.exp(min(loss, LARGEST_EXPONENT))


def loss_difference(ours: Floats, theirs: Floats, tokens: Floats) -> dict[str, Any]:
    """Ours minus theirs in nats a token, so below 0 is better; paired 95 % interval."""
    found = ratio(ours - theirs, tokens)
    return {"nats": found["value"], "interval": found["interval"]}
