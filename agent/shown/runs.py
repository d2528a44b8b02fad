"""Cards of runs: how far they are, and the report of what came of them."""

from typing import Any

from agent.language import Words
from agent.shown import chat_runs, errors
from agent.shown.figures import MIB, count, duration, interval, listed, percent, size
from agent.shown.plans import parameters_table
from agent.shown.states import ENDED, of_phase, of_run, phases, tone
from agent.views import Action, Chart, Progress, Table, View

Json = dict[str, Any]


def run_view(run: Json, w: Words) -> View:
    """A run while it goes on, and its report once it has ended."""
    state, error = state_of(run), run.get("error")
    return View(
        title=w("{run}: fine-tuning on {dataset}", run=run["run"], dataset=run["dataset"]),
        kind="run",
        key=str(run["run"]),
        state=str(run["state"]),
        state_label=of_run(state, w),
        tone=tone(state),
        summary=summary(run, w),
        progress=progress(run, w) if state not in ENDED else None,
        facts=facts(run, w),
        charts=[*scores_chart(run, w), *loss_chart(run, w)],
        tables=tables(run, w),
        exchanges=chat_runs.side_by_side(run, w),
        links=errors.help_links(error, w) if run["state"] == "failed" else [],
        notes=[
            *(errors.fixes(error, w) if run["state"] == "failed" else []),
            *(w.told(note) for note in notes(run)),
            *chat_runs.left_out_note(run, w),
        ],
        actions=next_steps(run, w),
    )


def notes(run: Json) -> list[str]:
    """What is to be known of it; what the plan expected goes once it was measured."""
    told = map(str, run.get("notes") or [])
    return [note for note in told if run["state"] != "succeeded" or EXPECTED not in note]


EXPECTED = "Expect the TF-IDF baseline"


def state_of(run: Json) -> str:
    """Its state; one that was told to stop is `stopping` until it has."""
    going = run["state"] not in ENDED
    return "stopping" if going and run.get("cancel_requested") else str(run["state"])


# The one sentence ------------------------------------------------------------------------------


def summary(run: Json, w: Words) -> str:
    match state_of(run):
        case "queued":
            return w("It starts as soon as the machine is free.")
        case "running":
            return running(run, w)
        case "paused":
            return w("It stands still and goes on by itself.")
        case "stopping":
            return w("It is being stopped; its checkpoints are kept.")
        case "cancelled":
            return w("It was cancelled; its checkpoints are kept.")
        case "failed":
            return errors.message(run.get("error"), w) or w("It failed.")
    verdict = run.get("verdict") or {}
    return w.told(str(verdict.get("text") or "")) or w("It is finished.")


def running(run: Json, w: Words) -> str:
    if run.get("eta_s") is not None and run.get("phase") == "training":
        return w("About {time} left. You may close this page: it goes on.", time=left(run, w))
    return w("You may close this page: it goes on.")


def left(run: Json, w: Words) -> str:
    return duration(run["eta_s"], w)


# On its way ------------------------------------------------------------------------------------


def progress(run: Json, w: Words) -> Progress:
    phase = phase_of(run)
    step, total = run.get("step"), run.get("total_steps")
    share = min(1.0, step / total) if phase == "training" and step is not None and total else None
    paused = run["state"] == "paused"
    label = of_run("paused", w) if paused else of_phase(phase, w)
    return Progress(label, share, phases(phase, w), progress_facts(run, w))


def phase_of(run: Json) -> str:
    if run["state"] == "queued":
        return "queued"
    return str(run.get("phase") or "loading")


def progress_facts(run: Json, w: Words) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if phase_of(run) != "training":
        return facts
    if run.get("step") is not None and run.get("total_steps"):
        step, total = count(run["step"]), count(run["total_steps"])
        facts.append((w("Step"), w("{step} of {total}", step=step, total=total)))
    if run.get("loss") is not None:
        facts.append((w("Loss"), f"{run['loss']:.3f}"))
    if run.get("tokens_per_s"):
        speed = w("{count} tokens/s", count=f"{run['tokens_per_s']:,.0f}")
        facts.append((w("Speed"), speed))
    if run.get("eta_s") is not None:
        facts.append((w("Time left"), w("about {time}", time=left(run, w))))
    return facts


def loss_chart(run: Json, w: Words) -> list[Chart]:
    curve = run.get("curve") or []
    if len(curve) < 2:
        return []
    steps, losses = [point[0] for point in curve], [point[1] for point in curve]
    return [Chart("line", w("Loss"), steps, losses, w("step"), w("loss"))]


