"""Recipes: what is taken when nothing is given, and what is refused."""

import dataclasses
import math
from typing import Any

import pytest

from core.errors import RequestRefused
from finetune import config
from finetune.config import Facts
from finetune.job import recipe_of
from finetune.worker import spec


def facts(rows: int = 10_000, longest: int = 40) -> Facts:
    return Facts(train_rows=rows, longest_tokens=longest)


def test_every_parameter_has_a_value_an_origin_and_a_reason() -> None:
    found = config.resolve(facts(), {})

    assert list(found) == list(config.LIMITS)
    assert {parameter.origin for parameter in found.values()} == {"default"}
    assert all(parameter.reason for parameter in found.values())


def test_what_is_given_is_marked_set_and_auto_counts_as_not_given() -> None:
    found = config.resolve(facts(), {"epochs": 7, "rank": "auto", "seed": None})

    assert (found["epochs"].value, found["epochs"].origin) == (7, "set")
    assert (found["rank"].origin, found["seed"].origin) == ("default", "default")


@pytest.mark.parametrize(("rows", "rank"), [(500, 16), (1_000, 32), (100_000, 32), (100_001, 64)])
def test_the_rank_grows_with_the_rows(rows: int, rank: int) -> None:
    assert config.resolve(facts(rows), {})["rank"].value == rank


def test_few_rows_get_more_passes_so_that_there_are_enough_steps() -> None:
    found = config.values_of(config.resolve(facts(400), {}))

    assert config.total_steps(400, found) >= config.MIN_STEPS
    assert found["epochs"] > 3


def test_the_passes_follow_a_batch_size_that_was_set() -> None:
    found = config.values_of(config.resolve(facts(400), {"batch_size": 100}))

    assert config.total_steps(400, found) == config.MIN_STEPS


def test_alpha_and_the_head_follow_what_was_set() -> None:
    found = config.values_of(config.resolve(facts(), {"rank": 8, "learning_rate": 0.002}))

    assert (found["alpha"], found["head_learning_rate"]) == (8.0, 0.001)


@pytest.mark.parametrize(
    ("longest", "length"), [(5, 16), (33, 40), (40, 40), (250, 256), (4_000, 256)]
)
def test_the_length_is_fitted_to_the_texts_up_to_a_cap(longest: int, length: int) -> None:
    assert config.resolve(facts(longest=longest), {})["max_length"].value == length


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 0),
        ("rank", 257),
        ("rank", 2.5),
        ("rank", True),
        ("epochs", -1),
        ("epochs", 51),
        ("learning_rate", 1e308),
        ("learning_rate", 0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        pytest.param("batch_size", 10**5000, id="huge"),
        ("seed", "x"),
        ("seed", 2**31),
        ("max_length", 7),
        ("dropout", 0.9),
        ("clip", [1]),
    ],
)
def test_an_absurd_value_is_refused_with_its_limits(name: str, value: Any) -> None:
    with pytest.raises(RequestRefused, match=f"{name}=.* is not a .*number from") as refusal:
        config.resolve(facts(), {name: value})
    assert refusal.value.param == name
    assert len(str(refusal.value)) < 300


def test_a_length_beyond_the_base_is_refused() -> None:
    short = Facts(train_rows=100, longest_tokens=20, max_positions=128)

    with pytest.raises(RequestRefused, match="at most 128"):
        config.resolve(short, {"max_length": 256})


def test_an_unknown_parameter_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(RequestRefused, match="Did you mean learning_rate"):
        config.resolve(facts(), {"learning_rates": 0.1})


def test_a_whole_number_written_as_a_float_is_taken() -> None:
    found = config.resolve(facts(), {"epochs": 3.0})["epochs"].value

    assert isinstance(found, int)


def test_parameters_survive_being_stored() -> None:
    found = config.resolve(facts(), {"epochs": 2})

    assert config.from_dict(config.as_dict(found)) == found


def test_every_setting_of_the_worker_can_be_set_and_none_is_invented() -> None:
    known = {field.name for field in dataclasses.fields(spec.ClassifyRecipe)} - {"target_modules"}

    assert set(config.LIMITS) == known


@pytest.mark.parametrize("end", ["low", "high"])
def test_the_worker_takes_every_parameter_at_its_limits(end: str) -> None:
    values = {name: getattr(limit, end) for name, limit in config.LIMITS.items()}
    found = config.values_of(config.resolve(facts(), values))
    job = spec.TrainSpec(
        task="classify",
        base=spec.Base(name="minilm", path="x"),
        labels=["a", "b"],
        recipe=recipe_of("classify", found),
    )

    assert spec.from_json(spec.to_json(job)) == job


@pytest.mark.parametrize("name", ["label_smoothing", "average"])
def test_the_default_is_the_one_the_worker_measured(name: str) -> None:
    measured = spec.ClassifyRecipe.__dataclass_fields__[name].default

    assert config.resolve(facts(), {})[name].value == measured
