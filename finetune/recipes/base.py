"""What a recipe is, and the defaults that tasks share.

The shared defaults follow published LoRA comparisons (see benchmarks/README.md).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Number = int | float


@dataclass(frozen=True)
class Default:
    """The value taken when none is given, and why."""

    value: Number
    reason: str


@dataclass(frozen=True)
class Limit:
    """The values a parameter may take, ends included."""

    low: Number
    high: Number
    whole: bool = False

    def rule(self) -> str:
        """Which values are fine, as a part of a sentence."""
        low, high = f"{self.low:,}".replace("1e-06", "0.000001"), f"{self.high:,}"
        return f"{'a whole number' if self.whole else 'a number'} from {low} to {high}"


@dataclass(frozen=True)
class Parameter:
    value: Number
    origin: str
    """`set` by whoever asked, or `default`."""
    reason: str


Parameters = dict[str, Parameter]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the defaults depend on."""

    train_rows: int
    longest_tokens: int
    """Of the longest row, with its special tokens."""
    max_positions: int = 512
    """How many tokens the base can read at once."""
    hidden_size: int = 384
    model_type: str = "bert"


class Recipe(Protocol):
    """What a file of `finetune.recipes` offers."""

    LIMITS: Mapping[str, Limit]

    def default(self, name: str, facts: Facts, found: Parameters) -> Default: ...


MIN_STEPS = 100
"""Fewer steps than this leave an adapter half trained, however few the rows are."""
MOST_EPOCHS = 50


def rank(rows: int) -> Default:
    if rows < 1_000:
        return Default(16, "under 1,000 training rows")
    if rows <= 100_000:
        return Default(32, "1,000 to 100,000 training rows")
    return Default(64, "over 100,000 training rows")


def batch(rows: int) -> Default:
    if rows < 200:
        return Default(8, "under 200 training rows, so that there are enough steps")
    if rows < 1_000:
        return Default(16, "under 1,000 training rows, so that there are enough steps")
    return Default(32, "a usual size")


def epochs(rows: int, batch_size: Number) -> Default:
    usual = base_epochs(rows)
    enough = math.ceil(MIN_STEPS / steps_per_epoch(rows, batch_size))
    if enough <= usual.value:
        return usual
    found = min(enough, MOST_EPOCHS)
    return Default(found, f"few rows, so more passes: at least {MIN_STEPS} steps where possible")


def base_epochs(rows: int) -> Default:
    if rows <= 30_000:
        return Default(3, "up to 30,000 training rows")
    if rows <= 100_000:
        return Default(2, "30,000 to 100,000 training rows")
    return Default(1, "over 100,000 training rows")


def steps_per_epoch(rows: int, batch_size: Number) -> int:
    return max(1, math.ceil(rows / batch_size))


def fitting(facts: Facts) -> int:
    """The length of the longest row, rounded up."""
    return max(16, math.ceil(facts.longest_tokens / 8) * 8)
