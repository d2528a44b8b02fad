"""Chat: a causal model learns the assistant's part of conversations.

Defaults start from what published LoRA comparisons agree on: all linear layers, no dropout, a
learning rate that falls with the width of the model.
"""

from collections.abc import Mapping

from finetune.recipes import base
from finetune.recipes.base import Default, Facts, Limit, Parameters

LONGEST_DEFAULT = 8192
"""Tokens; longer rows are taken only when asked for, since memory grows with the longest."""
ALPHA = 32.0
RATE_AT = 5e-4
RATE_WIDTH = 2000
RATE_POWERS = {"llama": 0.781, "mistral": 0.781, "qwen2": 0.0775, "qwen3": 0.0775}
"""By model_type: learning rate = 5e-4 · (2000 / hidden size) ^ power. Others take 3e-4."""
RATE_ELSE = 3e-4

LIMITS: Mapping[str, Limit] = {
    "epochs": Limit(1, base.MOST_EPOCHS, whole=True),
    "rank": Limit(1, 256, whole=True),
    "alpha": Limit(1, 1024),
    "learning_rate": Limit(1e-6, 0.1),
    "batch_size": Limit(1, 1024, whole=True),
    "max_length": Limit(8, 131_072, whole=True),
    "warmup_ratio": Limit(0.0, 0.5),
    "weight_decay": Limit(0.0, 0.5),
    "clip": Limit(0.01, 100.0),
    "average": Limit(0.0, 0.9999),
    "seed": Limit(0, 2**31 - 1, whole=True),
}
PLAIN_DEFAULTS: Mapping[str, Default] = {
    "alpha": Default(ALPHA, "a usual value; the scale is alpha / rank"),
    "warmup_ratio": Default(0.06, "a short rise, then a straight line to 0"),
    "weight_decay": Default(0.01, "a usual small value"),
    "clip": Default(1.0, "a usual value"),
    "average": Default(0.99, "the average of the last weights is better than the last ones"),
    "seed": Default(0, "any number; the same one repeats the run"),
}


def default(name: str, facts: Facts, found: Parameters) -> Default:
    match name:
        case "epochs":
            return base.epochs(facts.train_rows, found["batch_size"].value)
        case "rank":
            return base.rank(facts.train_rows)
        case "learning_rate":
            return rate(facts)
        case "batch_size":
            return base.batch(facts.train_rows)
        case "max_length":
            return length(facts)
    return PLAIN_DEFAULTS[name]


def rate(facts: Facts) -> Default:
    power = RATE_POWERS.get(facts.model_type)
    if power is None:
        return Default(RATE_ELSE, f"a usual value; no rule is known for {facts.model_type} models")
    found = RATE_AT * (RATE_WIDTH / facts.hidden_size) ** power
    return Default(
        float(f"{found:.2g}"),
        f"a rule for {facts.model_type} models: 5e-4 · (2000 / {facts.hidden_size}) ^ {power:g}",
    )


def length(facts: Facts) -> Default:
    """Long enough for every row: a row is never cut, one that does not fit is left out."""
    cap = min(LONGEST_DEFAULT, facts.max_positions)
    longest = f"the longest row has {facts.longest_tokens:,} tokens"
    if facts.longest_tokens <= cap:
        return Default(min(base.fitting(facts), cap), longest)
    return Default(cap, f"{longest}; rows beyond {cap:,} tokens are left out")
