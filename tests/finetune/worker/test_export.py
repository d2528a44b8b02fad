"""What leaves the worker says what the trained model says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from core.errors import ServiceFailed
from finetune.worker.adapter import read_adapter, write_adapter
from finetune.worker.compress import to_int8
from finetune.worker.export import Exporter, check_same, merge, run_onnx
from finetune.worker.families import read_base
from finetune.worker.machine import Device
from finetune.worker.rows import Split
from finetune.worker.spec import Base, TrainSpec
from finetune.worker.tasks.classify.task import Classifier
from tests.finetune.worker.small import CONFIGS, order_rows, recipe, tiny_base

LABELS = ["down", "up"]


def moved(base: Base, frozen: int = 0) -> Classifier:
    """A classifier whose adapter and head are not at their start."""
    rows = order_rows(24)
    part = Split([row["text"] for row in rows], np.array([LABELS.index(r["label"]) for r in rows]))
    splits = {"train": part, "validation": part, "test": part}
    chosen = recipe(alpha=8.0, frozen_layers=frozen)
    spec = TrainSpec(task="classify", base=base, labels=LABELS, recipe=chosen)
    task = Classifier(spec, splits, Device("cpu", torch.float32))
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in task.trained().values():
            value += torch.randn(value.shape, generator=chance) * 0.2
    return task


def exporter(task: Classifier) -> Exporter:
    return Exporter(task.encoder.shape, task.tokenizer, max_length=16)


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_the_merged_graph_says_what_the_trained_model_says(tmp_path: Path, family: str) -> None:
    base = tiny_base(tmp_path / "base", family)
    task = moved(base)
    shape, weights = read_base(base)
    merged = merge(weights, task.trained(), shape, scale=2.0)
    head = (task.head.weight.detach().numpy(), task.head.bias.detach().numpy())

    twin, small_file = tmp_path / "float.onnx", tmp_path / "model.onnx"
    exporter(task).classifier(twin, merged, head, small=False)
    exporter(task).classifier(small_file, merged, head, small=True)

    logits = task.logits("test")
    np.testing.assert_allclose(run_onnx(twin, task.ids["test"], 1), logits, atol=1e-4)
    check_same(twin, task.ids["test"], logits, threads=1)
    small = run_onnx(small_file, task.ids["test"], 1)
    assert 0 < np.abs(small - logits).max() < 0.1 * np.abs(logits).max()
    assert small_file.stat().st_size < 0.6 * twin.stat().st_size


def test_an_export_that_forgot_the_adapter_is_blocked(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    task = moved(base)
    _, weights = read_base(base)
    head = (task.head.weight.detach().numpy(), task.head.bias.detach().numpy())
    twin = tmp_path / "float.onnx"
    exporter(task).classifier(twin, weights, head, small=False)

    with pytest.raises(ServiceFailed, match="differs from the trained one") as caught:
        check_same(twin, task.ids["test"], task.logits("test"), threads=1)
    assert caught.value.code == "export_differs"


def test_an_embedder_gives_vectors_of_length_one_that_ignore_padding(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    task, (_, weights) = moved(base), read_base(base)

    twin = tmp_path / "float.onnx"
    exporter(task).embedder(twin, weights, small=False)

    rows = [np.array([1, 5, 2]), np.array([1, 6, 7, 8, 9, 2])]
    together, alone = run_onnx(twin, rows, 1), run_onnx(twin, rows[:1], 1)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_int8_numbers_times_their_scales_are_the_weights_and_zero_stays_zero() -> None:
    weights = np.array([[1.0, -0.012, 0.0], [0.5, 0.02, 0.0]], dtype=np.float32)

    numbers, scales = to_int8(weights, axis=0)

    assert numbers.tolist() == [[127, -76, 0], [64, 127, 0]]
    np.testing.assert_allclose(numbers * scales, weights, atol=0.005)


@pytest.mark.parametrize("frozen", [0, 1])
@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_an_adapter_is_read_back_bit_for_bit(tmp_path: Path, family: str, frozen: int) -> None:
    base = tiny_base(tmp_path / "base", family)
    task = moved(base, frozen)
    shape = task.encoder.shape

    write_adapter(tmp_path / "adapter", task.trained(), shape, base, recipe())

    again = read_adapter(tmp_path / "adapter", shape)
    assert set(again) == set(task.trained())
    assert all(torch.equal(again[name], value) for name, value in task.trained().items())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of peft and what it imports
@pytest.mark.parametrize("frozen", [0, 1])
@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_peft_loads_the_adapter_with_the_same_outputs(
    tmp_path: Path, family: str, frozen: int
) -> None:
    from peft import PeftModel

    base = tiny_base(tmp_path / "base", family)
    task = moved(base, frozen)
    write_adapter(tmp_path / "adapter", task.trained(), task.encoder.shape, base, task.recipe)
    plain = AutoModel.from_pretrained(base.path, attn_implementation="eager")

    model = PeftModel.from_pretrained(plain, str(tmp_path / "adapter")).eval()

    with torch.no_grad():
        wanted = torch.stack(
            [
                model(torch.from_numpy(row)[None]).last_hidden_state[0].mean(0)
                for row in task.ids["test"]
            ]
        )
    found = torch.from_numpy(task.features(task.ids["test"]))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
