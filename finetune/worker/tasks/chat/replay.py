"""Is the exported adapter the one that was trained, and does the engine serve it as it is?

Both are asked of a third: PEFT on the model as transformers has it. What differs is not handed out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from core.chat.tokens import ChatTokenizer
from core.errors import ServiceFailed
from finetune.worker.causal.rows import ChatRows, Row
from finetune.worker.machine import Device
from finetune.worker.tasks.chat.plain import Exported
from finetune.worker.tasks.chat.questions import Question

TOKENS = 2048
"""Of test rows whose loss is compared."""
LOSS_GAP = {torch.float32: 1e-3, torch.bfloat16: 2e-2}
"""Largest relative difference, by number format: who computes rounds differently."""
SMALLEST_LOSS = 1e-3
"""Nats a row; losses that differ by less are the same."""
ANSWERS = 8
"""Of the engine that are looked at, token for token."""
REGRET = {torch.float32: 1e-2, torch.bfloat16: 1e-1}
"""Nats a token by which the engine may have taken another token than the likeliest."""


def losses(
    exported: Exported, rows: ChatRows, measured: Sequence[float], device: Device
) -> dict[str, Any]:
    """Compare the loss of the exported adapter with what was measured after training.

    Args:
        measured: Sum of the losses of each row.

    Raises:
        ServiceFailed: They differ (`export_differs`).
    """
    count = max(1, int((np.cumsum(rows.lengths) <= TOKENS).sum()))
    found, wanted = exported.nll(rows.rows[:count]).sum(), float(sum(measured[:count]))
    apart, allowed = abs(found - wanted), LOSS_GAP[device.dtype]
    gap = float(apart / max(wanted, 1e-9))
    # Asked this way round, what is no number does not pass.
    if not (gap <= allowed or apart <= SMALLEST_LOSS * count):
        raise ServiceFailed(
            f"The exported adapter differs from the trained one by {gap:.1%} of the loss on rows "
            f"of the test split; {allowed:.1%} is allowed.",
            code="export_differs",
            fix="The adapter itself is kept. Report this with the job's log.",
        )
    return {"rows": count, "gap": gap}


def answers(
    exported: Exported,
    tokenizer: ChatTokenizer,
    asked: Sequence[Question],
    said: Sequence[list[int]],
    device: Device,
) -> dict[str, Any]:
    """Look whether the engine said what the exported adapter finds likeliest.

    Args:
        said: Tokens of the engine's answer to each question.

    Raises:
        ServiceFailed: It did not (`export_differs`).
    """
    pairs = [(one, ids) for one, ids in zip(asked, said, strict=True) if ids][:ANSWERS]
    rows = [_row(tokenizer.prompt(one.messages, one.tools), ids) for one, ids in pairs]
    regret, allowed = exported.regret(rows) if rows else 0.0, REGRET[device.dtype]
    if not regret <= allowed:
        raise ServiceFailed(
            f"The engine that serves the model answers otherwise than it was trained to, by "
            f"{regret:.2f} nats a token; {allowed} is allowed.",
            code="export_differs",
            fix="The adapter itself is kept. Report this with the job's log.",
        )
    return {"answers": len(rows), "regret": regret}


def _row(prompt: list[int], answer: list[int]) -> Row:
    trained = np.arange(len(prompt) + len(answer)) >= len(prompt)
    return Row(np.array(prompt + answer, dtype=np.int64), trained)
