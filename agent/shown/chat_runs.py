"""What came of tuning a chat model: how well it predicts unseen answers, and what it answers."""

from typing import Any

from agent.language import Words
from agent.shown.conversations import held_out
from agent.shown.figures import NONE, count, excerpt, interval, percent
from agent.shown.states import of_split
from agent.views import Chart, Exchange, Table

Json = dict[str, Any]


# Facts -----------------------------------------------------------------------------------------


def score_facts(run: Json, w: Words) -> list[tuple[str, str]]:
    """Each figure with its interval, and beside it that of the untuned base."""
    test, answers = run["metrics"]["test"], run.get("answers") or {}
    base = untuned(run)
    shown = [*answer_fact(answers, w), *predicted(test, base, w)]
    if answers.get("ended") is not None:
        ended = share_beside(answers["ended"], base.get("ended"), w)
        shown.append((w("Answers that end by themselves"), ended))
    if answers.get("repeating") is not None:
        repeating = share_beside(answers["repeating"], base.get("repeating"), w)
        shown.append((w("Answers that repeat themselves"), repeating))
    shown.append((w("Test rows"), count(test["rows"])))
    return shown


def answer_fact(answers: Json, w: Words) -> list[tuple[str, str]]:
    if answers.get("score") is None:
        return []
    told = w(
        "{share} (95 % sure: {interval})",
        share=percent(answers["score"], w),
        interval=interval(answers.get("interval"), w),
    )
    return [(measure(answers, w), told)]


def measure(answers: Json, w: Words) -> str:
    """What the score of the answers counts."""
    if answers.get("metric") == "exact_match":
        return w("Answers exactly as expected")
    return w("Likeness to the expected answers (chrF)")


def predicted(test: Json, base: Json, w: Words) -> list[tuple[str, str]]:
    told = number_with(test["perplexity"], test.get("perplexity_interval"), "{:.2f}", w)
    facts = [(w("Perplexity"), beside(told, base.get("perplexity"), "{:.2f}", w))]
    told = number_with(test["loss"], test.get("interval"), "{:.3f}", w)
    return [*facts, (w("Held-out loss"), beside(told, base.get("loss"), "{:.3f}", w))]


def number_with(value: float, sure: list[float] | None, form: str, w: Words) -> str:
    if not sure:
        return form.format(value)
    low, high = (form.format(one) for one in sure)
    return w("{value} (95 % sure: {low} – {high})", value=form.format(value), low=low, high=high)


def beside(told: str, other: float | None, form: str, w: Words) -> str:
    if other is None:
        return told
    return w("{value}; untuned {other}", value=told, other=form.format(other))


def share_beside(share: float, other: float | None, w: Words) -> str:
    told = percent(share, w)
    if other is None:
        return told
    return w("{value}; untuned {other}", value=told, other=percent(other, w))


def untuned(run: Json) -> Json:
    baselines = run.get("baselines") or []
    return next((one for one in baselines if one.get("name") == "base"), {})


def loop_fact(told: Json, w: Words) -> list[tuple[str, str]]:
    """Which loop trains, and why."""
    names = {"fast": w("Thimble's own, fast"), "plain": w("the plain one (Trainer and PEFT)")}
    name = names.get(str(told.get("loop") or ""))
    if name is None:
        return []
    why = w.told(str(told.get("loop_why") or ""))
    return [(w("Training loop"), w("{loop}: {why}", loop=name, why=why) if why else name)]


# Beside the baselines --------------------------------------------------------------------------


def scored(run: Json, w: Words) -> list[Json]:
    """The tuned model above what it is compared with."""
    test = run["metrics"]["test"]
    figures = {name: test.get(name) for name in ("perplexity", "loss")}
    tuned = {**(run.get("answers") or {}), **figures, "title": w("Fine-tuned")}
    return [tuned, *(run.get("baselines") or [])]


def scores_chart(run: Json, w: Words) -> list[Chart]:
    answers = run.get("answers") or {}
    lines = [one for one in scored(run, w) if one.get("score") is not None and one.get("interval")]
    if not answers or not lines:
        return []
    return [
        Chart(
            "interval",
            w("{measure}, with the 95 % interval", measure=measure(answers, w)),
            [w.told(one["title"]) for one in lines],
            [round(100 * one["score"], 1) for one in lines],
            "%",
            low=[round(100 * one["interval"][0], 1) for one in lines],
            high=[round(100 * one["interval"][1], 1) for one in lines],
        )
    ]


def scores_table(run: Json, w: Words) -> Table:
    rows: list[list[Any]] = [score_row(one, w) for one in scored(run, w)]
    columns = [
        w("model"),
        w("score"),
        w("95 % interval"),
        w("points gained by tuning"),
        w("perplexity"),
        w("ended"),
        w("repeating"),
    ]
    return Table(w("Compared with the baselines"), columns, rows, folded=True)


def score_row(one: Json, w: Words) -> list[Any]:
    points = (one.get("difference") or {}).get("points")
    perplexity = one.get("perplexity")
    return [
        w.told(one["title"]),
        percent(one.get("score"), w),
        interval(one.get("interval"), w) if one.get("score") is not None else NONE,
        "" if points is None else f"{round(points, 1) + 0.0:+.1f}",
        NONE if perplexity is None else f"{perplexity:.2f}",
        percent(one.get("ended"), w),
        percent(one.get("repeating"), w),
    ]


# Rows ------------------------------------------------------------------------------------------


def side_by_side(run: Json, w: Words) -> list[Exchange]:
    base = w("Untuned base")
    return [held_out(one, base, w) for one in run.get("samples") or []]


def left_out_table(run: Json, w: Words) -> Table:
    """The first rows that were not used, with their reason."""
    told = run.get("left_out") or {}
    rows: list[list[Any]] = [
        [number, of_split(split, w), reason_of(str(why), w)]
        for split in ("train", "validation", "test")
        for number, why in told.get(split) or []
    ]
    columns = [w("row"), w("split"), w("why")]
    return Table(w("Rows left out"), columns, rows, folded=True)


def left_out_note(run: Json, w: Words) -> list[str]:
    """How many rows were left out of which part, in one sentence."""
    counts = (run.get("left_out") or {}).get("counts") or {}
    total = sum(number for number in counts.values() if isinstance(number, int))
    if not total:
        return []
    if total == 1:
        return [w("1 row was left out: it is named below. No row was cut.")]
    return [w("{count} rows were left out: they are named below. No row was cut.", count=total)]


def reason_of(reason: str, w: Words) -> str:
    names = {
        "too_long": w("longer than the longest text of the plan"),
        "no_trained_token": w("nothing in it is trained on"),
        "no_end_of_turn": w("its answer has no end"),
        "double_bos": w("it begins twice"),
        "changed_by_template": w("the template of the base changes it"),
        "template_refused": w("the template of the base refuses it"),
    }
    return names.get(reason) or excerpt(w.told(reason))
