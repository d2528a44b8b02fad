"""The plain way computes what the fast way computes, on the same rows and with the same adapter."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import RequestRefused
from finetune.worker.spec import TrainSpec
from finetune.worker.tasks.chat import ways
from finetune.worker.tasks.chat.plain import Exported, PlainTask
from finetune.worker.tasks.chat.task import ChatTask
from tests.finetune.worker.small_chat import EXACT, chat_recipe, chat_task, tiny_causal


def shake(task: ChatTask | PlainTask) -> None:
    """Give every trained tensor another value than 0."""
    with torch.no_grad():
        for number, value in enumerate(task.trained().values()):
            value += torch.sin(torch.arange(value.numel()).view(value.shape) + number) * 0.1


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_an_adapter_of_either_way_has_the_same_loss_in_the_other(
    tmp_path: Path, family: str
) -> None:
    fast, plain = (chat_task(tmp_path / loop, family, loop) for loop in ("fast", "plain"))
    shake(fast)
    fast.write_adapter(tmp_path / "adapter")
    found = plain.read_adapter(tmp_path / "adapter")
    assert set(found) == set(plain.trained())
    with torch.no_grad():
        for name, value in plain.trained().items():
            value.copy_(found[name])

    (ours, tokens), (theirs, others) = fast.nll("test"), plain.nll("test")

    assert tokens.tolist() == others.tolist()
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert fast.nll("test", tuned=False)[0] == pytest.approx(plain.nll("test", tuned=False)[0])
    assert abs(ours - fast.nll("test", tuned=False)[0]).max() > 0.01
    rows = plain.splits["test"].rows
    exported = Exported(plain.base, tmp_path / "adapter", EXACT)
    assert exported.nll(rows) == pytest.approx(ours, rel=1e-5)


def test_both_ways_take_the_same_steps_with_the_same_loss(tmp_path: Path) -> None:
    fast, plain = (chat_task(tmp_path / loop, loop=loop) for loop in ("fast", "plain"))
    steps = zip(fast.batches(0), plain.batches(0), strict=True)

    for ours, theirs in steps:
        assert ours.tolist() == theirs.tolist()
        whole = slice(0, len(ours))
        losses = [float(task.loss(ours, whole, 0).detach()) for task in (fast, plain)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_batch_in_parts_weighs_every_trained_token_the_same(tmp_path: Path) -> None:
    task = chat_task(tmp_path)
    batch = task.batches(0)[0]
    whole = float(task.loss(batch, slice(0, len(batch)), 0).detach())

    task.part_tokens = 40
    parts = task.parts(batch)

    assert len(parts) > 2
    assert sum(float(task.loss(batch, part, 0).detach()) for part in parts) == pytest.approx(
        whole, rel=1e-5
    )


def test_what_the_plain_way_writes_it_reads_bit_for_bit(tmp_path: Path) -> None:
    task = chat_task(tmp_path)
    shake(task)
    task.write_adapter(tmp_path / "adapter")

    found = task.read_adapter(tmp_path / "adapter")

    for name, value in task.trained().items():
        assert np.array_equal(found[name].numpy(), value.detach().numpy())


def test_the_fast_way_is_taken_where_it_fits_and_the_plain_one_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    base = tiny_causal(tmp_path / "base")

    def chosen(loop: str) -> str:
        spec = TrainSpec(task="chat", base=base, recipe=chat_recipe(loop=loop))
        return ways.choose(spec, EXACT).loop

    assert [chosen(loop) for loop in ("auto", "fast", "plain")] == ["fast", "fast", "plain"]


def test_where_the_fast_way_does_not_fit_auto_takes_the_other_and_says_why(
    tmp_path: Path,
) -> None:
    base = tiny_causal(tmp_path / "base", "bloom")
    spec = TrainSpec(task="chat", base=base, recipe=chat_recipe())

    way = ways.choose(spec, EXACT)

    assert way.loop == "plain"
    assert way.why
    with pytest.raises(RequestRefused, match="The fast way to train does not fit 'tiny-bloom'"):
        ways.choose(TrainSpec(task="chat", base=base, recipe=chat_recipe(loop="fast")), EXACT)
