"""The step loop, on a small true task: fit a line through points."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import ServiceFailed
from finetune.worker.checkpoints import Checkpoints
from finetune.worker.course import doubts
from finetune.worker.journal import Journal
from finetune.worker.loop import Loop, Stop
from finetune.worker.rows import Ids
from finetune.worker.tasks.base import Held
from tests.finetune.worker.small import events, recipe

Tensors = dict[str, torch.Tensor]


@dataclass
class Line:
    """Learns y = 2 x + 1 from 32 points, 8 a step."""

    on_step: Callable[[int], None] = lambda _: None
    wrong_from: int = 10**9
    """From this step on the loss is not a number."""
    accuracies: list[float | None] = field(default_factory=list)
    """What validation says, in turn; empty: the truth."""
    slope: torch.Tensor = field(default_factory=lambda: torch.zeros(1, requires_grad=True))
    bias: torch.Tensor = field(default_factory=lambda: torch.zeros(1, requires_grad=True))

    def trained(self) -> Tensors:
        return {"adapter.slope": self.slope, "head.bias": self.bias}

    def learning_rate(self, name: str) -> float:
        return 0.3

    def batches(self, epoch: int) -> list[Ids]:
        order = np.random.default_rng(epoch).permutation(32)
        return [order[i : i + 8] for i in range(0, 32, 8)]

    def tokens(self, batch: Ids) -> int:
        return len(batch)

    def parts(self, batch: Ids) -> list[slice]:
        return [slice(0, len(batch))]

    def loss(self, batch: Ids, part: slice, step: int) -> torch.Tensor:
        self.on_step(step)
        error = self._error(torch.from_numpy(batch / 32).float())
        return error * float("nan") if step >= self.wrong_from else error

    def validate(self) -> Held:
        with torch.no_grad():
            loss = float(self._error(torch.linspace(0, 1, 9)))
        return Held(loss, self.accuracies.pop(0) if self.accuracies else 0.5)

    def _error(self, x: torch.Tensor) -> torch.Tensor:
        return ((self.slope * x + self.bias - 2 * x - 1) ** 2).mean()


def write(folder: Path, trained: Tensors) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().clone() for name, value in trained.items()}, folder / "all")


def read(folder: Path) -> Tensors:
    return load_file(folder / "all")


def make(folder: Path, task: Line, stop: Stop | None = None, **changed: object) -> Loop:
    journal = Journal(folder)
    checkpoints = Checkpoints(folder, write, read, journal.note)
    chosen = recipe(**({"epochs": 5, "learning_rate": 0.3, "head_learning_rate": 0.3} | changed))
    return Loop(task, chosen, journal, checkpoints, stop or Stop())


def test_it_learns_and_tells_every_step_with_the_time_left(tmp_path: Path) -> None:
    task = Line()
    progress = make(tmp_path, task).run()

    told = events(tmp_path, "step")
    assert [event["step"] for event in told] == list(range(1, 21))
    assert told[-1] | {"epoch": 5, "total_steps": 20, "eta_s": 0} == told[-1]
    assert told[0]["eta_s"] >= told[-1]["eta_s"]
    assert [event["epoch"] for event in told[3:8:4]] == [1.0, 2.0]
    assert told[-1]["loss"] < told[0]["loss"] / 10
    assert progress.curve == [[event["step"], event["loss"]] for event in told]
    assert len(events(tmp_path, "eval")) == 5


def test_the_rate_rises_then_falls_to_nothing(tmp_path: Path) -> None:
    make(tmp_path, Line(), warmup_ratio=0.2).run()

    rates = [event["learning_rate"] for event in events(tmp_path, "step")]
    assert rates[:5] == pytest.approx([0.075, 0.15, 0.225, 0.3, 0.3])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.3 / 16)


def test_a_loss_that_is_not_a_number_stops_within_one_step(tmp_path: Path) -> None:
    task = Line(wrong_from=6)

    with pytest.raises(ServiceFailed, match="The loss became nan at step 7 of 20") as caught:
        make(tmp_path, task).run()

    assert caught.value.code == "nan_loss"
    assert events(tmp_path, "step")[-1]["step"] == 6
    assert bool(torch.isfinite(task.slope).all())


def test_the_best_state_by_validation_is_left_in_the_task(tmp_path: Path) -> None:
    kept: list[float] = []
    task = Line(accuracies=[0.5, 0.9, 0.7, 0.9, 0.8])
    task.on_step = lambda step: kept.append(task.slope.item()) if step in (8, 16) else None

    progress = make(tmp_path, task, average=0.0).run()

    assert progress.best is not None
    # As accurate at the end of epoch 4, with less loss.
    assert progress.best["epoch"] == 4.0
    assert task.slope.item() == kept[1]


def test_without_accuracy_the_state_with_the_least_loss_is_kept(tmp_path: Path) -> None:
    progress = make(tmp_path, Line(accuracies=[None] * 5)).run()

    seen = events(tmp_path, "eval")
    least = min(seen, key=lambda event: event["loss"])
    assert progress.best is not None
    assert (progress.best["loss"], progress.best["step"]) == (least["loss"], least["step"])
    assert {event["accuracy"] for event in seen} == {None}


class _Killed(Exception):
    pass


@pytest.mark.parametrize("killed_at", [1, 4, 6, 13, 19])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, killed_at: int) -> None:
    whole, cut = Line(), Line()
    undisturbed = make(new(tmp_path / "whole"), whole).run()
    new(tmp_path / "cut")

    def kill(step: int) -> None:
        if step == killed_at:
            raise _Killed

    cut.on_step = kill
    with pytest.raises(_Killed):
        make(tmp_path / "cut", cut).run()
    again = Line()
    resumed = make(tmp_path / "cut", again).run()

    assert torch.equal(again.slope, whole.slope)
    assert torch.equal(again.bias, whole.bias)
    assert resumed.curve == undisturbed.curve
    assert resumed.best == undisturbed.best
    at = [event["step"] for event in events(tmp_path / "cut", "resumed")]
    assert at == ([killed_at // 4 * 4] if killed_at >= 4 else [])


def new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_sigterm_leaves_a_checkpoint_and_exits_with_143(tmp_path: Path) -> None:
    stop, task = Stop(), Line()
    task.on_step = lambda step: signal.raise_signal(signal.SIGTERM) if step == 6 else None
    before = signal.getsignal(signal.SIGTERM)
    stop.listen()
    try:
        with pytest.raises(SystemExit) as caught:
            make(tmp_path, task, stop).run()
    finally:
        signal.signal(signal.SIGTERM, before)

    assert caught.value.code == 143
    assert events(tmp_path, "checkpoint")[-1]["step"] == 7


def test_a_training_that_did_nothing_is_said_so() -> None:
    still, moved = torch.zeros(2), torch.ones(2)
    level, falling = [[1, 0.5], [2, 0.5]], [[1, 0.5], [2, 0.4]]

    assert doubts({"0.qkv.b": still, "0.qkv.a": moved}, falling) == [
        "The adapter did not move: the tuned layers are those of the base."
    ]
    assert doubts({"0.qkv.b": moved}, level) == [
        "The loss did not fall during training: do not expect a gain."
    ]
    assert doubts({"0.qkv.b": moved}, falling) == []


def test_only_two_checkpoints_are_kept(tmp_path: Path) -> None:
    make(tmp_path, Line()).run()

    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "step-16",
        "step-20",
    ]


def _cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm", "words"),
    [
        ("manifest.json", Path.unlink, "it was not finished"),
        ("manifest.json", _cut_in_half, "its manifest is not JSON"),
        ("optimizer.safetensors", _flip_a_byte, "optimizer.safetensors is not what was written"),
        ("best/all", _flip_a_byte, "best/all is not what was written"),
        ("all", Path.unlink, "all is missing"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_said_so(
    tmp_path: Path, name: str, harm: Callable[[Path], None], words: str
) -> None:
    whole = Line()
    make(tmp_path, whole).run()
    harm(tmp_path / "checkpoints" / "step-20" / name)
    again = Line()

    make(tmp_path, again).run()

    assert [event["message"] for event in events(tmp_path, "note")] == [
        f"Checkpoint step-20 is passed over: {words}."
    ]
    assert [event["step"] for event in events(tmp_path, "resumed")] == [16]
    assert torch.equal(again.slope, whole.slope)


def test_without_a_good_checkpoint_training_starts_again(tmp_path: Path) -> None:
    make(tmp_path, Line()).run()
    for folder in (tmp_path / "checkpoints").iterdir():
        _flip_a_byte(folder / "state.json")

    make(tmp_path, Line()).run()

    assert len(events(tmp_path, "note")) == 2
    assert events(tmp_path, "resumed") == []


def test_a_broken_last_line_does_not_swallow_the_next_event(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"type": "note", "mess')

    Journal(tmp_path).note("hello")

    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"hello"' in lines[1]
