"""Does the fast path compute what the plain model computes? Asked of the model itself.

Architectures differ in what no list of names tells: biases of attention that are added elsewhere,
states that run on from row to row, another output layer. So random rows go through both.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from core.errors import ThimbleError
from finetune.worker.causal.loss import nll, total_nll
from finetune.worker.causal.model import CausalModel, load_plain
from finetune.worker.causal.packing import pack
from finetune.worker.causal.rows import Row
from finetune.worker.machine import Device
from finetune.worker.spec import Base, ChatRecipe

ALLOWED = {torch.float32: 1e-5, torch.bfloat16: 4e-3}
"""Largest relative difference of a row's loss, by number format. Rounding to bfloat16 alone made
1.1e-3 of it on tiny-chat."""
LENGTHS = (48, 113)
"""Tokens of the rows. Where attention looks back over fewer, they show it."""
LONGEST = 600
"""Of a row that is made longer to reach beyond a window."""


def fits(base: Base, device: Device) -> tuple[bool, str]:
    """Whether packed rows through our layers give the loss that the plain model gives, and a
    sentence that says so; loads the base twice.

    Raises:
        RequestRefused: transformers cannot load the base at all.
        ServiceFailed: Its weights changed.
    """
    plain = load_plain(base, device.dtype, "eager")
    rows = _rows(plain.config)
    wanted = [_plain_loss(plain, row) for row in rows]
    del plain
    try:
        found, trained = _packed_losses(base, device, rows)
    except ThimbleError as refused:
        return False, str(refused)
    except torch.OutOfMemoryError:
        raise  # it says nothing of what the base computes, and the plain way needs more
    except (TypeError, RuntimeError, AttributeError, ValueError, KeyError) as error:
        return False, f"{base.name} cannot be fed with packed rows ({type(error).__name__})."
    return _verdict(wanted, found, trained, ALLOWED[device.dtype])


def _verdict(
    wanted: Sequence[float], found: Sequence[float], trained: bool, allowed: float
) -> tuple[bool, str]:
    apart = max(abs(one - two) / abs(one) for one, two in zip(wanted, found, strict=True))
    if not apart <= allowed:
        return False, f"Packed rows would be scored otherwise: the loss differs by {apart:.1e}."
    if not trained:
        return False, "An adapter would get no gradient from packed rows."
    return True, f"Packed rows give the same loss as the plain model, within {apart:.3%}."


def _rows(config: object) -> list[Row]:
    """Two random rows, all of them trained, long enough to reach beyond a window."""
    chance = np.random.default_rng(0)
    vocabulary = int(getattr(config, "vocab_size", 2))
    positions = int(getattr(config, "max_position_embeddings", None) or LONGEST)
    window = int(getattr(config, "sliding_window", None) or 0)
    longest = min(max(LENGTHS[1], window + 16), LONGEST, positions)
    return [
        Row(chance.integers(0, vocabulary, length), np.ones(length, dtype=np.bool_))
        for length in (min(LENGTHS[0], positions), longest)
    ]


def _plain_loss(model: torch.nn.Module, row: Row) -> float:
    ids = torch.from_numpy(row.ids)[None]
    with torch.no_grad():
        scores = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    return float(F.cross_entropy(scores, ids[0, 1:]))


def _packed_losses(base: Base, device: Device, rows: list[Row]) -> tuple[list[float], bool]:
    """The loss of each row, and whether every adapter gets a gradient."""
    recipe = ChatRecipe(
        epochs=1,
        rank=2,
        alpha=2.0,
        learning_rate=1e-3,
        batch_size=2,
        seed=0,
        max_length=LONGEST,
    )
    model = CausalModel.load(base, device, recipe)
    packed = pack(rows, device)
    hidden = model.hidden(packed)[packed.asked_L]
    costs = nll(hidden.detach(), packed.targets_L, model.head).cpu().numpy()
    total_nll(hidden, packed.targets_L, model.head).backward()
    moved = [group.b_Or.grad is not None and bool(group.b_Or.grad.any()) for group in model.groups]
    return [float(costs[packed.row_L == i].mean()) for i in range(len(rows))], all(moved)
