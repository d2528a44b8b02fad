"""How much memory a step needs, how much there is, and what to do when it does not fit.

Recomputing blocks costs a third more time and changes no number; so it is done only where an
estimate, or the first and longest step, asks for it.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from finetune.worker.causal.model import CausalModel
from finetune.worker.machine import Device

USABLE = 0.7
"""Share of the free memory that activations may take by the estimate, which is rough."""


def spare(model: CausalModel, tokens: int, device: Device) -> bool:
    """Recompute blocks when so many tokens at once would not fit. Whether it does."""
    free = free_bytes(device)
    if free is not None and tokens * model.bytes_per_token() > USABLE * free:
        model.save_memory()
    return model.saves_memory


def rehearse(model: CausalModel, step: Callable[[int], None], part_tokens: int, least: int) -> int:
    """Try the longest step until it fits; returns how many tokens a part may have.

    Args:
        step: Goes forward and back once, in parts of so many tokens.
        least: Tokens of the longest row, which cannot be parted.

    Raises:
        torch.OutOfMemoryError: It does not fit, whatever is done.
    """
    while True:
        try:
            step(part_tokens)
            return part_tokens
        except torch.OutOfMemoryError:
            if model.saves_memory and part_tokens <= least:
                raise
        torch.cuda.empty_cache()
        if model.saves_memory:
            part_tokens = max(least, part_tokens // 2)
        model.save_memory()


def free_bytes(device: Device) -> int | None:
    """Memory that this process could still take; None where the system does not say."""
    if device.kind == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    facts = Path("/proc/meminfo")
    found = re.search(r"MemAvailable:\s+(\d+) kB", facts.read_text()) if facts.is_file() else None
    return None if found is None else int(found[1]) * 1024
