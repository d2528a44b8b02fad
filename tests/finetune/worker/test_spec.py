"""What may stand in a worker's job.json."""

import json
import subprocess
import sys
from typing import Any

import pytest

from core.errors import RequestRefused
from finetune.worker.spec import (
    Base,
    ClassifyRecipe,
    EncoderSpec,
    ProbeSpec,
    Spec,
    TrainSpec,
    from_json,
    to_json,
)

BASE = Base(name="minilm", path="/bases/minilm", sha256="ab")
RECIPE = ClassifyRecipe(
    epochs=3,
    rank=16,
    alpha=16.0,
    learning_rate=1e-3,
    head_learning_rate=5e-3,
    batch_size=32,
    seed=0,
    max_length=64,
)
TRAIN = TrainSpec(task="classify", base=BASE, labels=["no", "yes"], recipe=RECIPE)


@pytest.mark.parametrize(
    "spec",
    [
        TRAIN,
        ProbeSpec(
            task="classify", base=BASE, labels=["no", "yes"], recipe=RECIPE, rows={"test": 9}
        ),
        EncoderSpec(base=BASE),
    ],
    ids=lambda spec: str(spec.kind),
)
def test_a_job_survives_its_way_through_a_file(spec: Spec) -> None:
    assert from_json(json.loads(json.dumps(to_json(spec)))) == spec


def test_a_whole_number_is_taken_where_a_fraction_is_wanted() -> None:
    content = to_json(TRAIN)
    content["recipe"]["alpha"] = 16

    assert from_json(content) == TRAIN


@pytest.mark.parametrize(
    ("place", "key", "value", "words"),
    [
        ("recipe", "rnak", 16, "unknown key 'rnak'"),
        ("", "colour", "red", "unknown key 'colour'"),
        ("recipe", "rank", "16", "rank='16' should be int"),
        ("recipe", "rank", True, "rank=True should be int"),
        ("recipe", "rank", 0, "rank=0 should be above 0"),
        ("recipe", "dropout", 1.0, "below 1"),
        ("recipe", "target_modules", "query", "only 'all-linear'"),
        ("", "labels", ["one"], "at least two"),
        ("", "labels", ["one", 2], "should hold only str"),
        ("", "labels", "one", "should be a list"),
        ("", "base", "minilm", "should be an object"),
        ("", "kind", "dance", "'dance' is not one of train, probe, encoder"),
    ],
)
def test_what_a_job_does_not_know_is_refused(place: str, key: str, value: Any, words: str) -> None:
    content = to_json(TRAIN)
    (content[place] if place else content)[key] = value

    with pytest.raises(RequestRefused, match=words):
        from_json(content)


def test_a_missing_key_is_named() -> None:
    content = to_json(TRAIN)
    del content["base"], content["recipe"]

    with pytest.raises(RequestRefused, match=r"lacks base, recipe"):
        from_json(content)


def test_who_writes_a_job_needs_no_torch() -> None:
    probe = "import sys, finetune.worker.spec; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