# Facts -----------------------------------------------------------------------------------------


def facts(run: Json, w: Words) -> list[tuple[str, str]]:
    shown = []
    if run.get("metrics") and is_chat(run):
        shown += chat_runs.score_facts(run, w)
    elif run.get("metrics"):
        shown += score_facts(run["metrics"]["test"], w)
    shown += taken_facts(run, w)
    if run.get("base_model"):
        shown.append((w("Base model"), str(run["base_model"])))
    shown += chat_runs.loop_fact(run, w)
    if run.get("model"):
        shown.append((w("Model"), str(run["model"])))
    return shown


def is_chat(run: Json) -> bool:
    return run.get("task") == "chat"


def score_facts(test: Json, w: Words) -> list[tuple[str, str]]:
    told = w(
        "{share} (95 % sure: {interval})",
        share=percent(test["accuracy"], w),
        interval=interval(test["interval"], w),
    )
    shown = [(w("Test accuracy"), told)]
    if test.get("macro_f1") is not None:
        shown.append((w("Macro F1"), f"{test['macro_f1']:.3f}"))
    if test.get("rows"):
        shown.append((w("Test rows"), count(test["rows"])))
    return shown


def taken_facts(run: Json, w: Words) -> list[tuple[str, str]]:
    """Time and memory as they were, beside what the plan had said."""
    shown = []
    if run.get("seconds") is not None:
        label = w("Time taken") if run["state"] in ENDED else w("Time so far")
        quoted = run.get("quoted_seconds")
        beside = duration(quoted, w) if quoted is not None else ""
        shown.append((label, with_quote(duration(run["seconds"], w), beside, w)))
    if run.get("memory_mb"):
        quoted = run.get("quoted_memory_mb")
        beside = size(MIB * quoted) if quoted else ""
        shown.append((w("Memory taken"), with_quote(size(MIB * run["memory_mb"]), beside, w)))
    return shown


def with_quote(actual: str, quoted: str, w: Words) -> str:
    return w("{actual}, {quoted} in the plan", actual=actual, quoted=quoted) if quoted else actual


# The report ------------------------------------------------------------------------------------


def tables(run: Json, w: Words) -> list[Table]:
    parameters = parameters_table(run.get("parameters") or {}, w)
    if not run.get("metrics"):
        return [parameters]
    if is_chat(run):
        return [chat_runs.scores_table(run, w), chat_runs.left_out_table(run, w), parameters]
    return [scores_table(run, w), worst_table(run, w), confusions_table(run, w), parameters]


def scored(run: Json, w: Words) -> list[Json]:
    """The tuned model above its baselines."""
    tuned = {**run["metrics"]["test"], "title": w("Fine-tuned")}
    return [tuned, *run.get("baselines", [])]


def scores_chart(run: Json, w: Words) -> list[Chart]:
    if not run.get("metrics"):
        return []
    if is_chat(run):
        return chat_runs.scores_chart(run, w)
    lines = [one for one in scored(run, w) if one.get("interval")]
    return [
        Chart(
            "interval",
            w("Test accuracy with its 95 % interval"),
            [w.told(one["title"]) for one in lines],
            [round(100 * one["accuracy"], 1) for one in lines],
            "%",
            low=[round(100 * one["interval"][0], 1) for one in lines],
            high=[round(100 * one["interval"][1], 1) for one in lines],
        )
    ]


def scores_table(run: Json, w: Words) -> Table:
    """Each score with its interval, and what tuning gained over it."""
    rows: list[list[Any]] = [
        [
            w.told(one["title"]),
            percent(one["accuracy"], w),
            interval(one.get("interval"), w),
            gain(one),
        ]
        for one in scored(run, w)
    ]
    columns = [w("model"), w("test accuracy"), w("95 % interval"), w("points gained by tuning")]
    return Table(w("Compared with the baselines"), columns, rows, folded=True)


def gain(baseline: Json) -> str:
    points = (baseline.get("difference") or {}).get("points")
    return f"{round(points, 1) + 0.0:+.1f}" if points is not None else ""


def worst_table(run: Json, w: Words) -> Table:
    rows: list[list[Any]] = [
        [
            one["label"],
            one["rows"],
            percent(one["precision"], w),
            percent(one["recall"], w),
            f"{one['f1']:.2f}",
        ]
        for one in run.get("worst_classes") or []
    ]
    columns = [w("label"), w("test rows"), w("precision"), w("recall"), "F1"]
    return Table(w("Worst classes"), columns, rows, folded=True)


