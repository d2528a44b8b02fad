"""What is wrong with a dataset, whether it is fit for training, and what to do next."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, listed
from agent.shown.states import of_severity
from agent.views import Action, Table, Tone

Json = dict[str, Any]
MOST_PROBLEMS = 20
SEVERITIES: dict[str, Tone] = {"error": "bad", "warning": "wait"}


def heaviest(problems: list[Json]) -> str:
    found = {str(one["severity"]) for one in problems}
    return next((severity for severity in ("error", "warning") if severity in found), "")


def fitness(problems: list[Json], w: Words) -> str:
    return {"error": w("not ready"), "warning": w("worth a look")}.get(
        heaviest(problems), w("ready")
    )


def tone_of(problems: list[Json]) -> Tone:
    return SEVERITIES.get(heaviest(problems), "good")


def advice(problems: list[Json], w: Words) -> str:
    match heaviest(problems):
        case "error":
            return w("It cannot be trained on before the errors are corrected.")
        case "warning":
            return w("Look at the problems before you fine-tune.")
    return w(
        "Nothing in the data itself stands in the way of fine-tuning; the check also asks whether "
        "the base model can read it."
    )


def next_steps(name: str, problems: list[Json], task: str, w: Words) -> list[Action]:
    check = Action(w("Check the data"), say=w("Check {dataset}", dataset=name))
    if heaviest(problems) == "error":
        return [check]
    return [
        fine_tune(name, task, w),
        Action(
            w("What will it take?"),
            say=w("How long would fine-tuning on {dataset} take?", dataset=name),
        ),
        check,
    ]


def fine_tune(name: str, task: str, w: Words) -> Action:
    if task == "chat":
        return Action(w("Fine-tune a chat model"), say=w("Fine-tune on {dataset}", dataset=name))
    return Action(
        w("Fine-tune a classifier"), say=w("Fine-tune a classifier on {dataset}", dataset=name)
    )


def problems_table(problems: list[Json], w: Words) -> Table:
    rows: list[list[Any]] = [
        [
            of_severity(one["severity"], w),
            w.told(one["message"]),
            rows_of(one, w),
            w.told(one["fix"]),
        ]
        for one in problems[:MOST_PROBLEMS]
    ]
    columns = [w("severity"), w("what"), w("rows"), w("what to do")]
    tones = [SEVERITIES.get(one["severity"], "quiet") for one in problems[:MOST_PROBLEMS]]
    return Table(w("Problems"), columns, rows, tones=tones)


def rows_of(problem: Json, w: Words) -> str:
    """The first few row numbers, and how many more there are."""
    shown = listed((str(row) for row in problem["rows"][:5]), w)
    more = problem["count"] - min(5, len(problem["rows"]))
    return (
        w("{rows} and {more} more", rows=shown, more=count(more)) if shown and more > 0 else shown
    )
