"""A chat fine-tuning as a process: a job folder with conversations in, an adapter, its evaluation
and every event out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from finetune.worker.spec import Base
from tests.finetune.worker.small import events
from tests.finetune.worker.small_chat import animals, tiny_causal, write_chat_job

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


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


def rows() -> dict[str, list[dict[str, Any]]]:
    found = animals()
    found["train"].append(_too_long(9001))
    found["test"].append(_too_long(9002))
    return found


def _too_long(row: int) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": "Say a lot. " * 40},
        {"role": "assistant", "content": "no"},
    ]
    return {"row": row, "messages": messages, "tools": None}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_causal(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def finished(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an undisturbed run by a loop; made when it is first asked for."""

    @cache
    def run(loop: str) -> Path:
        folder = tmp_path_factory.mktemp(loop) / "job"
        write_chat_job(folder, base, rows(), epochs=20, loop=loop)
        assert work(folder) == 0
        return folder

    return run


def copy_without(folder: Path, target: Path, *left: str) -> Path:
    shutil.copytree(folder, target)
    for name in left:
        (target / name).unlink()
    return target


def test_tuning_teaches_what_the_base_does_not_know(finished: Callable[[str], Path]) -> None:
    folder = finished("auto")

    assert [event["phase"] for event in events(folder, "phase")] == [
        *("loading", "baselines", "training", "evaluating", "exporting", "done")
    ]
    found = result(folder)
    assert set(found) == {
        *("task", "metrics", "answers", "baselines", "samples", "left_out", "training"),
        *("adapter", "export", "seconds", "cpu_seconds", "versions", "device"),
    }
    _look_at_scores(found)
    _look_at_samples(found)
    assert found["left_out"] == {
        "train": [[9001, "too_long"]],
        "validation": [],
        "test": [[9002, "too_long"]],
        "counts": {"train": 1, "validation": 0, "test": 1},
    }
    assert found["training"]["loop"] == "fast"
    assert "same loss as the plain model" in found["training"]["loop_why"]
    made = {file.name for file in (folder / "adapter").iterdir()}
    assert made == {"adapter_config.json", "adapter_model.safetensors", "meta.json"}
    assert events(folder, "note") == []


def _look_at_scores(found: dict[str, Any]) -> None:
    base, nearest, frequent = found["baselines"]
    test = found["metrics"]["test"]
    assert (found["answers"]["metric"], found["answers"]["rows"], test["rows"]) == (
        *("exact_match", 36, 36),
    )
    assert found["answers"]["score"] > 0.9
    assert found["answers"]["ended"] > 0.9
    assert test["interval"][0] < test["loss"] < test["interval"][1] < 1
    assert (base["name"], base["score"], base["ended"]) == ("base", 0.0, 0.0)
    assert base["difference"]["interval"][0] > 80
    assert base["loss_difference"]["interval"][1] < -3
    assert base["loss"] + base["loss_difference"]["nats"] == pytest.approx(test["loss"])
    # The same questions with the same answers are in the training rows: nothing beats looking up.
    assert (nearest["name"], nearest["score"], nearest["loss"]) == ("nearest", 1.0, None)
    assert (frequent["name"], frequent["score"]) == ("frequent", pytest.approx(1 / 6))


def _look_at_samples(found: dict[str, Any]) -> None:
    assert len(found["samples"]) == 10
    for sample in found["samples"]:
        assert [message["role"] for message in sample["messages"]] == ["user"]
        assert 120 <= sample["row"] < 156
        assert sample["base"] != sample["expected"]
        assert not sample["base_ended"]


def test_the_plain_way_learns_the_same(finished: Callable[[str], Path]) -> None:
    fast, plain = finished("auto"), finished("plain")

    ours, theirs = result(fast), result(plain)
    assert theirs["training"]["loop"] == "plain"
    assert set(theirs) == set(ours)
    assert set(theirs["training"]) == set(ours["training"])
    for name in ("steps", "tokens", "trained_tokens", "trainable_parameters"):
        assert theirs["training"][name] == ours["training"][name]
    first, last = (
        [found["training"]["curve"][place][1] for found in (ours, theirs)] for place in (0, -1)
    )
    # Nothing was learned before the first step: only the number format of a machine is between.
    assert first[0] == pytest.approx(first[1], rel=2e-3)
    assert last[0] == pytest.approx(last[1], abs=0.1)
    assert theirs["metrics"]["test"]["loss"] < 1
    assert [event["learning_rate"] for event in events(plain, "step")] == pytest.approx(
        [event["learning_rate"] for event in events(fast, "step")]
    )


