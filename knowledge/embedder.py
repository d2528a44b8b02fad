"""Texts to unit vectors with the exported sentence encoder, on ONNX Runtime. No torch here.

The folder is made once at setup: `model.onnx` (input_ids, attention_mask -> embedding),
`tokenizer.json` and `meta.json` (dimensions, max_length).
"""

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from core.errors import SettingsError

Vectors = npt.NDArray[np.float32]

BATCH = 8
"""Texts a call: 4 to 16 are equally fast, 64 is a quarter slower (measured)."""
MAX_THREADS = 4


class Embeds(Protocol):
    """What the library needs of an embedder; the tests have a small one of their own."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same text would get another vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text, in order."""

    def token_starts(self, text: str) -> list[int]:
        """Where each token begins, in characters, ascending."""

    def known_share(self, text: str) -> float:
        """Share of the tokens that the model knows, 0 to 1; 1 for an empty text."""


class Embedder:
    """Opens its files at the first use: making one costs nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    @cached_property
    def meta(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "meta.json").read_bytes())
        except FileNotFoundError:
            raise SettingsError(
                "The embedder has not been exported into THIMBLE_HOME yet.",
                code="no_embedder",
                fix="Run `make setup`, then start again.",
            ) from None
        return found

    @property
    def dimensions(self) -> int:
        return int(self.meta["dimensions"])

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name in ("model.onnx", "tokenizer.json", "meta.json"):
            digest.update((self.folder / name).read_bytes())
        return digest.hexdigest()

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if not texts:
            return vectors
        rows = [self._fitted(encoding.ids) for encoding in self._encode(texts)]
        # Neighbours in length share a batch, so that little of it is padding.
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            vectors[batch] = self._run([rows[index] for index in batch])
        return vectors

    def token_starts(self, text: str) -> list[int]:
        (encoding,) = self._encode([text])
        return [
            start
            for (start, end), special in zip(
                encoding.offsets, encoding.special_tokens_mask, strict=True
            )
            if not special and end > start
        ]

    def known_share(self, text: str) -> float:
        (encoding,) = self._encode([text])
        unknown = sum(token == "[UNK]" for token in encoding.tokens)
        words = len(encoding.ids) - sum(encoding.special_tokens_mask)
        # Chinese signs that are unknown still count one token each.
        return 1.0 - unknown / words if words else 1.0

    def _fitted(self, ids: list[int]) -> list[int]:
        limit = int(self.meta["max_length"])
        return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]

    def _run(self, rows: list[list[int]]) -> Vectors:
        width = max(len(row) for row in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        _, session = self._open()
        (vectors,) = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        tokenizer, _ = self._open()
        return list(tokenizer.encode_batch(list(texts)))

    def _open(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                _ = self.meta  # names what to do when the folder is not there
                self._loaded = (open_tokenizer(self.folder), open_session(self.folder))
            return self._loaded


def open_tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer  # here, so that importing this module stays cheap

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # The file asks for 128 tokens, cut and padded; we cut at the model's own length.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def open_session(folder: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(MAX_THREADS, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    # The arena would keep the largest batch's memory for ever.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
