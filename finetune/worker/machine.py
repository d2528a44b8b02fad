"""The machine the worker runs on: which device, which number format, how much it used."""

import ctypes
import gc
import importlib.metadata
import os
import platform
import resource
import sys
import time
from dataclasses import dataclass

import torch

from core.errors import ServiceFailed

PACKAGES = (
    *("torch", "transformers", "peft", "onnxruntime", "scikit-learn", "tokenizers"),
    *("safetensors", "numpy"),
)

KERNELS_KEPT = 32
LARGE_BLOCK_BYTES = 4 * 2**20
"""Blocks from this size on go back to the system when they are freed."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of options in glibc's malloc.h."""


@dataclass(frozen=True)
class Device:
    """Where tensors live, and the format of weights that are not trained."""

    kind: str
    """`cpu`, `cuda` or `mps`."""
    dtype: torch.dtype
    """bfloat16 where the device multiplies it faster than float32, else float32."""

    def __str__(self) -> str:
        return f"{self.kind} {str(self.dtype).removeprefix('torch.')}"


def choose_device(wanted: str, threads: int) -> Device:
    """The device asked for, or with `auto` the fastest there is. Sets the thread count.

    Raises:
        ServiceFailed: The device asked for is not on this machine.
    """
    torch.set_num_threads(max(1, threads))
    kind = _best_kind() if wanted == "auto" else wanted
    if kind not in _kinds():
        raise ServiceFailed(
            f"device={wanted!r} is not on this machine; it has {', '.join(_kinds())}.",
            code="no_device",
            fix="Use device 'auto'.",
        )
    return Device(kind, torch.bfloat16 if _bfloat16_is_fast(kind) else torch.float32)


def _kinds() -> list[str]:
    kinds = ["cpu"]
    if torch.cuda.is_available():
        kinds.append("cuda")
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return kinds


def _best_kind() -> str:
    return _kinds()[-1]


def _bfloat16_is_fast(kind: str) -> bool:
    """True where the hardware multiplies bfloat16; elsewhere it is emulated and slower.

    A fact of the hardware, never a timing: an attempt that resumes must choose the same.
    """
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind == "mps":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(unit) for unit in ("avx512_bf16", "amx_bf16"))


def save_memory() -> None:
    """Keep the process small. Call it before the first tensor is made.

    Batches have many sizes. Left alone, the CPU library keeps 1,024 compiled kernels and the C
    library keeps gaps between freed blocks: together over 1 GB on MiniLM, for no speed.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS_KEPT))
    _glibc("mallopt", M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
    _glibc("mallopt", M_TRIM_THRESHOLD, 16 * LARGE_BLOCK_BYTES)


def give_memory_back() -> None:
    """Return what is free inside this process to the system, before a phase that needs much."""
    gc.collect()
    _glibc("malloc_trim", 0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _glibc(function: str, *arguments: int) -> None:
    """Call a function that only glibc has; elsewhere the allocator is left as it is."""
    found = getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
    if found is not None:
        found(*arguments)


def peak_memory_bytes() -> int:
    """Most resident memory this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return peak if sys.platform == "darwin" else peak * 1024


def versions() -> dict[str, str]:
    """What ran, so that a result can be repeated."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


class Stopwatch:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._wall

    @property
    def cpu_seconds(self) -> float:
        return time.process_time() - self._cpu
