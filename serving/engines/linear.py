"""Linear classifiers on weighed words and characters; small, quick, and at home in any script.

An artifact is a folder with `vectorizer.json` (the terms and their weights, by kind),
`weights.safetensors` (`weight`: labels x terms, `bias`: labels) and `meta.json`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from sklearn.feature_extraction.text import TfidfVectorizer

from core.job import read_json
from serving.engines.base import FORMAT, prove, read_meta, unusable

Floats = NDArray[np.float32]
ANALYZERS = ("word", "char", "char_wb")


@dataclass(frozen=True)
class LinearClassifier:
    labels: list[str]
    parts: list[TfidfVectorizer]
    weight_FC: Floats
    bias_C: Floats

    def classify(self, texts: list[str]) -> list[list[float]]:
        features_BF = scipy.sparse.hstack([part.transform(texts) for part in self.parts]).tocsr()
        logits_BC = features_BF @ self.weight_FC + self.bias_C
        # Minus the largest: exp of a large logit would overflow.
        shifted_BC = (logits_BC - logits_BC.max(axis=1, keepdims=True)).astype(np.float64)
        exponentials_BC = np.exp(shifted_BC)
        sums_B1 = exponentials_BC.sum(axis=1, keepdims=True)
        probabilities: list[list[float]] = (exponentials_BC / sums_B1).tolist()
        return probabilities


def load(folder: Path, threads: int) -> LinearClassifier:
    labels = read_meta(folder)["labels"]
    written = read_json(folder / "vectorizer.json")
    if not isinstance(written, dict) or written.get("format") != FORMAT:
        raise unusable("vectorizer.json is missing or of another version")
    parts = [vectorizer(part) for part in written["parts"]]
    weight_FC, bias_C = read_weights(folder / "weights.safetensors")
    features = sum(len(part.vocabulary) for part in parts)
    if weight_FC.shape != (features, len(labels)) or bias_C.shape != (len(labels),):
        raise unusable(f"its weights do not fit {features} terms and {len(labels)} labels")
    model = LinearClassifier(labels, parts, weight_FC, bias_C)
    prove(model)
    return model


def vectorizer(part: dict[str, Any]) -> TfidfVectorizer:
    if part["analyzer"] not in ANALYZERS or len(part["terms"]) != len(part["idf"]):
        raise unusable("vectorizer.json contradicts itself")
    made = TfidfVectorizer(
        analyzer=part["analyzer"],
        ngram_range=tuple(part["ngram_range"]),
        lowercase=part["lowercase"],
        sublinear_tf=part["sublinear_tf"],
        token_pattern=part["token_pattern"],
        vocabulary={term: index for index, term in enumerate(part["terms"])},
        dtype=np.float32,
    )
    made.idf_ = np.array(part["idf"], dtype=np.float32)
    return made


def read_weights(path: Path) -> tuple[Floats, Floats]:
    try:
        tensors = load_file(path)
        # Laid out once as the product reads it; otherwise each request would copy all of it.
        return np.ascontiguousarray(tensors["weight"].T), tensors["bias"]
    except (OSError, SafetensorError, KeyError) as error:
        raise unusable(f"{path.name} cannot be read: {error}") from None
