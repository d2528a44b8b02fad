"""The cheap alternatives that tuning has to beat, each trained on the same rows.

`majority` says the most frequent label. `tfidf` is a linear model on words and characters: no
encoder, any script, Chinese included. `frozen` is a linear model on the untouched encoder.
"""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from core.job import write_json
from finetune.worker.rows import Ids, Split

Floats = NDArray[np.float32]

FORMAT = 1
"""Of the files in a `linear` engine folder."""
TERMS = 50_000
"""Most frequent terms kept per kind: words, characters."""
PROBE_C = 1.0
"""Inverse strength of the penalty on the linear probe."""


@dataclass(frozen=True)
class Linear:
    """Logits = weight @ features + bias."""

    weight_CF: Floats
    bias_C: Floats

    def logits(self, features: Any) -> Floats:
        found: Floats = np.asarray(features @ self.weight_CF.T + self.bias_C, dtype=np.float32)
        return found


def majority(splits: dict[str, Split], classes: int) -> Ids:
    """The most frequent training label, for every test row."""
    most = int(np.bincount(splits["train"].truth, minlength=classes).argmax())
    return np.full(len(splits["test"]), most, dtype=np.int64)


def probe(features: Floats, truth: Ids, classes: int) -> Linear:
    """Logistic regression on the vectors of the untouched encoder."""
    with warnings.catch_warnings():
        # Not converged in 300 rounds is good enough: the rows to come decide, not the optimum.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=PROBE_C, max_iter=300).fit(features, truth)
    return _as_linear(model, classes)


@dataclass
class Tfidf:
    """Words, word pairs and runs of 1 to 4 characters, weighed by rarity; then a linear model."""

    parts: list[TfidfVectorizer] = field(default_factory=list)
    linear: Linear | None = None

    def fit(self, splits: dict[str, Split], classes: int) -> "Tfidf":
        train, validation = splits["train"], splits["validation"]
        self.parts = [vectorizer("word", (1, 2)), vectorizer("char", (1, 4))]
        features = scipy.sparse.hstack([part.fit_transform(train.texts) for part in self.parts])
        model = LinearSVC(C=0.5, random_state=0).fit(features.tocsr(), train.truth)
        raw = _as_linear(model, classes)
        scale = _sharpness(raw.logits(self.features(validation.texts)), validation.truth)
        self.linear = Linear(raw.weight_CF * scale, raw.bias_C * scale)
        return self

    def features(self, texts: list[str]) -> Any:
        return scipy.sparse.hstack([part.transform(texts) for part in self.parts]).tocsr()

    def logits(self, texts: list[str]) -> Floats:
        assert self.linear is not None, "fit first"
        return self.linear.logits(self.features(texts))

    def save(self, folder: Path, labels: list[str]) -> None:
        """Write what the `linear` engine loads: terms and weights as JSON and safetensors."""
        assert self.linear is not None, "fit first"
        folder.mkdir(parents=True, exist_ok=True)
        parts = [_part_json(part) for part in self.parts]
        write_json(folder / "vectorizer.json", {"format": FORMAT, "parts": parts})
        linear = {"weight": self.linear.weight_CF, "bias": self.linear.bias_C}
        save_file(linear, folder / "weights.safetensors")
        meta = {"task": "classify", "labels": labels, "format": FORMAT}
        write_json(folder / "meta.json", meta)


def vectorizer(analyzer: str, ngrams: tuple[int, int]) -> TfidfVectorizer:
    """Of words or of characters, weighed by rarity; any script, Chinese included."""
    return TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=ngrams,
        lowercase=True,
        sublinear_tf=True,
        max_features=TERMS,
        dtype=np.float32,
    )


def _part_json(part: TfidfVectorizer) -> dict[str, Any]:
    return {
        "analyzer": part.analyzer,
        "ngram_range": list(part.ngram_range),
        "lowercase": True,
        "sublinear_tf": True,
        "token_pattern": part.token_pattern,
        "terms": part.get_feature_names_out().tolist(),
        "idf": [float(value) for value in part.idf_],
    }


def _as_linear(model: Any, classes: int) -> Linear:
    """One row of weights per label, also for two labels and for labels without training rows."""
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    full = np.zeros((classes, weight.shape[1]), dtype=np.float32)
    # A label that was never seen must never be said.
    floor = np.full(classes, -1e4, dtype=np.float32)
    full[model.classes_], floor[model.classes_] = weight, bias
    return Linear(full, floor)


def _sharpness(logits: Floats, truth: Ids) -> float:
    """The factor on logits under which their softmax fits held-out rows best (Guo 2017)."""
    factors = np.geomspace(0.5, 32, 49)

    def loss(factor: float) -> float:
        scaled = logits * factor
        top = scaled.max(1, keepdims=True)
        log_sum = np.log(np.exp(scaled - top).sum(1)) + top[:, 0]
        return float((log_sum - scaled[np.arange(len(truth)), truth]).mean())

    return float(min(factors, key=loss))
