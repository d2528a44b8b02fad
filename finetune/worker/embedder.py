"""The kind `encoder`: a base model as an ONNX sentence embedder for the documents index."""

from pathlib import Path

from core import job
from core.job import write_json
from finetune.worker.export import MODEL_FILE, Exporter, empty_folder
from finetune.worker.families import read_base
from finetune.worker.journal import Journal
from finetune.worker.machine import Stopwatch, choose_device, versions
from finetune.worker.rows import load_tokenizer
from finetune.worker.spec import EncoderSpec

FOLDER = "encoder"


def run(folder: Path, spec: EncoderSpec, journal: Journal) -> None:
    """Write `encoder/` (model.onnx, tokenizer.json, meta.json), then `result.json`."""
    watch = Stopwatch()
    journal.phase("loading")
    choose_device("cpu", spec.threads)
    shape, weights = read_base(spec.base)
    tokenizer = load_tokenizer(Path(spec.base.path), spec.max_length)
    journal.phase("exporting")
    exporter, made = Exporter(shape, tokenizer, spec.max_length), empty_folder(folder / FOLDER)
    exporter.embedder(made / MODEL_FILE, weights, small=True)
    exporter.describe(made, {"task": "embed", "dimensions": shape.hidden})
    result = {
        "folder": FOLDER,
        "dimensions": shape.hidden,
        "bytes": (made / MODEL_FILE).stat().st_size,
        "seconds": round(watch.seconds, 2),
        "versions": versions(),
    }
    write_json(folder / job.RESULT_FILE, result)
    journal.phase("done")
