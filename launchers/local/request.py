"""The exact request for a job: argument list, environment, resources. Pure."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import launchers
from core.errors import RequestRefused
from core.job import Job
from launchers.base import Capacity

ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH"
    r"|CUDA_[A-Z_]+|NVIDIA_[A-Z_]+|OMP_[A-Z_]+|MKL_[A-Z_]+|KMP_[A-Z_]+"
)
"""What a job sees of our environment. Keys, tokens and addresses of services stay here."""
FIXED = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    # The folder of a job holds files of users: Python must not import from it.
    "PYTHONSAFEPATH": "1",
}
CODE = Path(launchers.__file__).parent.parent


def environment(environ: Mapping[str, str], job: Job) -> dict[str, str]:
    allowed = {name: value for name, value in environ.items() if ALLOWED.fullmatch(name)}
    ours = {"PYTHONPATH": str(CODE), "OMP_NUM_THREADS": str(job.cpus)}
    if not job.service and job.gpus == 0:
        ours["CUDA_VISIBLE_DEVICES"] = ""  # who did not queue for a GPU must not use one
    return dict(sorted((allowed | FIXED | ours | dict(job.env)).items()))


def slots(job: Job, capacity: Capacity) -> tuple[str, int]:
    """The lane a job waits in, and how many slots of it are needed."""
    if job.gpus > len(capacity.gpus):
        raise RequestRefused(
            f"{job.id} needs {job.gpus} GPU(s); this machine has {len(capacity.gpus)}.",
            code="no_such_resource",
            fix="Run it on the processor, or on a machine with GPUs.",
        )
    if job.gpus:
        return "gpu", job.gpus
    # More cores than there are would wait forever; it may well run on fewer.
    return "cpu", max(1, min(job.cpus, capacity.cpus))


def render(
    job: Job, environ: Mapping[str, str], capacity: Capacity, queue: Path, grace_s: float
) -> dict[str, Any]:
    request = {
        "id": job.id,
        "attempt": job.attempt,
        "argv": list(job.argv),
        "cwd": str(job.folder),
        "env": environment(environ, job),
        "service": job.service,
        "grace_s": grace_s,
    }
    if job.service:
        return request
    lane, number = slots(job, capacity)
    devices = list(capacity.gpus) if lane == "gpu" else []
    turn = {"queue": str(queue), "lane": lane, "slots": number}
    turn["capacity"] = len(devices) if lane == "gpu" else capacity.cpus
    return request | {"turn": turn, "devices": devices}


def machine(environ: Mapping[str, str]) -> Capacity:
    """What this machine has: the cores we may use, and its GPUs."""
    cpus = usable_cores()
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return Capacity(cpus=cpus, gpus=tuple(name for name in visible.split(",") if name.strip()))
    # CUDA counts from 0 whatever the device files are called, in a container above all.
    found = [path for path in Path("/dev").glob("nvidia*") if path.name[6:].isdecimal()]
    return Capacity(cpus=cpus, gpus=tuple(str(index) for index in range(len(found))))


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
