"""Packed rows through our layers, on every architecture, against transformers and PEFT."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from peft import PeftModel

from core.errors import RequestRefused, ServiceFailed
from finetune.worker.causal import adapter
from finetune.worker.causal.fits import fits
from finetune.worker.causal.gated import put_gates
from finetune.worker.causal.linear import Adapters, Switch, put_adapters
from finetune.worker.causal.loss import nll, total_nll
from finetune.worker.causal.model import PACKED, CausalModel, blocks_of, load_plain
from finetune.worker.causal.norms import put_norms
from finetune.worker.causal.rows import Row
from finetune.worker.spec import Base
from tests.finetune.worker.causal_bases import (
    CPU,
    SHAPES,
    causal_base,
    chat_recipe,
    chat_task,
    moved_model,
    packed,
    random_rows,
)

ROWS = random_rows((30, 7, 45, 140))


@pytest.fixture(params=SHAPES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Base:
    return causal_base(tmp_path / "base", request.param)


def costs_by_row(model: CausalModel, rows: list[Row]) -> list[torch.Tensor]:
    together = packed(rows)
    with torch.no_grad():
        hidden = model.hidden(together)[together.asked_L]
    found = nll(hidden, together.targets_L, model.head)
    return [found[torch.from_numpy(together.row_L == i)] for i in range(len(rows))]


def plain_costs(model: torch.nn.Module, row: Row) -> torch.Tensor:
    """The same as transformers has it: one row, every score at once."""
    ids, asked = torch.from_numpy(row.ids), torch.from_numpy(row.asked())
    scores = model(input_ids=ids[None], use_cache=False).logits[0]
    return F.cross_entropy(scores[asked], ids[asked + 1], reduction="none")


def test_packed_rows_cost_what_each_costs_alone(base: Base) -> None:
    plain = load_plain(base, torch.float32, "eager")
    model = CausalModel.load(base, CPU, chat_recipe())

    for row, found in zip(ROWS, costs_by_row(model, ROWS), strict=True):
        with torch.no_grad():
            wanted = plain_costs(plain, row)
        assert torch.allclose(found.sum(), wanted.sum(), rtol=1e-5)


# PEFT asks transformers in a way that transformers will drop.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_gradients_and_outputs_are_those_of_peft(base: Base, tmp_path: Path) -> None:
    task = chat_task(base, ROWS)
    task.model = moved_model(base)
    task.write_adapter(tmp_path / "adapter")
    plain = load_plain(base, torch.float32, "eager")
    tuned = PeftModel.from_pretrained(plain, tmp_path / "adapter", is_trainable=True)
    batch = np.arange(len(ROWS))

    wanted = sum(plain_costs(tuned, row).sum() for row in ROWS)
    wanted.backward()
    found = task.loss(batch, slice(0, len(ROWS)), 0) * task.trained_tokens(batch)
    found.backward()

    assert torch.allclose(found.detach(), wanted.detach(), rtol=1e-5)
    gradients = {f"adapter.{name}": value.grad for name, value in task.model.adapter().items()}
    ours = adapter.to_peft(gradients, task.model.groups)
    theirs = {
        name.replace(".default.", "."): value.grad
        for name, value in tuned.named_parameters()
        if value.requires_grad
    }
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert float((ours[name] - gradient).norm() / gradient.norm()) <= 1e-4, name


def test_rows_of_a_pack_cannot_see_each_other(base: Base) -> None:
    model = moved_model(base)
    other = random_rows((30, 7, 45, 140), seed=9)

    first = costs_by_row(model, [ROWS[0], ROWS[1], ROWS[2]])
    second = costs_by_row(model, [other[0], ROWS[1], other[2]])

    assert torch.equal(first[1], second[1])


def test_the_fast_path_fits_every_architecture_it_is_made_for(base: Base) -> None:
    fit, why = fits(base, CPU)

    assert fit, why
    assert why.startswith("Packed rows give the same loss as the plain model, within ")


@pytest.mark.parametrize(
    ("name", "gates", "norms"),
    [("llama", 2, 5), ("qwen3", 2, 9), ("gemma2", 2, 9), ("phi3", 2, 5), ("gpt2", 0, 0)],
)
def test_gates_and_norms_are_replaced_where_they_give_the_same(
    tmp_path: Path, name: str, gates: int, norms: int
) -> None:
    plain = load_plain(causal_base(tmp_path, name), torch.float32, PACKED)
    blocks = blocks_of(plain)
    put_adapters(plain, blocks, Adapters(2, 2.0, CPU, Switch(), torch.Generator()))

    assert (put_gates(plain), put_norms(plain)) == (gates, norms)


@pytest.mark.parametrize(
    ("name", "why"),
    [("bloom", "the loss differs by"), ("gpt_oss", "cannot be fed with packed rows (TypeError)")],
)
def test_the_fast_path_says_why_it_does_not_fit(tmp_path: Path, name: str, why: str) -> None:
    fit, said = fits(causal_base(tmp_path, name), CPU)

    assert not fit
    assert why in said


def test_router_and_experts_stay_as_they_are(tmp_path: Path) -> None:
    model = CausalModel.load(causal_base(tmp_path, "qwen3_moe"), CPU, chat_recipe())

    assert {path.split(".")[3] for group in model.groups for path in group.paths} == {"self_attn"}


def test_an_untuned_model_is_the_base(tmp_path: Path) -> None:
    base = causal_base(tmp_path, "llama")
    moved, fresh = moved_model(base), CausalModel.load(base, CPU, chat_recipe())
    tuned = costs_by_row(moved, ROWS)

    with moved.untuned():
        untuned = costs_by_row(moved, ROWS)

    for one, two, three in zip(untuned, costs_by_row(fresh, ROWS), tuned, strict=True):
        assert torch.allclose(one, two)
        assert not torch.allclose(one, three)


def test_recomputed_blocks_give_the_same_gradient_with_less_memory(tmp_path: Path) -> None:
    base = causal_base(tmp_path, "gemma2")
    kept, saving = moved_model(base), moved_model(base)
    saving.save_memory()
    gradients = []
    for model in (kept, saving):
        together = packed(ROWS)
        hidden = model.hidden(together)[together.asked_L]
        total_nll(hidden, together.targets_L, model.head).backward()
        gradients.append([value.grad for value in model.adapter().values()])

    assert all(torch.equal(one, two) for one, two in zip(*gradients, strict=True))
    assert saving.bytes_per_token() < kept.bytes_per_token()


def test_changed_weights_are_not_loaded(tmp_path: Path) -> None:
    base = causal_base(tmp_path, "llama")

    with pytest.raises(ServiceFailed, match="changed since it was registered"):
        load_plain(Base(name=base.name, path=base.path, sha256="0" * 64), torch.float32, "eager")


def test_a_base_that_transformers_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-model"}')

    with pytest.raises(RequestRefused, match="'odd' cannot be loaded"):
        load_plain(Base(name="odd", path=str(tmp_path)), torch.float32, "eager")
