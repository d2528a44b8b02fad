"""From a tuned model to a folder that an engine loads without torch: merge, write, verify.

Adapters are merged into the base's own float32 weights, and only the merged weights are made
int8. The export replays rows of the test split and is blocked when it answers differently.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.errors import ServiceFailed
from core.job import write_json
from finetune.worker import graph
from finetune.worker.adapter import Tensors, to_peft
from finetune.worker.families import Shape, Weights
from finetune.worker.rows import Ids, reading_batches

Floats = NDArray[np.float32]

FORMAT = 1
"""Of the files in an `onnx` engine folder."""
MODEL_FILE = "model.onnx"
REPLAYED = 64
"""Rows on which the float graph must say what torch says."""
FLOAT_GAP = 0.1
"""Largest allowed difference of a probability between torch and the float graph. The trained
model may run in bfloat16, which by itself moves a probability by a few hundredths."""


def merge(weights: Weights, trained: Tensors, shape: Shape, scale: float) -> Weights:
    """The base's weights with every adapter added in: W + scale * B A."""
    adapters = to_peft(trained, shape)
    merged = dict(weights)
    for name, a_rI in adapters.items():
        if not name.endswith(".lora_A.weight"):
            continue
        key = name.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
        b_Or = adapters[name.replace("lora_A", "lora_B")]
        merged[key] = weights[key] + scale * (b_Or @ a_rI)
    return merged


@dataclass(frozen=True)
class Exporter:
    """Writes engine folders for one base model and one set of labels."""

    shape: Shape
    tokenizer: Tokenizer
    max_length: int

    def classifier(
        self, file: Path, weights: Weights, head: tuple[Floats, Floats], *, small: bool
    ) -> None:
        """Write a classifier, int8 when small, float otherwise."""
        drawn = graph.Graph(small)
        graph.classify(drawn, graph.mean_pooled(drawn, self.shape, weights), *head)
        drawn.save(file, "logits", len(head[1]))

    def embedder(self, file: Path, weights: Weights, *, small: bool) -> None:
        """Write a sentence embedder, int8 when small, float otherwise."""
        drawn = graph.Graph(small)
        graph.normalise(drawn, graph.mean_pooled(drawn, self.shape, weights))
        drawn.save(file, "embedding", self.shape.hidden)

    def describe(self, folder: Path, meta: dict[str, object]) -> None:
        """Write what an engine needs beside the model."""
        self.tokenizer.save(str(folder / "tokenizer.json"))
        write_json(folder / "meta.json", meta | {"max_length": self.max_length, "format": FORMAT})


def empty_folder(folder: Path) -> Path:
    """The folder without anything that an earlier attempt left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run_onnx(file: Path, rows: list[Ids], threads: int) -> Floats:
    """The output of an exported model for each row of token ids, in their order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    found: dict[int, Floats] = {}
    for batch in reading_batches(rows):
        chosen = [rows[i] for i in batch]
        ids = np.zeros((len(chosen), max(map(len, chosen))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for number, row in enumerate(chosen):
            ids[number, : len(row)], mask[number, : len(row)] = row, 1
        (out,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        found |= dict(zip(batch.tolist(), out, strict=True))
    return np.stack([found[i] for i in range(len(rows))])


def check_same(float_file: Path, rows: list[Ids], logits: Floats, threads: int) -> None:
    """Replay held-out rows through the float graph.

    Raises:
        ServiceFailed: It does not say what the trained model said (`export_differs`).
    """
    replayed = _probabilities(run_onnx(float_file, rows[:REPLAYED], threads))
    gap = float(np.abs(replayed - _probabilities(logits[:REPLAYED])).max())
    if gap > FLOAT_GAP:
        raise ServiceFailed(
            f"The exported model differs from the trained one by {gap:.2f} in a probability, on "
            f"rows of the test split; {FLOAT_GAP} is allowed.",
            code="export_differs",
            fix="The adapter itself is kept. Report this with the job's log.",
        )


def _probabilities(logits: Floats) -> Floats:
    found: Floats = torch.softmax(torch.from_numpy(logits), 1).numpy()
    return found
