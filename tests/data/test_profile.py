from itertools import pairwise

import numpy as np
import pytest

from data.profile import histogram, language, round_step


@pytest.mark.parametrize(
    ("least", "step"),
    [(0.1, 1), (1, 1), (1.5, 2), (3, 5), (7, 10), (12.2, 20), (80, 100), (500, 500)],
)
def test_a_step_is_round(least: float, step: int) -> None:
    assert round_step(least) == step


def test_a_histogram_counts_every_row_once_between_round_edges() -> None:
    counts = np.array([*range(1, 200), 5_000])
    table = histogram(counts)

    assert table[0] == [0, 20, 19]
    assert table[-1] == [200, 5020, 1]
    assert sum(rows for _, _, rows in table) == len(counts)
    assert all(left[1] == right[0] for left, right in pairwise(table))


def test_a_histogram_begins_where_the_lengths_do() -> None:
    assert histogram(np.array([3, 3, 3])) == [[3, 4, 3]]
    assert histogram(np.arange(900, 1000))[0] == [900, 910, 10]


def test_scripts_are_shares_of_the_letters() -> None:
    assert language(["abc 123 !"]) == {"latin": 1.0, "han": 0.0, "other": 0.0}
    assert language(["好的", "ok"]) == {"latin": 0.5, "han": 0.5, "other": 0.0}
    assert language(["да"]) == {"latin": 0.0, "han": 0.0, "other": 1.0}
    assert language(["123"]) == {"latin": 0.0, "han": 0.0, "other": 0.0}
