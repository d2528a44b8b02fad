"""A small true embedder for tests: hashed character n-grams, the same on every machine."""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from knowledge.embedder import Vectors

DIMENSIONS = 96
TOKEN = re.compile(r"\w+|[^\w\s]")


class SmallEmbedder:
    """Knows ASCII words only, as an English model does."""

    dimensions = DIMENSIONS

    def __init__(self, fingerprint: str = "small") -> None:
        self.fingerprint = fingerprint
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            for gram in grams(text):
                digest = blake2b(gram.encode(), digest_size=4).digest()
                place = int.from_bytes(digest, "little")
                vectors[row, place % DIMENSIONS] += 1.0 if place & 0x10000 else -1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, 1e-9)

    def token_starts(self, text: str) -> list[int]:
        return [token.start() for token in TOKEN.finditer(text)]

    def known_share(self, text: str) -> float:
        tokens = TOKEN.findall(text)
        return sum(token.isascii() for token in tokens) / len(tokens) if tokens else 1.0


def grams(text: str) -> list[str]:
    words = [f"<{word}>" for word in re.findall(r"\w+", text.lower())]
    return [word[at : at + 4] for word in words for at in range(max(1, len(word) - 3))]
