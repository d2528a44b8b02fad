"""The recipe of a classifier as plain data: what may be set, within which limits, and what is
taken when it is not. No torch here: the chat process imports this file.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import RequestRefused

Number = int | float
Setting = int | float | str
"""A parameter as it is asked for: a number, or "auto"."""
AUTO = "auto"
MIN_STEPS = 100
"""Fewer steps than this leave an adapter half trained, however few the rows are."""
LONGEST_DEFAULT = 256
"""Texts beyond this many tokens are rare, and cost more than they tell about a label."""


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


LIMITS: Mapping[str, Limit] = {
    "epochs": Limit(1, 50, whole=True),
    "rank": Limit(1, 256, whole=True),
    "alpha": Limit(1, 1024),
    "learning_rate": Limit(1e-6, 0.1),
    "head_learning_rate": Limit(1e-6, 0.5),
    "batch_size": Limit(1, 1024, whole=True),
    "max_length": Limit(8, 512, whole=True),
    "warmup_ratio": Limit(0.0, 0.5),
    "weight_decay": Limit(0.0, 0.5),
    "dropout": Limit(0.0, 0.5),
    "clip": Limit(0.01, 100.0),
    "label_smoothing": Limit(0.0, 0.5),
    "average": Limit(0.0, 0.9999),
    "seed": Limit(0, 2**31 - 1, whole=True),
}
DECIDED_FIRST = ("rank", "learning_rate", "batch_size")
"""The defaults of other parameters depend on these."""


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
    """Of the longest text, with the two special tokens."""
    max_positions: int = 512
    """How many tokens the base can read at once."""

    @property
    def length_limit(self) -> int:
        return min(int(LIMITS["max_length"].high), self.max_positions)


def resolve(facts: Facts, given: Mapping[str, Any]) -> Parameters:
    """Every parameter with a value, where it comes from and why.

    Args:
        given: Parameter to number; `"auto"` and None count as not given.

    Raises:
        RequestRefused: An unknown parameter, or a value outside its limits (which are named).
    """
    refuse_unknown(given, LIMITS)
    chosen = {name: check(name, value) for name, value in given.items() if is_set(value)}
    found: Parameters = {}
    for name in sorted(LIMITS, key=DECIDED_FIRST.__contains__, reverse=True):
        if name in chosen:
            found[name] = Parameter(chosen[name], "set", "set by you")
        else:
            value, reason = default(name, facts, found)
            found[name] = Parameter(value, "default", reason)
    refuse_too_long(found["max_length"], facts)
    return {name: found[name] for name in LIMITS}


def is_set(value: Any) -> bool:
    return value is not None and value != AUTO


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name in known:
            continue
        near = difflib.get_close_matches(name, list(known), n=1)
        there = ", ".join(known)
        raise RequestRefused(
            f"There is no parameter {name[:80]!r}.",
            code="unknown_argument",
            param=name[:80],
            fix=f"Did you mean {near[0]}? There are: {there}." if near else f"There are: {there}.",
        )


def check(name: str, value: Any) -> Number:
    """The value as a number within the limits of its parameter."""
    limit = LIMITS[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN and the infinities fail these comparisons too.
    if number and limit.low <= value <= limit.high:
        if not limit.whole:
            return float(value)
        if int(value) == value:
            return int(value)
    raise RequestRefused(
        f"{name}={shown(value)} is not {limit.rule()}.",
        code="invalid_argument",
        param=name,
        fix="Correct it, or leave it out for the default.",
    )


def shown(value: Any) -> str:
    """A value as part of an error. Python refuses to print whole numbers of many digits."""
    if isinstance(value, int) and value.bit_length() > 100:
        return "a number of more than 30 digits"
    return repr(value)[:40]


def refuse_too_long(length: Parameter, facts: Facts) -> None:
    if length.value > facts.length_limit:
        raise RequestRefused(
            f"max_length={length.value} is more than the base model can read.",
            code="invalid_argument",
            param="max_length",
            fix=f"Give at most {facts.length_limit}.",
        )


def default(name: str, facts: Facts, found: Parameters) -> tuple[Number, str]:
    """The value taken when none is given, and why.

    The choices follow published LoRA comparisons and our own measurements on Banking77
    and CLINC150 (benchmarks/README.md). `found` holds the parameters decided before this one.
    """
    match name:
        case "epochs":
            return default_epochs(facts.train_rows, found["batch_size"].value)
        case "rank":
            return default_rank(facts.train_rows)
        case "learning_rate":
            return default_rate(facts.train_rows)
        case "alpha":
            return float(found["rank"].value), "equal to the rank, so the scale is 1"
        case "head_learning_rate":
            rate = found["learning_rate"].value / 2
            return rate, "half of learning_rate: the head starts from the linear baseline"
        case "batch_size":
            return default_batch(facts.train_rows)
        case "max_length":
            return default_length(facts)
    return PLAIN_DEFAULTS[name]


PLAIN_DEFAULTS: Mapping[str, tuple[Number, str]] = {
    "warmup_ratio": (0.06, "a short rise, then a straight line to 0"),
    "weight_decay": (0.01, "a usual small value"),
    "dropout": (0.1, "of what the head reads; the encoder itself has none"),
    "clip": (1.0, "a usual value"),
    "label_smoothing": (0.1, "wrong labels in the data do less harm"),
    "average": (0.99, "the average of the last weights is better than the last ones"),
    "seed": (0, "any number; the same one repeats the run"),
}


def default_rank(rows: int) -> tuple[int, str]:
    if rows < 1_000:
        return 16, "under 1,000 training rows"
    if rows <= 100_000:
        return 32, "1,000 to 100,000 training rows"
    return 64, "over 100,000 training rows"


def default_rate(rows: int) -> tuple[float, str]:
    """2e-3 where there are rows for it: better than 1e-3 on Banking77's test rows, no worse on
    CLINC150 (one seed); validation separates them on neither (benchmarks/README.md)."""
    if rows < 1_000:
        return 1e-3, "under 1,000 training rows"
    return 2e-3, "1,000 rows or more; chosen on Banking77"


def default_batch(rows: int) -> tuple[int, str]:
    if rows < 200:
        return 8, "under 200 training rows, so that there are enough steps"
    if rows < 1_000:
        return 16, "under 1,000 training rows, so that there are enough steps"
    return 32, "a usual size"


def default_epochs(rows: int, batch_size: Number) -> tuple[int, str]:
    wanted, why = base_epochs(rows)
    enough = math.ceil(MIN_STEPS / steps_per_epoch(rows, batch_size))
    if enough <= wanted:
        return wanted, why
    epochs = min(enough, int(LIMITS["epochs"].high))
    return epochs, f"few rows, so more passes: at least {MIN_STEPS} steps where possible"


def base_epochs(rows: int) -> tuple[int, str]:
    if rows <= 30_000:
        return 3, "up to 30,000 training rows"
    if rows <= 100_000:
        return 2, "30,000 to 100,000 training rows"
    return 1, "over 100,000 training rows"


def default_length(facts: Facts) -> tuple[int, str]:
    """Just long enough for every text, up to a cap; shorter texts cost nothing extra."""
    cap = min(LONGEST_DEFAULT, facts.length_limit)
    fitting = max(16, math.ceil(facts.longest_tokens / 8) * 8)
    if fitting <= cap:
        return fitting, f"the longest text has {facts.longest_tokens} tokens"
    return cap, f"the longest text has {facts.longest_tokens} tokens; longer ones are cut"


def steps_per_epoch(rows: int, batch_size: Number) -> int:
    return max(1, math.ceil(rows / batch_size))


def total_steps(rows: int, values: Mapping[str, Number]) -> int:
    """Optimizer steps of the whole run, unless it stops early."""
    return int(values["epochs"]) * steps_per_epoch(rows, values["batch_size"])


def values_of(parameters: Parameters) -> dict[str, Number]:
    return {name: parameter.value for name, parameter in parameters.items()}


def as_dict(parameters: Parameters) -> dict[str, dict[str, Any]]:
    return {name: asdict(parameter) for name, parameter in parameters.items()}


def from_dict(stored: Mapping[str, Any]) -> Parameters:
    """The other way round, for what comes from our own records."""
    return {name: Parameter(**fields) for name, fields in stored.items()}
