"""The cheap alternatives to tuning."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from safetensors.numpy import load_file
from sklearn.feature_extraction.text import TfidfVectorizer

from finetune.worker.baselines import Tfidf, majority, probe
from finetune.worker.rows import Split


def split(rows: list[tuple[str, int]]) -> Split:
    return Split([text for text, _ in rows], np.array([number for _, number in rows]))


ENGLISH = [("my card is lost", 0), ("where is my card", 0), ("send the money", 1)] * 4
CHINESE = [("房间很干净", 0), ("干净的房间", 0), ("早餐太差了", 1), ("服务太差", 1)] * 4


def test_the_majority_is_the_most_frequent_training_label() -> None:
    splits = {"train": split(ENGLISH), "test": split([("send it", 1), ("lost", 0)])}

    assert majority(splits, 2).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("rows", "asked"),
    [(ENGLISH, ["a card was lost", "money to send"]), (CHINESE, ["很干净", "真的太差"])],
    ids=["English", "Chinese without spaces"],
)
def test_words_and_characters_learn_any_script(
    rows: list[tuple[str, int]], asked: list[str]
) -> None:
    splits = {"train": split(rows), "validation": split(rows[:4]), "test": split(rows)}

    model = Tfidf().fit(splits, 2)

    assert model.logits(asked).argmax(1).tolist() == [0, 1]


def test_a_label_without_training_rows_is_never_said() -> None:
    rows = [*ENGLISH, ("help me please", 3)] * 2
    splits = {"train": split(rows), "validation": split(ENGLISH), "test": split(rows)}

    model = Tfidf().fit(splits, 5)

    assert model.logits(["", "what", "please"]).shape == (3, 5)
    assert set(model.logits(["", "what", "please"]).argmax(1)) <= {0, 1, 3}


def test_the_saved_files_are_enough_to_rebuild_it(tmp_path: Path) -> None:
    splits = {"train": split(CHINESE + ENGLISH), "validation": split(CHINESE)}
    model = Tfidf().fit(splits, 2)
    texts = ["my 房间 was lost", "早餐", ""]

    model.save(tmp_path, ["good", "bad"])

    parts = json.loads((tmp_path / "vectorizer.json").read_text())["parts"]
    features = scipy.sparse.hstack([rebuilt(part).transform(texts) for part in parts])
    stored = load_file(tmp_path / "weights.safetensors")
    again = features @ stored["weight"].T + stored["bias"]
    np.testing.assert_allclose(again, model.logits(texts), rtol=1e-5)
    assert json.loads((tmp_path / "meta.json").read_text())["labels"] == ["good", "bad"]


def rebuilt(part: dict[str, Any]) -> TfidfVectorizer:
    vectorizer = TfidfVectorizer(
        analyzer=part["analyzer"],
        ngram_range=tuple(part["ngram_range"]),
        lowercase=part["lowercase"],
        sublinear_tf=part["sublinear_tf"],
        token_pattern=part["token_pattern"],
        vocabulary={term: i for i, term in enumerate(part["terms"])},
        dtype=np.float32,
    )
    vectorizer.idf_ = np.array(part["idf"])
    return vectorizer


@pytest.mark.parametrize("classes", [2, 3])
def test_the_probe_separates_clouds_of_vectors(classes: int) -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, classes, 200)
    centres = chance.normal(size=(classes, 8)) * 4
    features = (centres[truth] + chance.normal(size=(200, 8))).astype(np.float32)

    linear = probe(features, truth, classes)

    assert linear.weight_CF.shape == (classes, 8)
    assert (linear.logits(features).argmax(1) == truth).mean() > 0.97
