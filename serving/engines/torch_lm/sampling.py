"""The next token of each row: the likeliest, or drawn from the likely ones.

Each row draws with a generator of its own, one number for each token, so that a seed gives the same
text whatever else is in the batch.

Letters in names: R rows, V tokens of the vocabulary, K tokens that may be drawn.
"""

import random
from dataclasses import dataclass, field

import torch
from torch import Tensor

LIKELY = 256
"""Tokens looked at first for `top_p`; all are sorted only when these do not hold the share."""


@dataclass
class Choice:
    """How one row chooses."""

    temperature: float
    top_p: float
    seed: int | None
    draws: random.Random = field(init=False)

    def __post_init__(self) -> None:
        # Without a seed the system's randomness starts it.
        self.draws = random.Random(self.seed)


def choose(logits_RV: Tensor, choices: list[Choice]) -> list[int]:
    """The next token of each row, or -1 where the logits are no numbers."""
    best_R, tokens_R = logits_RV.max(-1)
    tokens: list[int] = torch.where(best_R.isfinite(), tokens_R, -1).tolist()
    drawing = [r for r, one in enumerate(choices) if one.temperature > 0 and tokens[r] >= 0]
    if drawing:
        chosen = [choices[row] for row in drawing]
        drawn = draw(logits_RV if len(drawing) == len(tokens) else logits_RV[drawing], chosen)
        for row, token in zip(drawing, drawn, strict=True):
            tokens[row] = token
    return tokens


def draw(logits_RV: Tensor, choices: list[Choice]) -> list[int]:
    """One token for each row, by its share among those that `top_p` leaves."""
    device = logits_RV.device
    heats_R1 = torch.tensor([[one.temperature] for one in choices], device=device)
    shares_RV = (logits_RV.float() / heats_R1).softmax(-1)
    points = torch.tensor([[one.draws.random()] for one in choices], device=device)
    if all(one.top_p >= 1 for one in choices):
        return pick(shares_RV, points)
    limits_R1 = torch.tensor([[one.top_p] for one in choices], device=device)
    return pick(shares_RV * kept(shares_RV, limits_R1), points)


def kept(shares_RV: Tensor, limits_R1: Tensor) -> Tensor:
    """The fewest likeliest tokens that together have the share asked for."""
    some = min(LIKELY, shares_RV.shape[1])
    likely_RK = shares_RV.topk(some).values
    if some < shares_RV.shape[1] and bool((likely_RK.sum(-1, keepdim=True) < limits_R1).any()):
        likely_RK = shares_RV.sort(descending=True).values
    before_RK = likely_RK.cumsum(-1) - likely_RK
    last_R1 = (before_RK < limits_R1).sum(-1, keepdim=True).clamp(min=1) - 1
    return shares_RV >= likely_RK.gather(1, last_R1)


def pick(shares_RV: Tensor, points_R1: Tensor) -> list[int]:
    """The token at each point of the shares laid one behind the other."""
    # In double precision: over 100,000 small shares float32 would lose the last ones.
    sums_RV = shares_RV.double().cumsum(-1)
    found_R1 = torch.searchsorted(sums_RV, points_R1.double() * sums_RV[:, -1:], right=True)
    tokens: list[int] = found_R1.clamp(max=shares_RV.shape[1] - 1)[:, 0].tolist()
    return tokens
