"""Classifiers exported to ONNX, on ONNX Runtime: no torch in the process.

An artifact is a folder with `model.onnx` (token ids and attention mask in, logits out),
`tokenizer.json` and `meta.json`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from serving.engines.base import prove, read_meta, unusable

INPUTS = {"input_ids", "attention_mask"}
SHORTEST = 4
"""Tokens: a beginning, an end, and something between them."""


@dataclass(frozen=True)
class OnnxClassifier:
    labels: list[str]
    tokenizer: Any
    session: Any

    def classify(self, texts: list[str]) -> list[list[float]]:
        # One text at a time: an int8 model scales its activations by the whole batch, so a batch
        # would make an answer depend on its neighbours. Batches of 32 would be 1.4 times faster.
        return [self._probabilities(text) for text in texts]

    def _probabilities(self, text: str) -> list[float]:
        ids_1T = np.array([self.tokenizer.encode(text).ids], dtype=np.int64)
        feeds = {"input_ids": ids_1T, "attention_mask": np.ones_like(ids_1T)}
        (logits_1C,) = self.session.run(["logits"], feeds)
        return softmax(logits_1C[0])


def load(folder: Path, threads: int) -> OnnxClassifier:
    meta = read_meta(folder)
    max_length = meta.get("max_length")
    if not isinstance(max_length, int) or max_length < SHORTEST:
        raise unusable(f"max_length={max_length!r} is not a number of tokens")
    model = OnnxClassifier(
        labels=meta["labels"],
        tokenizer=load_tokenizer(folder / "tokenizer.json", max_length),
        session=load_session(folder / "model.onnx", threads),
    )
    prove(model)
    return model


def load_tokenizer(path: Path, max_length: int) -> Any:
    """Raises RequestRefused for a file that is missing or no tokenizer."""
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unusable(f"{path.name} cannot be read: {error.strerror}") from None
    except Exception as error:  # edge: the library raises nothing more exact
        raise unusable(f"{path.name} is not a tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def load_session(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the cores from other requests and from training.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # edge: the library raises nothing more exact
        raise unusable(f"{path.name} is not a model that ONNX Runtime can run: {error}") from error
    inputs = {entry.name for entry in session.get_inputs()}
    if inputs != INPUTS:
        raise unusable(f"{path.name} takes {sorted(inputs)}, not {sorted(INPUTS)}")
    return session


def softmax(logits_C: Any) -> list[float]:
    # Minus the largest: exp of a large logit would overflow.
    exponentials_C = np.exp(logits_C.astype(np.float64) - logits_C.max())
    probabilities: list[float] = (exponentials_C / exponentials_C.sum()).tolist()
    return probabilities
