"""The task of giving the answers of conversations."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.errors import RequestRefused
from core.job import read_json
from finetune.worker.causal import memory
from finetune.worker.checkpoints import Checkpoints
from finetune.worker.journal import Journal
from finetune.worker.loop import Loop, Stop
from finetune.worker.rows import Ids
from finetune.worker.spec import Base
from finetune.worker.tasks.chat.task import ChatTask
from tests.finetune.worker.causal_bases import (
    CPU,
    causal_base,
    chat_task,
    moved_model,
    random_rows,
)
from tests.finetune.worker.small import events

LENGTHS = (20, 9, 31, 14, 26, 11, 17, 23)


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return causal_base(tmp_path / "base", "llama")


def moved_task(base: Base) -> ChatTask:
    task = chat_task(base, random_rows(LENGTHS))
    task.model = moved_model(base)
    return task


def whole_gradient(task: ChatTask, batch: Ids, parts: list[slice]) -> list[torch.Tensor]:
    """The loss and every gradient of a batch taken in parts."""
    losses = [task.loss(batch, part, 0) for part in parts]
    for loss in losses:
        loss.backward()
    found = [torch.stack(losses).sum().detach()]
    for value in task.trained().values():
        assert value.grad is not None
        found.append(value.grad.clone())
        value.grad = None
    return found


@pytest.mark.parametrize("count", [2, 4, 8])
def test_parts_of_a_batch_give_the_loss_and_gradient_of_the_whole(base: Base, count: int) -> None:
    task, batch = moved_task(base), np.arange(8)
    size = 8 // count

    whole = whole_gradient(task, batch, [slice(0, 8)])
    parted = whole_gradient(task, batch, [slice(i, i + size) for i in range(0, 8, size)])

    for one, two in zip(whole, parted, strict=True):
        assert float((one - two).norm() / one.norm()) <= 1e-5


def test_parts_hold_as_many_tokens_as_fit(base: Base) -> None:
    task = moved_task(base)
    task.part_tokens = 60

    assert task.parts(np.arange(8)) == [slice(0, 3), slice(3, 6), slice(6, 8)]


def test_every_row_is_in_each_epoch_once_and_the_longest_comes_first(base: Base) -> None:
    task = chat_task(base, random_rows(LENGTHS * 3), batch_size=5)

    first, second = task.batches(0), task.batches(1)

    assert [len(batch) for batch in first] == [5, 5, 5, 5, 4]
    assert len(task.splits["train"].rows[first[0][0]].ids) == 31
    assert sorted(np.concatenate(first)) == list(range(24))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    assert all(map(np.array_equal, first, task.batches(0)))


def test_the_cost_of_each_row_does_not_depend_on_its_neighbours(base: Base) -> None:
    task = moved_task(base)
    sums, counts = task.nll("validation")
    task.part_tokens = 1
    alone, same_counts = task.nll("validation")

    assert sums == pytest.approx(alone, rel=1e-5)
    assert counts.tolist() == same_counts.tolist() == [len(r.asked()) for r in random_rows(LENGTHS)]
    assert task.validate().loss == pytest.approx(sums.sum() / counts.sum())
    assert task.validate().accuracy is None


def test_the_base_is_scored_without_its_adapter(base: Base) -> None:
    fresh, task = chat_task(base, random_rows(LENGTHS)), moved_task(base)

    wanted, _ = fresh.nll("validation")
    found, _ = task.nll("validation", tuned=False)
    tuned, _ = task.nll("validation")

    assert found == pytest.approx(wanted)
    assert tuned != pytest.approx(wanted, rel=1e-3)


def test_an_adapter_says_what_it_was_made_for_and_comes_back_bit_for_bit(
    base: Base, tmp_path: Path
) -> None:
    task = moved_task(base)
    task.write_adapter(tmp_path / "adapter")

    found = task.read_adapter(tmp_path / "adapter")

    assert found.keys() == task.trained().keys()
    assert all(torch.equal(found[name], value) for name, value in task.trained().items())
    stored = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    k = "base_model.model.model.layers.1.self_attn.k_proj.lora_B.weight"
    assert stored[k].shape == (32, 4)
    assert read_json(tmp_path / "adapter" / "meta.json") == {
        "format": 1,
        "task": "chat",
        "base": {"name": "tiny-llama", "sha256": ""},
        "template_sha256": "t" * 64,
        "tokenizer_sha256": "k" * 64,
        "max_length": 1024,
        "rank": 4,
        "alpha": 8.0,
    }


def test_rows_longer_than_the_base_reads_are_refused_before_training(base: Base) -> None:
    with pytest.raises(RequestRefused, match="max_length=2000 is above the 1024 tokens"):
        chat_task(base, random_rows(LENGTHS), max_length=2000)


def make_loop(folder: Path, task: ChatTask) -> Loop:
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)
    checkpoints = Checkpoints(folder, task.write_adapter, task.read_adapter, journal.note)
    return Loop(task, task.recipe, journal, checkpoints, Stop())


class _Killed(Exception):
    pass


class Mortal(ChatTask):
    """Dies at a step."""

    def loss(self, batch: Ids, part: slice, step: int) -> torch.Tensor:
        if step == 5:
            raise _Killed
        return super().loss(batch, part, step)


def test_a_killed_run_goes_on_bit_for_bit_and_learns(base: Base, tmp_path: Path) -> None:
    rows = random_rows(LENGTHS * 2)
    whole, cut, again = (chat_task(base, rows, epochs=4, batch_size=4) for _ in range(3))
    before = whole.validate().loss
    undisturbed = make_loop(tmp_path / "whole", whole).run()

    cut.__class__ = Mortal
    with pytest.raises(_Killed):
        make_loop(tmp_path / "cut", cut).run()
    resumed = make_loop(tmp_path / "cut", again).run()

    assert [event["step"] for event in events(tmp_path / "cut", "resumed")] == [4]
    assert resumed.curve == undisturbed.curve
    for name, value in whole.trained().items():
        assert torch.equal(value, again.trained()[name]), name
    assert whole.validate().loss < before


def test_blocks_are_recomputed_only_where_memory_asks_for_it(base: Base) -> None:
    task = moved_task(base)

    assert not memory.spare(task.model, 2048, CPU)
    assert memory.spare(task.model, 10**12, CPU)


def test_a_step_that_does_not_fit_is_tried_smaller(base: Base) -> None:
    model, tried = moved_model(base), list[int]()

    def step(part_tokens: int) -> None:
        tried.append(part_tokens)
        if part_tokens > 300:
            raise torch.OutOfMemoryError

    assert memory.rehearse(model, step, 1000, 200) == 250
    assert tried == [1000, 1000, 500, 250]
    assert model.saves_memory


def test_a_row_that_never_fits_ends_it(base: Base) -> None:
    def step(_: int) -> None:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        memory.rehearse(moved_model(base), step, 1000, 400)