def confusions_table(run: Json, w: Words) -> Table:
    rows: list[list[Any]] = [
        [one["truth"], one["predicted"], one["count"]] for one in run.get("confusions") or []
    ]
    columns = [w("truth"), w("predicted"), w("times")]
    return Table(w("Most confused pairs"), columns, rows, folded=True)


# Next ------------------------------------------------------------------------------------------


def next_steps(run: Json, w: Words) -> list[Action]:
    """Cancel while it goes on, deploy what is recommended, or try again."""
    name = run["run"]
    match state_of(run):
        case "succeeded":
            return deployments(run, w)
        case "failed" | "cancelled":
            return [Action(w("Try again"), say=w("Retry {run}", run=name))]
        case "stopping":
            return []
    return [Action(w("Cancel"), say=w("Cancel {run}", run=name))]


def deployments(run: Json, w: Words) -> list[Action]:
    models, tuned = run.get("models") or {}, run.get("model")
    wanted = (run.get("verdict") or {}).get("recommend", "")
    # Of the alternatives to a chat model none is a model of its own.
    best = models.get(wanted, None if is_chat(run) and wanted not in ("", "lora") else tuned)
    said = [deploy(best, w)] if best else []
    if tuned and best != tuned:
        anyway = w("Deploy {model} all the same", model=tuned)
        said.append(Action(anyway, say=w("Deploy {model}", model=tuned)))
    return said


def deploy(model: str, w: Words) -> Action:
    words = w("Deploy {model}", model=model)
    return Action(words, say=words)


# Several ---------------------------------------------------------------------------------------


def list_view(result: Json, w: Words) -> View:
    found = result["runs"]
    rows: list[list[Any]] = [
        [
            one["run"],
            one["dataset"],
            of_run(one["state"], w),
            steps(one, w),
            score_of(one, w),
        ]
        for one in found[:MOST_ROWS]
    ]
    columns = [w("run"), w("dataset"), w("state"), w("step"), w("test result")]
    return View(
        title=w("Runs"),
        kind="list",
        summary="" if found else w("No run yet. Fine-tune on a dataset to start one."),
        tables=[Table("", columns, rows)],
        notes=left_out(len(found), w),
        actions=[how_is(found, w)] if found else [],
    )


MOST_ROWS = 30


def score_of(run: Json, w: Words) -> str:
    """The accuracy of a classifier, the perplexity of a chat model."""
    if run.get("accuracy") is None and run.get("perplexity") is not None:
        return w("perplexity {number}", number=f"{run['perplexity']:.2f}")
    return percent(run.get("accuracy"), w)


def left_out(number: int, w: Words) -> list[str]:
    cut = number - MOST_ROWS
    return [w("{count} older ones are left out.", count=cut)] if cut > 0 else []


def how_is(found: list[Json], w: Words) -> Action:
    """A look at the run that goes on, else at the newest."""
    wanted = next((one for one in found if one["state"] not in ENDED), found[0])["run"]
    return Action(w("Show {run}", run=wanted), say=w("How is {run} doing?", run=wanted))


def steps(run: Json, w: Words) -> str:
    if run.get("step") is None:
        return ""
    return w("{step} of {total}", step=count(run["step"]), total=count(run.get("total_steps")))


def comparison_view(result: Json, w: Words) -> View:
    rows: list[list[Any]] = [
        [
            one["run"],
            one["dataset"],
            score_of(one, w),
            interval(one.get("interval"), w) if one.get("accuracy") is not None else "",
            listed((f"{name}={value}" for name, value in (one.get("differs") or {}).items()), w),
        ]
        for one in result["runs"]
    ]
    columns = [w("run"), w("dataset"), w("test result"), w("95 % interval"), w("set differently")]
    return View(
        title=w("Runs side by side"),
        kind="list",
        summary=w.told(str(result.get("text") or "")),
        charts=comparison_chart(result["runs"], w),
        tables=[Table("", columns, rows)],
    )


def comparison_chart(runs: list[Json], w: Words) -> list[Chart]:
    lines = [one for one in runs if one.get("interval") and one.get("accuracy") is not None]
    if len(lines) < 2:
        return []
    return [
        Chart(
            "interval",
            w("Test accuracy with its 95 % interval"),
            [one["run"] for one in lines],
            [round(100 * one["accuracy"], 1) for one in lines],
            "%",
            low=[round(100 * one["interval"][0], 1) for one in lines],
            high=[round(100 * one["interval"][1], 1) for one in lines],
        )
    ]
