"""`python -m finetune.worker JOB_FOLDER`: do what `job.json` says, tell it in `events.jsonl`.

Exit codes: 0 with `result.json`, 1 with an "error" event, 143 after SIGTERM.
"""

import errno
import sys
import traceback
from pathlib import Path

import torch

from core import job
from core.errors import RequestRefused, ServiceFailed, ThimbleError
from finetune.worker import embedder, plugins
from finetune.worker.journal import Journal
from finetune.worker.loop import Stop
from finetune.worker.machine import peak_memory_bytes, save_memory
from finetune.worker.pretrain import train as pretraining
from finetune.worker.spec import BaseSpec, EncoderSpec, ProbeSpec, TrainSpec, from_json


def main(arguments: list[str]) -> int:
    """Run the job and return the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("Usage: python -m finetune.worker JOB_FOLDER", file=sys.stderr)  # noqa: T201
        return 2
    folder, stop = Path(arguments[0]), Stop()
    journal = Journal(folder)
    stop.listen()
    save_memory()
    try:
        work(folder, journal, stop)
    except Exception as failure:  # noqa: BLE001  # the edge: a job never ends without a word
        journal.error(_explained(failure))
        if not isinstance(failure, ThimbleError):
            traceback.print_exc()
        return 1
    return 0


def work(folder: Path, journal: Journal, stop: Stop) -> None:
    """Do the job of the folder, or nothing when its result is there."""
    if (folder / job.RESULT_FILE).exists():
        return
    content = job.read_json(folder / job.JOB_FILE)
    if content is None:
        raise RequestRefused("The job folder has no job.json.", code="bad_job")
    match from_json(content):
        case TrainSpec() as spec:
            plugins.load_task(spec.task).train(folder, spec, journal, stop)
        case ProbeSpec() as spec:
            plugins.load_task(spec.task).probe(folder, spec, journal)
        case EncoderSpec() as spec:
            embedder.run(folder, spec, journal)
        case BaseSpec() as spec:
            pretraining.run(folder, spec, journal)


def _explained(failure: Exception) -> ThimbleError:
    """The failure as something a person can act on."""
    if isinstance(failure, ThimbleError):
        return failure
    if isinstance(failure, MemoryError | torch.OutOfMemoryError):
        used = peak_memory_bytes() / 1e6
        return ServiceFailed(
            f"Out of memory; this process had {used:.0f} MB of main memory at most.",
            code="out_of_memory",
            fix="Use a smaller batch_size or max_length.",
        )
    if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServiceFailed(
            "The disk is full. The last checkpoint is kept.",
            code="disk_full",
            fix="Free some room, then retry: training goes on from the checkpoint.",
        )
    return ServiceFailed(
        f"The worker failed with {type(failure).__name__}: {failure}",
        code="worker_failed",
        fix="See the job's log. Retry; if it fails again, report it with the log.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
