"""The encoder computes what its family's reference implementation computes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from core.errors import RequestRefused, ServiceFailed
from finetune.worker.encoder import Encoder, Linear, pack
from finetune.worker.families import read_base
from finetune.worker.machine import Device
from finetune.worker.spec import Base
from tests.finetune.worker.small import CONFIGS, tiny_base

CPU = Device("cpu", torch.float32)
ROWS = [np.array(row) for row in ([1, 5, 6, 7, 2], [1, 9, 2], [1, 12, 4, 8, 5, 11, 2])]


def build(base: Base) -> Encoder:
    shape, weights = read_base(base)
    return Encoder(shape, weights, CPU, rank=4, alpha=4.0, seed=0)


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_every_family_agrees_with_transformers(tmp_path: Path, family: str) -> None:
    base = tiny_base(tmp_path, family)
    reference = AutoModel.from_pretrained(base.path, attn_implementation="eager").eval()

    with torch.no_grad():
        found = build(base).embed(ROWS)
        wanted = [reference(torch.tensor(row)[None]).last_hidden_state[0].mean(0) for row in ROWS]

    torch.testing.assert_close(found, torch.stack(wanted), atol=1e-5, rtol=1e-4)


def test_a_row_has_the_same_vector_alone_and_among_longer_ones(tmp_path: Path) -> None:
    encoder = build(tiny_base(tmp_path))

    with torch.no_grad():
        together = encoder.embed(ROWS)
        alone = torch.cat([encoder.embed([row]) for row in ROWS])

    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_packing_keeps_every_token_and_its_place() -> None:
    batch = pack(ROWS, CPU, first_position=2)

    assert batch.ids_N[:15].tolist() == [1, 5, 6, 7, 2, 1, 9, 2, 1, 12, 4, 8, 5, 11, 2]
    assert batch.positions_N[5:8].tolist() == [2, 3, 4]
    assert (len(batch.ids_N), batch.filler, batch.longest) == (64, 49, 7)
    assert batch.slot_N is not None
    assert batch.slot_N[5:8].tolist() == [7, 8, 9]


@pytest.mark.parametrize("adapters", [1, 3])
def test_the_fused_adapters_have_the_gradients_of_plain_ones(adapters: int) -> None:
    torch.manual_seed(0)
    inputs, outputs, rank = 6, 5, 2
    x = torch.randn(7, inputs, requires_grad=True)
    a = torch.randn(adapters * rank, inputs, requires_grad=True)
    b = torch.randn(adapters * outputs, rank, requires_grad=True)
    weight, bias = torch.randn(adapters * outputs, inputs), torch.randn(adapters * outputs)
    fused = Linear(weight, bias, a, b, 0.5)(x)
    blocks = zip(a.chunk(adapters), b.chunk(adapters), strict=True)
    plain = x @ weight.T + bias + 0.5 * torch.cat([x @ a_.T @ b_.T for a_, b_ in blocks], 1)

    torch.testing.assert_close(fused, plain)
    found = torch.autograd.grad(fused.sin().sum(), (x, a, b))
    wanted = torch.autograd.grad(plain.sin().sum(), (x, a, b))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("model_type", "llama", "is of type 'llama'; classifiers are tuned from bert"),
        ("hidden_act", "relu", "uses the activation 'relu'"),
        ("position_embedding_type", "relative_key", "does not use absolute positions"),
        ("embedding_size", 16, "embeddings of another width"),
        ("is_decoder", True, "is a decoder"),
    ],
)
def test_a_base_that_computes_something_else_is_refused(
    tmp_path: Path, key: str, value: object, words: str
) -> None:
    base = tiny_base(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {key: value}))

    with pytest.raises(RequestRefused, match=words):
        read_base(base)


def test_a_base_that_changed_since_it_was_registered_is_refused(tmp_path: Path) -> None:
    tiny_base(tmp_path)

    with pytest.raises(ServiceFailed, match="changed since it was registered"):
        read_base(Base(name="tiny", path=str(tmp_path), sha256="0" * 64))


def test_a_base_without_a_layer_is_refused_by_name(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(
        config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3')
    )

    with pytest.raises(RequestRefused, match=r"lacks the weight encoder\.layer\.2\."):
        read_base(base)
