"""Recipes: what is taken when nothing is given, and what is refused."""

import dataclasses
import math
from typing import Any

import pytest

from core.errors import RequestRefused
from finetune import config
from finetune.job import recipe_of
from finetune.recipes.base import MIN_STEPS, Facts
from finetune.worker import spec


def facts(rows: int = 10_000, longest: int = 40) -> Facts:
    return Facts(train_rows=rows, longest_tokens=longest)


def test_every_parameter_has_a_value_an_origin_and_a_reason() -> None:
    found = config.resolve("classify", facts(), {})

    assert list(found) == list(config.limits("classify"))
    assert {parameter.origin for parameter in found.values()} == {"default"}
    assert all(parameter.reason for parameter in found.values())


def test_what_is_given_is_marked_set_and_auto_counts_as_not_given() -> None:
    found = config.resolve("classify", facts(), {"epochs": 7, "rank": "auto", "seed": None})

    assert (found["epochs"].value, found["epochs"].origin) == (7, "set")
    assert (found["rank"].origin, found["seed"].origin) == ("default", "default")


@pytest.mark.parametrize(("rows", "rank"), [(500, 16), (1_000, 32), (100_000, 32), (100_001, 64)])
def test_the_rank_grows_with_the_rows(rows: int, rank: int) -> None:
    assert config.resolve("classify", facts(rows), {})["rank"].value == rank


def test_few_rows_get_more_passes_so_that_there_are_enough_steps() -> None:
    found = config.values_of(config.resolve("classify", facts(400), {}))

    assert config.total_steps(400, found) >= MIN_STEPS
    assert found["epochs"] > 3


def test_the_passes_follow_a_batch_size_that_was_set() -> None:
    found = config.values_of(config.resolve("classify", facts(400), {"batch_size": 100}))

    assert config.total_steps(400, found) == MIN_STEPS


def test_alpha_and_the_head_follow_what_was_set() -> None:
    found = config.values_of(
        config.resolve("classify", facts(), {"rank": 8, "learning_rate": 0.002})
    )

    assert (found["alpha"], found["head_learning_rate"]) == (8.0, 0.001)


@pytest.mark.parametrize(
    ("longest", "length"), [(5, 16), (33, 40), (40, 40), (250, 256), (4_000, 256)]
)
def test_the_length_is_fitted_to_the_texts_up_to_a_cap(longest: int, length: int) -> None:
    assert config.resolve("classify", facts(longest=longest), {})["max_length"].value == length


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
        config.resolve("classify", facts(), {name: value})
    assert refusal.value.param == name
    assert len(str(refusal.value)) < 300


def test_a_length_beyond_the_base_is_refused() -> None:
    short = Facts(train_rows=100, longest_tokens=20, max_positions=128)

    with pytest.raises(RequestRefused, match="at most 128"):
        config.resolve("classify", short, {"max_length": 256})


def test_an_unknown_parameter_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(RequestRefused, match="Did you mean learning_rate"):
        config.resolve("classify", facts(), {"learning_rates": 0.1})


def test_a_whole_number_written_as_a_float_is_taken() -> None:
    found = config.resolve("classify", facts(), {"epochs": 3.0})["epochs"].value

    assert isinstance(found, int)


def test_parameters_survive_being_stored() -> None:
    found = config.resolve("classify", facts(), {"epochs": 2})

    assert config.from_dict(config.as_dict(found)) == found


@pytest.mark.parametrize("task", [*spec.RECIPES])
def test_every_setting_of_the_worker_can_be_set_and_none_is_invented(task: str) -> None:
    known = {field.name for field in dataclasses.fields(spec.RECIPES[task])}

    assert set(config.limits(task)) == known - {"target_modules", "loop"}


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("task", [*spec.RECIPES])
def test_the_worker_takes_every_parameter_at_its_limits(task: str, end: str) -> None:
    values = {name: getattr(limit, end) for name, limit in config.limits(task).items()}
    long = Facts(train_rows=100, longest_tokens=20, max_positions=1_000_000)
    found = config.values_of(config.resolve(task, long, values))
    job = spec.TrainSpec(
        task=task,
        base=spec.Base(name="minilm", path="x"),
        labels=["a", "b"] if task == "classify" else [],
        recipe=recipe_of(task, found),
    )

    assert spec.from_json(spec.to_json(job)) == job


def test_the_task_is_known_by_its_parameters() -> None:
    for task in spec.RECIPES:
        assert config.task_of(["dataset", "base_model", *config.limits(task)]) == task


def test_a_setting_of_another_task_is_refused() -> None:
    with pytest.raises(RequestRefused, match="no parameter 'dropout'"):
        config.resolve("chat", facts(), {"dropout": 0.1, "label_smoothing": "auto"})


@pytest.mark.parametrize(
    ("model_type", "width", "rate"),
    [("llama", 2000, 5e-4), ("llama", 250, 2.5e-3), ("qwen3", 1024, 5.3e-4), ("gpt2", 768, 3e-4)],
)
def test_the_rate_of_a_chat_model_falls_with_its_width(
    model_type: str, width: int, rate: float
) -> None:
    wide = Facts(train_rows=500, longest_tokens=90, hidden_size=width, model_type=model_type)

    assert config.resolve("chat", wide, {})["learning_rate"].value == rate


def test_a_chat_row_is_never_cut_so_the_length_fits_the_longest() -> None:
    fits = Facts(train_rows=500, longest_tokens=4_001, max_positions=32_768)
    does_not = Facts(train_rows=500, longest_tokens=4_001, max_positions=2_048)

    assert config.resolve("chat", fits, {})["max_length"].value == 4_008
    left_out = config.resolve("chat", does_not, {})["max_length"]
    assert left_out.value == 2_048 and "left out" in left_out.reason


@pytest.mark.parametrize("name", ["label_smoothing", "average"])
def test_the_default_is_the_one_the_worker_measured(name: str) -> None:
    measured = spec.ClassifyRecipe.__dataclass_fields__[name].default

    assert config.resolve("classify", facts(), {})[name].value == measured
