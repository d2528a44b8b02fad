"""How good generated answers are: scores of texts, loops, and how sure differences are."""

import math

import numpy as np
import pytest

from finetune.worker.tasks.chat import evaluate
from finetune.worker.tasks.chat.evaluate import Answer, judge


def said(*texts: str, ended: bool = True) -> list[Answer]:
    return [Answer(text, ended) for text in texts]


@pytest.mark.parametrize(
    ("ours", "expected", "score"),
    [
        # As sacrebleu 2.6 scores these sentences, divided by 100.
        ("the cat sat", "the cat sat on the mat", 0.4959348409966008),
        ("abc", "xyz", 0.0),
        ("a", "ab", 0.5555555555555556),
        ("我喜欢喝茶", "我不喜欢喝茶", 0.474481658692185),
        ("hello world again", "helo wrld", 0.3286764112089154),
        ("", "something", 0.0),
        ("the same", "the same", 1.0),
    ],
)
def test_chrf_is_the_published_one(ours: str, expected: str, score: float) -> None:
    assert evaluate.chrf(ours, expected) == pytest.approx(score, abs=1e-12)


def test_an_exact_match_overlooks_case_and_spaces_and_nothing_else() -> None:
    assert evaluate.exact(" The  Cat\n", "the cat") == 1
    assert evaluate.exact("ABC", "abc") == 1
    assert evaluate.exact("the cat.", "the cat") == 0
    assert evaluate.exact("", "the cat") == 0


def test_short_answers_are_matched_and_long_ones_compared() -> None:
    assert evaluate.metric_for(["yes", "no", "x" * 300]) == "exact_match"
    assert evaluate.metric_for(["yes", "y" * 41, "x" * 300]) == "chrf"


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("I am sure. " * 5, True),
        ("It is this: " + "no " * 20, True),
        ("是的" * 20, True),
        ("x" * 40, True),
        ("ha ha ha", False),
        ("| a | b |\n|---|---|\n| 1 | 2 |", False),
        ("A sentence that goes on and on, as sentences do, but comes to an end in time.", False),
        ("", False),
        ("a", False),
    ],
)
def test_a_text_caught_in_a_loop_is_seen(text: str, loops: bool) -> None:
    assert evaluate.repeats(text) is loops


def test_a_loop_in_the_middle_of_an_answer_is_seen_too() -> None:
    assert evaluate.repeats("First. " + "and then " * 8 + "it stopped, for no reason.")


def test_a_loop_that_is_wanted_is_none() -> None:
    rule = "-" * 60

    judged = judge("chrf", [rule, "no rule"], said(rule, rule))

    assert judged.repeating.tolist() == [0, 1]


def test_answers_are_summed_up_with_an_interval() -> None:
    answers = said(*["yes"] * 15, *["no"] * 4) + said("maybe", ended=False)

    found = judge("exact_match", ["yes"] * 20, answers).as_json()

    assert found == {
        "score": 0.75,
        "interval": pytest.approx([0.531, 0.888], abs=1e-3),
        "ended": 0.95,
        "repeating": 0.0,
    }


def test_the_interval_of_a_mean_is_that_of_its_rows() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 400)

    low, high = evaluate.ratio(values, np.ones(400))["interval"]

    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.001)
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.1)


def test_a_difference_is_of_the_same_rows() -> None:
    wanted = [str(i) for i in range(100)]
    right = judge("exact_match", wanted, said(*wanted))
    half = judge("exact_match", wanted, said(*wanted[:50], *["?"] * 50))

    found = evaluate.points(right, half)

    assert found["points"] == 50
    assert found["interval"] == pytest.approx([40, 60], abs=1.5)
    assert evaluate.points(half, half) == {"points": 0, "interval": [0, 0]}


def test_all_right_on_few_rows_is_no_certainty() -> None:
    right = judge("exact_match", ["a"] * 30, said(*["a"] * 30))
    wrong = judge("exact_match", ["a"] * 30, said(*["b"] * 30))

    found = evaluate.points(right, wrong)

    assert (found["points"], found["interval"][1]) == (100, 100)
    assert found["interval"][0] == pytest.approx(83.9, abs=0.05)
    assert evaluate.points(wrong, right)["interval"] == [-100, -found["interval"][0]]


def test_the_loss_counts_tokens_and_its_interval_counts_rows() -> None:
    nll, tokens = np.array([1.0, 8.0, 3.0]), np.array([1.0, 4.0, 1.0])

    found = evaluate.loss(nll, tokens)

    assert (found["rows"], found["tokens"], found["loss"]) == (3, 6, 2.0)
    assert found["interval"][0] == pytest.approx(1.0)
    assert found["interval"][1] == pytest.approx(3.0)
    assert found["perplexity"] == pytest.approx(math.exp(2))
    assert found["perplexity_interval"] == pytest.approx([math.exp(1), math.exp(3)])


def test_a_loss_beyond_all_measure_still_is_a_number() -> None:
    assert math.isfinite(evaluate.perplexity(1e6))


def test_what_tuning_saves_is_below_nothing() -> None:
    tokens = np.array([2.0, 2.0])

    found = evaluate.loss_difference(np.array([1.0, 2.0]), np.array([3.0, 4.0]), tokens)

    assert found == {"nats": -1.0, "interval": [-1.0, -1.0]}
