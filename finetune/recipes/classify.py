"""Classification: an encoder with a head. The choices are measured (benchmarks/README.md)."""

from collections.abc import Mapping

from finetune.recipes import base
from finetune.recipes.base import Default, Facts, Limit, Parameters

LONGEST_DEFAULT = 256
"""Texts beyond this many tokens are rare, and cost more than they tell about a label."""

LIMITS: Mapping[str, Limit] = {
    "epochs": Limit(1, base.MOST_EPOCHS, whole=True),
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
    "frozen_layers": Limit(0, 46, whole=True),
    "seed": Limit(0, 2**31 - 1, whole=True),
}
PLAIN_DEFAULTS: Mapping[str, Default] = {
    "warmup_ratio": Default(0.06, "a short rise, then a straight line to 0"),
    "weight_decay": Default(0.01, "a usual small value"),
    "dropout": Default(0.1, "of what the head reads; the encoder itself has none"),
    "clip": Default(1.0, "a usual value"),
    "label_smoothing": Default(0.1, "wrong labels in the data do less harm"),
    "average": Default(0.99, "the average of the last weights is better than the last ones"),
    "frozen_layers": Default(0, "every layer learns; freezing the lower half is faster"),
    "seed": Default(0, "any number; the same one repeats the run"),
}


def default(name: str, facts: Facts, found: Parameters) -> Default:
    match name:
        case "epochs":
            return base.epochs(facts.train_rows, found["batch_size"].value)
        case "rank":
            return base.rank(facts.train_rows)
        case "learning_rate":
            return rate(facts.train_rows)
        case "alpha":
            return Default(float(found["rank"].value), "equal to the rank, so the scale is 1")
        case "head_learning_rate":
            half = found["learning_rate"].value / 2
            return Default(half, "half of learning_rate: the head starts from the linear baseline")
        case "batch_size":
            return base.batch(facts.train_rows)
        case "max_length":
            return length(facts)
    return PLAIN_DEFAULTS[name]


def rate(rows: int) -> Default:
    """2e-3 where there are rows for it: better than 1e-3 on Banking77's test rows, no worse on
    CLINC150 (one seed); validation separates them on neither (benchmarks/README.md)."""
    if rows < 1_000:
        return Default(1e-3, "under 1,000 training rows")
    return Default(2e-3, "1,000 rows or more; chosen on Banking77")


def length(facts: Facts) -> Default:
    """Just long enough for every text, up to a cap; shorter texts cost nothing extra."""
    cap = min(LONGEST_DEFAULT, facts.max_positions)
    fitting = base.fitting(facts)
    if fitting <= cap:
        return Default(fitting, f"the longest text has {facts.longest_tokens} tokens")
    return Default(cap, f"the longest text has {facts.longest_tokens} tokens; longer ones are cut")
