"""What is said of a finished chat model, from the numbers that the worker leaves."""

from typing import Any

import pytest

from finetune import promote
from finetune.models import candidates
from finetune.verdicts.chat import ADVICE

PERPLEXITIES = {"tuned": 3.2, "base": 24.1}


def rival(
    name: str, score: float | None, points: float = 0.0, spread: float = 3.0
) -> dict[str, Any]:
    difference = {"points": points, "interval": [points - spread, points + spread]}
    return {
        "name": name,
        "title": f"the {name} one",
        "score": score,
        "difference": None if score is None else difference,
        "folder": None,
        "engine": None,
    }


def result(gain: float = 40.0, nats: float = -2.0, **answers: Any) -> dict[str, Any]:
    """A tuned model `gain` points above looking answers up, `nats` away from its base."""
    untuned = rival("base", 0.1, gain + 20)
    untuned |= {
        "perplexity": PERPLEXITIES["base"],
        "loss_difference": {"nats": nats, "interval": [nats - 0.3, nats + 0.3]},
    }
    scored = {
        "metric": "exact_match",
        "score": 0.9,
        "rows": 200,
        "ended": 1.0,
        "repeating": 0.0,
    }
    return {
        "task": "chat",
        "metrics": {"test": {"rows": 200, "perplexity": PERPLEXITIES["tuned"], "interval": [1, 2]}},
        "answers": scored | answers,
        "baselines": [untuned, rival("nearest", 0.5, gain), rival("frequent", 0.2, gain + 10)],
        "export": {"folder": "adapter", "engine": "torch_lm"},
        "adapter": "adapter",
    }


def test_a_clear_gain_is_told_with_its_interval_beside_the_best_alternative() -> None:
    found = promote.verdict(result())

    assert found["better"] and (found["recommend"], found["than"]) == ("lora", "nearest")
    assert (found["points"], found["interval"]) == (40.0, [37.0, 43.0])
    assert "perplexity fell from 24.10 to 3.20" in found["text"]
    assert "it answers 90.0 % of the test rows exactly as expected" in found["text"]
    assert "between +37.0 and +43.0 points" in found["text"]


def test_a_gain_that_is_the_same_on_each_row_has_no_interval() -> None:
    same = result(gain=100.0)
    same["baselines"][1]["difference"]["interval"] = [100.0, 100.0]

    text = promote.verdict(same)["text"]

    assert "It gained as much on each of the 200 test rows." in text and "95 %" not in text


def test_what_looking_up_does_as_well_is_not_called_better() -> None:
    found = promote.verdict(result(gain=1.0))

    assert not found["better"] and found["recommend"] == "nearest"
    assert ADVICE["nearest"] in found["text"] and "may be chance" in found["text"]


@pytest.mark.parametrize(
    ("nats", "words"), [(0.1, "which may be chance"), (0.9, "rose from 24.10 to 3.20: it is worse")]
)
def test_a_loss_that_did_not_surely_fall_is_said(nats: float, words: str) -> None:
    assert words in promote.verdict(result(nats=nats))["text"]


@pytest.mark.parametrize(("nats", "recommended"), [(-2.0, "lora"), (0.0, "base")])
def test_without_scored_answers_the_loss_alone_decides(nats: float, recommended: str) -> None:
    unscored = result(nats=nats) | {"answers": None}
    unscored["baselines"] = [one | {"score": None} for one in unscored["baselines"]]

    assert promote.verdict(unscored)["recommend"] == recommended


def test_answers_that_repeat_themselves_or_never_end_are_said() -> None:
    text = promote.verdict(result(repeating=0.2, ended=0.7, metric="chrf"))["text"]

    assert "20.0 % of its answers repeat themselves." in text
    assert "30.0 % of its answers do not come to an end." in text
    assert "are 90.0 % like the expected ones (chrF)" in text


def test_less_loss_than_the_base_counts_where_few_answers_tell_little() -> None:
    close = result(rows=6)
    unsure = {"score": 0.8, "difference": {"points": 10.0, "interval": [-20.0, 40.0]}}
    close["baselines"] = [close["baselines"][0] | unsure]

    found = promote.verdict(close)

    assert (found["better"], found["recommend"]) == (False, "lora")
    assert "more test rows would show" in found["text"] and ADVICE["base"] not in found["text"]


def test_few_test_rows_are_said() -> None:
    assert "only 12 rows" in promote.verdict(result(rows=12))["text"]
    assert "too small to tell" in promote.verdict(result(gain=0.5, rows=12))["text"]


def test_a_chat_model_is_kept_as_its_adapter() -> None:
    (kept,) = candidates(result())

    assert (kept.engine, dict(kept.sources)) == ("torch_lm", {"": "adapter"})
    assert kept.metrics["answers"]["score"] == 0.9


def test_of_two_chat_runs_the_one_with_less_loss_is_better() -> None:
    runs = [
        {"run": "run_1", "dataset": "a@1", "loss": 1.5, "interval": [1.4, 1.6]},
        {"run": "run_2", "dataset": "a@1", "loss": 1.1, "interval": [1.0, 1.2]},
    ]

    text = promote.compare(runs)

    assert text == "run_2 has 0.400 less loss a token than run_1, more than chance explains."
