"""Figures about predictions."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from finetune.worker.evaluate import confusions, difference, per_class, score, wilson

TRUTH = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
SAID = np.array([0, 0, 1, 1, 0, 2, 2, 2, 2, 0])


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (930, 1000, 0.9125, 0.9442),
    ],
)
def test_the_interval_is_wilsons(right: int, rows: int, low: float, high: float) -> None:
    assert wilson(right, rows) == pytest.approx((low, high), abs=1e-4)


def test_a_score_agrees_with_scikit_learn() -> None:
    found = score(TRUTH, SAID, 3)

    assert found.accuracy == 0.7
    assert found.macro_f1 == pytest.approx(f1_score(TRUTH, SAID, average="macro"))


def test_a_label_that_never_occurs_does_not_lower_the_mean_f1() -> None:
    assert score(TRUTH, SAID, 5).macro_f1 == pytest.approx(score(TRUTH, SAID, 3).macro_f1)


def test_the_worst_label_comes_first_and_labels_without_rows_last() -> None:
    lines = per_class(TRUTH, SAID, ["a", "b", "c", "unseen"])

    assert [line["label"] for line in lines] == ["b", "a", "c", "unseen"]
    assert lines[0] == {"label": "b", "rows": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_confusions_name_the_most_frequent_mistake_first() -> None:
    truth, said = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 2, 2, 1])

    assert confusions(truth, said, ["a", "b", "c"]) == [
        {"truth": "b", "predicted": "c", "count": 2},
        {"truth": "a", "predicted": "b", "count": 1},
    ]


def test_a_model_does_not_differ_from_itself() -> None:
    assert difference(TRUTH, SAID, SAID) == {"points": 0.0, "interval": [0.0, 0.0]}


def test_a_clear_gain_has_an_interval_above_zero_and_a_small_one_has_not() -> None:
    truth = np.zeros(1000, dtype=np.int64)
    better, worse, hardly = truth.copy(), truth.copy(), truth.copy()
    worse[:100], hardly[:2], better[500] = 1, 1, 1

    clear, doubtful = difference(truth, better, worse), difference(truth, better, hardly)

    assert clear["points"] == pytest.approx(9.9)
    assert 7 < clear["interval"][0] < 9.9 < clear["interval"][1] < 13
    assert doubtful["interval"][0] < 0 < doubtful["points"] < doubtful["interval"][1]
