"""Why a job ended badly, in words: from what the worker and the system left, what a user reads."""

from collections.abc import Mapping
from typing import Any

from core.job import JobState
from launchers.base import Status

KILLED = (-9, 137)
STOPPED = (-15, 143)
"""The worker was asked to end and saved a checkpoint: a shutdown, not a failure."""


def cut_off(status: Status) -> bool:
    """It was stopped from outside, by a power cut or a shutdown, and can go on."""
    return status.state is JobState.LOST or status.exit_code in STOPPED


def failure(
    status: Status, named: Mapping[str, Any] | None, logs: str, quote: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The error of a job.

    Args:
        named: The error that the worker wrote down, if it could.
        logs: The end of what it printed.
        quote: What was promised, for the numbers.
    """
    if named is not None:
        return {name: named.get(name) for name in ("code", "message", "fix")}
    if status.exit_code in KILLED:
        return out_of_memory(quote or {})
    last = next((line for line in reversed(logs.splitlines()) if line.strip()), "")
    sentences = [f"The training program ended with exit code {status.exit_code}."]
    if last:
        sentences.append(f"It last said: {last.strip()[:300]}")
    return {
        "code": "worker_failed",
        "message": " ".join(sentences),
        "fix": "Retry it; if it ends the same way, report it with the log in the job's folder.",
    }


def out_of_memory(quote: Mapping[str, Any]) -> dict[str, Any]:
    arguments = quote.get("arguments") or {}
    memory = quote.get("memory_mb")
    sentences = ["The system killed the training program, most likely for want of memory."]
    if memory:
        sentences.append(f"It was measured to need about {memory:,} MB.")
    batch = max(1, int(arguments.get("batch_size", 32)) // 2)
    length = max(8, int(arguments.get("max_length", 128)) // 2)
    return {
        "code": "killed",
        "message": " ".join(sentences),
        "fix": f"Close other programs, or start it with batch_size={batch} or max_length={length}.",
    }


def lost(attempts: int) -> dict[str, Any]:
    return {
        "code": "lost",
        "message": f"The training program vanished {attempts} times without a word.",
        "fix": "Look whether the machine is short of memory or restarts, then retry the run; "
        "its checkpoints are kept.",
    }


def no_result() -> dict[str, Any]:
    return {
        "code": "no_result",
        "message": "The training program ended well but left no readable result.",
        "fix": "Retry the run.",
    }
