"""Cards of plans, approvals and runs, from the proposal to the report."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, interval, minutes, percent, seconds, setting, size
from agent.views import Action, Chart, Table, View

Json = dict[str, Any]
ENDED = ("succeeded", "failed", "cancelled")
TITLES = {
    "start_finetune": "Fine-tune a classifier",
    "retry_run": "Run it again",
    "deploy_endpoint": "Deploy",
    "stop_endpoint": "Stop an endpoint",
    "predict_file": "Predict a file",
    "delete_dataset": "Delete a dataset",
    "delete_model": "Delete a model",
    "delete_documents": "Delete documents",
}


# Plans -----------------------------------------------------------------------------------------


def quote_view(quote: Json, w: Words) -> View:
    """The plan of a fine-tuning: every parameter, time, memory, baselines."""
    dataset = quote.get("dataset") or (quote.get("arguments") or {}).get("dataset", "")
    return View(
        title=f"Plan: fine-tune on {dataset}",
        kind="quote",
        key=str(quote.get("quote", "")),
        state=str(quote.get("state", "")),
        facts=plan_facts(quote),
        tables=plan_tables(quote),
        notes=[*map(str, quote.get("notes") or []), *error_notes(quote.get("error"))],
        actions=[Action("Ask for approval", say=f"Fine-tune a classifier on {dataset}")],
    )


def plan_facts(quote: Json) -> list[tuple[str, str]]:
    rows = quote.get("rows") or {}
    facts = [("Base model", str(quote["base_model"]))] if quote.get("base_model") else []
    facts += time_facts(quote)
    if quote.get("steps"):
        facts.append(("Steps", count(quote["steps"])))
    if rows:
        facts.append(("Rows", ", ".join(f"{count(n)} {name}" for name, n in rows.items())))
    cost = quote.get("cost") or {}
    if cost:
        amount = f"{cost['amount']} {cost['currency']}" if cost.get("currency") else "nothing"
        facts.append(("Cost", f"{amount} ({cost.get('why', '')})"))
    return facts


def time_facts(quote: Json) -> list[tuple[str, str]]:
    taken = quote.get("minutes")
    if not taken:
        waits = quote.get("state") == "measuring"
        return [("Time and memory", "being measured on this machine")] if waits else []
    spread = f"{minutes(taken['low'])} to {minutes(taken['high'])}"
    device = f" on {quote['device']}" if quote.get("device") else ""
    facts = [("Time", f"about {minutes(taken['expected'])} ({spread}){device}")]
    if quote.get("memory_mb"):
        facts.append(("Memory", f"about {size(1e6 * quote['memory_mb'])}"))
    return facts


def plan_tables(quote: Json) -> list[Table]:
    baselines: list[list[Any]] = [[one["title"]] for one in quote.get("baselines") or []]
    return [
        parameters_table(quote.get("parameters") or {}),
        Table("Baselines that it has to beat", ["baseline"], baselines),
    ]


def parameters_table(parameters: Json) -> Table:
    rows: list[list[Any]] = []
    for name, told in parameters.items():
        if isinstance(told, dict):
            origin = "set by you" if told.get("origin") == "set" else "default"
            value, why = setting(told.get("value")), told.get("reason", "")
            rows.append([name.replace("_", " "), value, origin, why])
        else:
            rows.append([name.replace("_", " "), setting(told), "", ""])
    return Table("Parameters", ["parameter", "value", "origin", "reason"], rows)


# Approvals -------------------------------------------------------------------------------------


def approval_view(approval: Json, w: Words) -> View:
    """What waits for a decision: what exactly would run, what it takes, and the buttons."""
    quote = approval.get("quote") or {}
    plan = quote if quote.get("parameters") else {}
    head = TITLES.get(approval["tool"], str(approval["tool"]).replace("_", " "))
    about = subject(approval.get("arguments") or {})
    return View(
        title=f"{head}{about}",
        kind="approval",
        key=str(approval["id"]),
        state=str(approval["state"]),
        facts=[
            ("Approval", f"{approval['id']}, {STATES.get(approval['state'], approval['state'])}"),
            *(plan_facts(plan | measuring(approval)) if plan or measuring(approval) else []),
            *(() if plan else argument_facts(approval)),
            *(() if plan else quoted_facts(quote)),
        ],
        tables=plan_tables(plan) if plan else [],
        notes=[*map(str, plan.get("notes") or []), *error_notes(approval.get("error"))],
        actions=decisions(approval),
    )


STATES = {
    "measuring": "being measured",
    "waiting": "waits for you",
    "running": "approved, running",
    "done": "approved and done",
    "rejected": "rejected",
    "expired": "expired",
    "failed": "approved, but it failed",
}


def measuring(approval: Json) -> Json:
    return {"state": "measuring"} if approval["state"] == "measuring" else {}


def subject(arguments: Json) -> str:
    """What it is about, such as ` on banking77@1`."""
    for name, joint in (("dataset", " on "), ("model", ": "), ("endpoint", ": "), ("run", ": ")):
        if arguments.get(name):
            return f"{joint}{arguments[name]}"
    return ""


def argument_facts(approval: Json) -> list[tuple[str, str]]:
    asked = approval.get("asked") or {}
    return [
        (
            name.replace("_", " "),
            setting(value) + (" (set by you)" if asked.get(name) == value else ""),
        )
        for name, value in (approval.get("arguments") or {}).items()
        if value not in (None, "")
    ]


def quoted_facts(quote: Json) -> list[tuple[str, str]]:
    """What a tool without parameters said of what would happen: its plain values."""
    return [
        (name.replace("_", " "), setting(value))
        for name, value in quote.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]


def decisions(approval: Json) -> list[Action]:
    if approval["state"] not in ("waiting", "measuring"):
        return []
    name = str(approval["id"])
    reject = Action("Reject", decide="reject", approval_id=name)
    if approval["state"] == "measuring":
        return [reject]
    approve = Action("Approve", decide="approve", approval_id=name)
    change = Action("Change", say="What can I change about this plan?")
    return [approve, change, reject] if approval["tool"] == "start_finetune" else [approve, reject]


# Runs ------------------------------------------------------------------------------------------


def run_view(run: Json, w: Words) -> View:
    """A run while it goes on, and its report once it has ended."""
    state = str(run["state"])
    verdict = run.get("verdict") or {}
    return View(
        title=f"{run['run']} on {run['dataset']}: {state}",
        kind="run",
        key=str(run["run"]),
        state=state,
        facts=run_facts(run),
        tables=report_tables(run) if run.get("metrics") else [],
        charts=loss_chart(run),
        notes=[
            *([str(verdict["text"])] if verdict.get("text") else []),
            *error_notes(run.get("error")),
            *map(str, run.get("notes") or []),
        ],
        actions=run_actions(run),
    )


def run_facts(run: Json) -> list[tuple[str, str]]:
    facts = [("Base model", str(run["base_model"]))] if run.get("base_model") else []
    if run["state"] not in ENDED:
        facts += progress_facts(run)
    if run.get("metrics"):
        test = run["metrics"]["test"]
        rows = f" on {count(test['rows'])} test rows" if test.get("rows") else ""
        facts.append(("Test accuracy", f"{percent(test['accuracy'])}{rows}"))
        facts.append(("95 % interval", interval(test["interval"])))
    if run.get("seconds") is not None:
        quoted = run.get("quoted_seconds")
        beside = f", quoted {seconds(quoted)}" if quoted is not None else ""
        facts.append(
            ("Taken" if run["state"] in ENDED else "So far", f"{seconds(run['seconds'])}{beside}")
        )
    if run.get("model"):
        facts.append(("Model", str(run["model"])))
    return facts


def progress_facts(run: Json) -> list[tuple[str, str]]:
    facts = [("Phase", str(run["phase"]))] if run.get("phase") else []
    if run.get("step") is not None and run.get("total_steps"):
        share = percent(run["step"] / run["total_steps"])
        facts.append(("Step", f"{count(run['step'])} of {count(run['total_steps'])} ({share})"))
    if run.get("loss") is not None:
        facts.append(("Loss", f"{run['loss']:.4f}"))
    if run.get("tokens_per_s"):
        facts.append(("Speed", f"{run['tokens_per_s']:,.0f} tokens/s"))
    if run.get("eta_s") is not None:
        facts.append(("Time left", f"about {seconds(run['eta_s'])}"))
    return facts


def loss_chart(run: Json) -> list[Chart]:
    curve = run.get("curve") or []
    if len(curve) < 2:
        return []
    steps = [point[0] for point in curve]
    return [Chart("line", "Loss", steps, [point[1] for point in curve], "step", "loss")]


def report_tables(run: Json) -> list[Table]:
    return [scores_table(run), worst_table(run), confusions_table(run)]


def scores_table(run: Json) -> Table:
    """The tuned model above its baselines, each with its interval."""
    test = run["metrics"]["test"]
    rows: list[list[Any]] = [
        ["Fine-tuned", percent(test["accuracy"]), interval(test["interval"]), ""],
    ]
    for one in run.get("baselines") or []:
        gain = one.get("difference") or {}
        points = f"{gain['points']:+.1f}" if gain.get("points") is not None else ""
        rows.append([one["title"], percent(one["accuracy"]), interval(one.get("interval")), points])
    columns = ["model", "test accuracy", "95 % interval", "fine-tuned is better by (points)"]
    return Table("Test accuracy", columns, rows)


def worst_table(run: Json) -> Table:
    rows: list[list[Any]] = [
        [
            one["label"],
            one["rows"],
            percent(one["precision"]),
            percent(one["recall"]),
            f"{one['f1']:.2f}",
        ]
        for one in run.get("worst_classes") or []
    ]
    return Table("Worst classes", ["label", "test rows", "precision", "recall", "F1"], rows)


def confusions_table(run: Json) -> Table:
    rows: list[list[Any]] = [
        [one["truth"], one["predicted"], one["count"]] for one in run.get("confusions") or []
    ]
    return Table("Most confused pairs", ["truth", "predicted", "times"], rows)


def run_actions(run: Json) -> list[Action]:
    """The next step: cancel while it goes on, deploy what is recommended, or retry."""
    name = run["run"]
    if run["state"] not in ENDED:
        return [Action("Cancel", say=f"Cancel {name}")]
    if run["state"] != "succeeded":
        return [Action("Retry", say=f"Retry {name}")]
    models, tuned = run.get("models") or {}, run.get("model")
    recommended = models.get((run.get("verdict") or {}).get("recommend", ""), tuned)
    deploy = [recommended, tuned] if recommended != tuned else [tuned]
    return [Action(f"Deploy {model}", say=f"Deploy {model}") for model in deploy if model]


def error_notes(error: Json | None) -> list[str]:
    if not error:
        return []
    return [f"{error.get('message', '')} {error.get('fix') or ''}".strip()]
