"""Is a tuned chat model better than its untuned base and than looking answers up?"""

from collections.abc import Mapping, Sequence
from typing import Any

from finetune.verdicts.base import LEAST_ROWS, TUNED, difference, outcome, percent, signed

MORE_ROWS = "I recommend it over the base all the same; more test rows would show by how much."
NOTEWORTHY = 0.05
"""Share of answers that repeat themselves or never end from which we say so."""
ADVICE = {
    "base": "I recommend to use the base as it is: it is cheaper.",
    "nearest": "Looking up the answer to the most similar question does as well and is cheaper.",
    "frequent": "One fixed answer does as well: the data may hold little else.",
}


def verdict(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the tuning bought: less loss than the base, and better answers than any alternative.

    Where answers were scored, it is better when all of the interval of the difference to the best
    alternative is above 0; where none were, when all of the loss's is below.
    """
    learned, sentences = of_loss(result)
    rival = best_rival(result["baselines"])
    answers = result.get("answers")
    if rival is None or answers is None:
        return outcome(" ".join(sentences), TUNED if learned else "base")
    points, interval = rival["difference"]["points"], rival["difference"]["interval"]
    better = interval[0] > 0
    # Less loss on what it has not seen is sure knowledge, also where few answers tell little.
    only_unsure = learned and rival["name"] == "base" and interval[1] >= 0
    sentences += winner(answers, rival, interval) if better else loser(answers, rival)
    sentences.append("" if better else MORE_ROWS if only_unsure else ADVICE[rival["name"]])
    sentences += flaws(answers)
    text = " ".join(sentence for sentence in sentences if sentence)
    found = outcome(text, TUNED if better or only_unsure else rival["name"])
    judged = {"better": better, "than": rival["name"], "points": points, "interval": [*interval]}
    return found | judged


def of_loss(result: Mapping[str, Any]) -> tuple[bool, list[str]]:
    """Whether it surely predicts unseen answers better than the base, and that in words."""
    tuned = result["metrics"]["test"]["perplexity"]
    base = next(one for one in result["baselines"] if one["name"] == "base")
    untuned, interval = base["perplexity"], base["loss_difference"]["interval"]
    if interval[1] < 0:
        fell = f"On answers it has not seen, perplexity fell from {untuned:,.2f} to {tuned:,.2f}."
        return True, [fell]
    if interval[0] > 0:
        return False, [
            f"On answers it has not seen, perplexity rose from {untuned:,.2f} to {tuned:,.2f}: it "
            "is worse."
        ]
    return False, [
        f"On answers it has not seen, perplexity went from {untuned:,.2f} to {tuned:,.2f}, which "
        "may be chance."
    ]


def best_rival(baselines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The alternative with the best answers, the untuned base among them."""
    scored = [one for one in baselines if one.get("score") is not None]
    return max(scored, key=lambda one: float(one["score"]), default=None)


def winner(
    answers: Mapping[str, Any], rival: Mapping[str, Any], interval: Sequence[float]
) -> list[str]:
    points, (low, high) = rival["difference"]["points"], map(signed, interval)
    rows = answers["rows"]
    sentences = [
        f"Tuning helped: {scored(answers)}, {points:.1f} points more than the best cheap "
        f"alternative ({rival['title']}: {percent(rival['score'])}).",
        f"With 95 % certainty the gain is between {low} and {high} points."
        if low != high
        else f"It gained as much on each of the {rows:,} test rows.",
    ]
    if rows < LEAST_ROWS:
        sentences.append(f"But the test has only {rows} rows: that is too few to be sure.")
    return sentences


def loser(answers: Mapping[str, Any], rival: Mapping[str, Any]) -> list[str]:
    points, interval = rival["difference"]["points"], rival["difference"]["interval"]
    return [
        f"Tuning did not clearly beat the best cheap alternative ({rival['title']}: "
        f"{percent(rival['score'])}): {scored(answers)}.",
        difference(points, interval, answers["rows"]),
    ]


def scored(answers: Mapping[str, Any]) -> str:
    share = percent(answers["score"])
    if answers["metric"] == "exact_match":
        return f"it answers {share} of the test rows exactly as expected"
    return f"its answers to the test rows are {share} like the expected ones (chrF)"


def flaws(answers: Mapping[str, Any]) -> list[str]:
    """What a reader of its answers would notice first."""
    found = []
    if answers["repeating"] > NOTEWORTHY:
        found.append(f"{percent(answers['repeating'])} of its answers repeat themselves.")
    if 1 - answers["ended"] > NOTEWORTHY:
        found.append(f"{percent(1 - answers['ended'])} of its answers do not come to an end.")
    return found