@pytest.mark.faults
@pytest.mark.parametrize("loop", ["auto", "plain"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_chat_run_stopped_in_the_middle_ends_with_the_weights_of_an_undisturbed_one(
    finished: Callable[[str], Path],
    base: Base,
    tmp_path: Path,
    number: signal.Signals,
    loop: str,
) -> None:
    whole = finished(loop)
    cut = write_chat_job(tmp_path / "cut", base, rows(), epochs=20, loop=loop)

    process = start(cut)
    wait_for(cut, "checkpoint", 2)
    process.send_signal(number)
    code = process.wait(timeout=60)
    assert work(cut) == 0

    assert code == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    assert len(events(cut, "resumed")) == 1
    file = "adapter/adapter_model.safetensors"
    ours, theirs = load_file(cut / file), load_file(whole / file)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    for name in ("metrics", "answers", "samples"):
        assert result(cut)[name] == result(whole)[name]
    assert result(cut)["training"]["curve"] == result(whole)["training"]["curve"]


def wait_for(folder: Path, type_: str, count: int) -> None:
    for _ in range(2400):
        if (folder / "events.jsonl").exists() and len(events(folder, type_)) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {type_} within time")


@pytest.mark.faults
def test_a_run_killed_after_training_does_not_train_again(
    finished: Callable[[str], Path], tmp_path: Path
) -> None:
    gone = ("result.json", "stages/tuned.json", "stages/replayed.json")
    folder = copy_without(finished("auto"), tmp_path / "job", *gone)

    assert work(folder) == 0

    assert len(events(folder, "step")) == len(events(finished("auto"), "step"))
    assert result(folder)["answers"] == result(finished("auto"))["answers"]


@pytest.mark.parametrize("loop", ["fast", "plain"])
def test_a_loss_that_is_not_a_number_ends_a_chat_run_without_a_result(
    base: Base, tmp_path: Path, loop: str
) -> None:
    rates = {"learning_rate": 1e38, "clip": 1e38, "weight_decay": 0.0}
    folder = write_chat_job(tmp_path / "job", base, animals(), loop=loop, **rates)

    assert work(folder) == 1

    (error,) = events(folder, "error")
    assert error["code"] == "nan_loss"
    assert "smaller learning_rate" in error["fix"]
    assert not (folder / "result.json").exists()
    assert not (folder / "adapter").exists()


def test_an_adapter_that_was_changed_after_training_is_not_handed_out(
    finished: Callable[[str], Path], tmp_path: Path
) -> None:
    gone = ("result.json", "stages/replayed.json")
    folder = copy_without(finished("auto"), tmp_path / "job", *gone)
    file = folder / "adapter" / "adapter_model.safetensors"
    stored = load_file(file)
    save_file({name: -v if "lora_B" in name else v for name, v in stored.items()}, file)

    assert work(folder) == 1

    (error,) = events(folder, "error")
    assert error["code"] == "export_differs"
    assert not (folder / "result.json").exists()


def test_a_base_without_a_template_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    base = tiny_causal(tmp_path / "base")
    (Path(base.path) / "chat_template.jinja").unlink()
    tokenizer = Path(base.path) / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("<|im_", "<|xx_"))
    folder = write_chat_job(tmp_path / "job", base, animals())

    assert work(folder) == 1

    (error,) = events(folder, "error")
    assert error["code"] == "no_chat_template"


def test_a_probe_of_a_chat_run_estimates_it_for_the_real_number_of_rows(
    base: Base, tmp_path: Path
) -> None:
    folder = write_chat_job(tmp_path / "job", base, animals())
    change(folder, kind="probe", rows={"train": 100_000, "validation": 10_000, "test": 10_000})

    assert work(folder) == 0

    found = result(folder)
    estimate = found["estimate"]
    assert found["loop"] == "fast"
    assert found["trained_tokens_per_row"] == pytest.approx(3.5, abs=1)
    assert estimate["low"] < estimate["seconds"] < estimate["high"]
    assert estimate["seconds"] > 2 * 100_000 * found["tokens_per_row"] * found["seconds_per_token"]
    assert estimate["memory_bytes"] > 1e8
    assert not (folder / "adapter").exists()
