"""Verdicts: honest words for the numbers."""

import pytest

from finetune import promote
from tests.fakes import train_result


def test_a_clear_gain_is_called_a_gain_and_the_tuned_model_recommended() -> None:
    found = promote.verdict(train_result(gain=5.0))

    assert found["better"]
    assert found["recommend"] == "lora"
    assert "5.0 points more" in found["text"]
    assert "Linear on frozen embeddings (85.0 %)" in found["text"]
    assert "between +2.0 and +8.0" in found["text"]


@pytest.mark.parametrize("gain", [2.9, 1.0, 0.0, -2.0])
def test_an_interval_that_reaches_zero_is_no_gain_and_the_baseline_is_recommended(
    gain: float,
) -> None:
    found = promote.verdict(train_result(gain=gain))

    assert not found["better"]
    assert found["recommend"] == "frozen"
    assert "did not clearly beat" in found["text"]
    assert "may be chance" in found["text"]
    assert "deploy Linear on frozen embeddings instead" in found["text"]


def test_a_difference_that_rounds_to_nothing_is_called_the_same_score() -> None:
    assert "They score the same" in promote.verdict(train_result(gain=-0.04))["text"]


def test_the_difference_says_by_itself_which_way_it_goes() -> None:
    assert "It is 1.0 points higher" in promote.verdict(train_result(gain=1.0))["text"]
    assert "It is 2.0 points lower" in promote.verdict(train_result(gain=-2.0))["text"]


def test_a_loss_is_called_worse() -> None:
    found = promote.verdict(train_result(gain=-6.0))

    assert "6.0 points lower, with 95 % certainty between 3.0 and 9.0: it is worse" in found["text"]
    assert found["recommend"] == "frozen"


@pytest.mark.parametrize("gain", [1.0, -6.0])
def test_a_test_of_few_rows_is_called_too_small_to_tell(gain: float) -> None:
    result = train_result(gain=gain)
    result["metrics"]["test"]["rows"] = 12
    text = promote.verdict(result)["text"]

    assert "The test has only 12 rows: it is too small to tell which is better." in text
    assert "chance" not in text
    assert "worse" not in text


def test_a_gain_on_few_rows_is_not_called_sure() -> None:
    result = train_result(gain=5.0)
    result["metrics"]["test"]["rows"] = 12

    assert "only 12 rows: that is too few to be sure" in promote.verdict(result)["text"]


def test_an_interval_without_width_is_no_certainty() -> None:
    result = train_result(gain=0.0)
    for one in result["baselines"]:
        one["difference"] = {"points": 0.0, "interval": [0.0, 0.0]}
    text = promote.verdict(result)["text"]

    assert "equally well on all 200 test rows: the test is too small to tell more" in text
    assert "certainty" not in text


def test_the_best_baseline_is_the_one_compared_with() -> None:
    result = train_result(gain=5.0)
    result["baselines"][1]["accuracy"] = 0.99
    result["baselines"][1]["difference"] = {"points": -9.0, "interval": [-11.0, -7.0]}

    assert promote.verdict(result)["recommend"] == "tfidf"


def test_a_baseline_that_cannot_be_deployed_is_not_recommended() -> None:
    result = train_result(gain=5.0)
    result["baselines"][0]["accuracy"] = 0.999

    assert promote.verdict(result)["than"] == "frozen"


def test_accuracy_lost_in_the_8_bit_model_is_told() -> None:
    result = train_result(gain=5.0)
    result["export"]["accuracy_int8"] = result["export"]["accuracy_float"] - 0.02

    assert "As it is served (8-bit) it is 88.0 % right" in promote.verdict(result)["text"]


def scored(run: str, accuracy: float, dataset: str = "d@1") -> dict[str, object]:
    interval = [accuracy - 0.02, accuracy + 0.02]
    return {"run": run, "dataset": dataset, "accuracy": accuracy, "interval": interval}


def test_runs_apart_by_more_than_chance_are_ranked() -> None:
    text = promote.compare([scored("run_1", 0.80), scored("run_2", 0.90)])

    assert text == "run_2 is 10.0 points above run_1, more than chance explains."


def test_runs_with_overlapping_intervals_may_differ_by_chance() -> None:
    assert "may be chance" in promote.compare([scored("run_1", 0.89), scored("run_2", 0.90)])


def test_runs_on_different_data_are_not_compared() -> None:
    text = promote.compare([scored("run_1", 0.8), scored("run_2", 0.9, "other@1")])

    assert "different data" in text
