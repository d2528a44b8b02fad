"""The task of giving each text a label."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import RequestRefused
from finetune.worker.machine import Device
from finetune.worker.rows import Split
from finetune.worker.spec import TrainSpec
from finetune.worker.tasks.classify.task import Classifier
from tests.finetune.worker.small import order_rows, recipe, tiny_base

LABELS = ["down", "up"]


def make(folder: Path, **changed: object) -> Classifier:
    rows = order_rows(32)
    rows = [row | {"text": row["text"] + " a b" * (i % 4)} for i, row in enumerate(rows)]
    part = Split([row["text"] for row in rows], np.array([LABELS.index(r["label"]) for r in rows]))
    splits = {"train": part, "validation": part, "test": part}
    spec = TrainSpec(
        task="classify",
        base=tiny_base(folder),
        labels=LABELS,
        recipe=recipe(**({"dropout": 0.3, "batch_size": 16} | changed)),
    )
    return Classifier(spec, splits, Device("cpu", torch.float32))


def gradients(task: Classifier, tokens: int) -> tuple[int, float, list[torch.Tensor]]:
    """Parts, loss and gradients of one step when so many tokens fit into memory."""
    task.part_tokens = tokens
    batch = task.batches(0)[0]
    found = task.parts(batch)
    losses = [task.loss(batch, part, step=5) for part in found]
    total = torch.stack(losses).sum()
    grads = torch.autograd.grad(total, list(task.trained().values()))
    return len(found), float(total.detach()), list(grads)


def test_a_batch_in_parts_has_the_loss_and_the_gradients_of_the_whole(tmp_path: Path) -> None:
    task = make(tmp_path)
    with torch.no_grad():
        for number, value in enumerate(task.trained().values()):
            value += torch.sin(torch.arange(value.numel()).view(value.shape) + number) * 0.1

    whole = gradients(task, 10_000)
    some = [gradients(task, tokens) for tokens in (160, 80, 40, 1)]

    assert whole[0] == 1
    assert [count for count, _, _ in some][-1] == 16
    assert len({count for count, _, _ in some}) == 4
    for _, loss, grads in some:
        assert loss == pytest.approx(whole[1], rel=1e-5)
        for ours, theirs in zip(grads, whole[2], strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_the_same_step_hides_the_same_features_and_another_does_not(tmp_path: Path) -> None:
    task = make(tmp_path)
    task.start_head(
        np.float32([[1.0], [-1.0]]) * np.ones((2, 32), np.float32), np.zeros(2, np.float32)
    )
    batch = task.batches(0)[0]

    def loss(step: int) -> float:
        return float(task.loss(batch, slice(0, 16), step).detach())

    assert loss(3) == loss(3)
    assert loss(3) != loss(4)


def test_a_length_that_the_base_cannot_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="max_length=64 is above the 40 tokens"):
        make(tmp_path, max_length=64)


def test_layers_that_learn_nothing_are_worked_out_once_with_the_same_loss(tmp_path: Path) -> None:
    task = make(tmp_path, frozen_layers=1)
    batch = task.batches(0)[0]
    each_time = task.loss(batch, slice(0, 16), step=0)

    task.keep_below()
    once = task.loss(batch, slice(0, 16), step=0)

    assert len(task.below) == len(task.ids["train"])
    assert float(once.detach()) == pytest.approx(float(each_time.detach()), rel=1e-6)
    assert {name.split(".")[1] for name in task.trained() if name.startswith("adapter.")} == {"1"}


def test_nothing_is_kept_where_every_layer_learns(tmp_path: Path) -> None:
    task = make(tmp_path)

    task.keep_below()

    assert task.below == {}


def test_some_layer_must_learn(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="leaves none of the 2 layers") as refusal:
        make(tmp_path, frozen_layers=2)
    assert refusal.value.param == "frozen_layers"
