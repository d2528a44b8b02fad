"""A recipe as plain data: every parameter with its value, where it comes from and why.

What a task may set, and within which limits, is in `finetune.recipes`. No torch here: the chat
process imports this file.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, cast

from core import plugins
from core.errors import RequestRefused
from finetune import recipes
from finetune.recipes.base import (
    Facts,
    Limit,
    Number,
    Parameter,
    Parameters,
    Recipe,
    steps_per_epoch,
)

Setting = int | float | str
"""A parameter as it is asked for: a number, or "auto"."""
AUTO = "auto"
DECIDED_FIRST = ("rank", "learning_rate", "batch_size")
"""The defaults of other parameters depend on these."""


def recipe(task: str) -> Recipe:
    return cast(Recipe, plugins.load(recipes, task))


def limits(task: str) -> Mapping[str, Limit]:
    """What may be set for a task of the worker, in the order in which it is shown."""
    return recipe(task).LIMITS


def task_of(names: Iterable[str]) -> str:
    """The task whose recipe has these parameters; some recipes have all of another's and more."""
    given = {*names}
    fitting = [task for task in plugins.names(recipes) if given >= {*limits(task)}]
    return max(fitting or plugins.names(recipes), key=lambda task: len(limits(task)))


def every_limit() -> dict[str, Limit]:
    """The parameters of all tasks, each with the widest of its limits."""
    found: dict[str, Limit] = {}
    for task in plugins.names(recipes):
        for name, limit in limits(task).items():
            known = found.get(name, limit)
            low, high = min(known.low, limit.low), max(known.high, limit.high)
            found[name] = Limit(low, high, limit.whole)
    return found


def resolve(task: str, facts: Facts, given: Mapping[str, Any]) -> Parameters:
    """Every parameter with a value, where it comes from and why.

    Args:
        task: Of the worker, such as `classify`.
        given: Parameter to number; `"auto"` and None count as not given.

    Raises:
        RequestRefused: An unknown parameter, or a value outside its limits (which are named).
    """
    wanted = recipe(task)
    given = {name: value for name, value in given.items() if is_set(value)}
    refuse_unknown(given, wanted.LIMITS)
    chosen = {name: check(name, value, wanted.LIMITS[name]) for name, value in given.items()}
    found: Parameters = {}
    for name in sorted(wanted.LIMITS, key=DECIDED_FIRST.__contains__, reverse=True):
        if name in chosen:
            found[name] = Parameter(chosen[name], "set", "set by you")
        else:
            usual = wanted.default(name, facts, found)
            found[name] = Parameter(usual.value, "default", usual.reason)
    refuse_too_long(found["max_length"], facts, wanted.LIMITS["max_length"])
    return {name: found[name] for name in wanted.LIMITS}


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


def check(name: str, value: Any, limit: Limit) -> Number:
    """The value as a number within the limits of its parameter."""
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


def refuse_too_long(length: Parameter, facts: Facts, limit: Limit) -> None:
    most = min(int(limit.high), facts.max_positions)
    if length.value > most:
        raise RequestRefused(
            f"max_length={length.value} is more than the base model can read.",
            code="invalid_argument",
            param="max_length",
            fix=f"Give at most {most}.",
        )


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
