"""What was exported and what the engine says of it are compared with what was trained."""

import math
from pathlib import Path

import pytest
import torch

from core.errors import ServiceFailed
from finetune.worker.tasks.chat import questions, replay
from finetune.worker.tasks.chat.answers import Speaker
from finetune.worker.tasks.chat.plain import Exported
from tests.finetune.worker.small_chat import EXACT, chat_task


def test_an_adapter_and_an_engine_that_differ_are_not_handed_out(tmp_path: Path) -> None:
    task, folder = chat_task(tmp_path), tmp_path / "adapter"
    with torch.no_grad():
        for number, value in enumerate(task.trained().values()):
            value += torch.sin(torch.arange(value.numel()).view(value.shape) + number) * 0.3
    task.write_adapter(folder)
    test = task.splits["test"]
    exported, measured = Exported(task.base, folder, EXACT), task.nll("test")[0].tolist()
    rows = questions.conversations(tmp_path / "job" / "test.jsonl", test.numbers)
    asked = questions.choose(rows, task.tokenizer)[:6]

    same = replay.losses(exported, test, measured, EXACT)
    said = [one.ids for one in Speaker(task.base, EXACT, 1, folder).answer(asked, 12)]
    spoken = replay.answers(exported, task.tokenizer, asked, said, EXACT)

    assert same == {"rows": 36, "gap": pytest.approx(0, abs=1e-5)}
    assert spoken == {"answers": 6, "regret": pytest.approx(0, abs=1e-4)}
    untuned = task.nll("test", tuned=False)[0].tolist()
    with pytest.raises(ServiceFailed, match="exported adapter differs from the trained one by"):
        replay.losses(exported, test, untuned, EXACT)
    with pytest.raises(ServiceFailed, match="differs from the trained one by nan"):
        replay.losses(exported, test, [math.nan] * len(test), EXACT)
    others = [one.ids for one in Speaker(task.base, EXACT, 1, None).answer(asked, 12)]
    with pytest.raises(ServiceFailed, match="answers otherwise than it was trained to"):
        replay.answers(exported, task.tokenizer, asked, others, EXACT)


def test_a_model_whose_scores_are_no_numbers_is_not_handed_out(tmp_path: Path) -> None:
    task, folder = chat_task(tmp_path), tmp_path / "adapter"
    with torch.no_grad():
        next(iter(task.trained().values())).fill_(math.nan)
    task.write_adapter(folder)
    rows = questions.conversations(tmp_path / "job" / "test.jsonl", task.splits["test"].numbers)
    asked = questions.choose(rows, task.tokenizer)[:2]

    with pytest.raises(ServiceFailed, match="answers otherwise than it was trained to") as error:
        exported = Exported(task.base, folder, EXACT)
        replay.answers(exported, task.tokenizer, asked, [[5, 6], [7]], EXACT)
    assert error.value.code == "export_differs"
