"""The planner's last words of a turn: what came of it and the next thing to do.

The cards above them show the figures; these words do not say them again. Every figure they do
say is taken from a tool's result of this very turn. What stands in “…” is an offer: `yes` takes
it up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.language import Words
from agent.quoting import quoted
from agent.shown.figures import count, duration, joined, milliseconds, percent
from agent.shown.states import of_endpoint, of_run
from agent.understanding.plan import Plan

Json = dict[str, Any]
Say = Callable[[Json, Words], str]
PLANNING = ("quote_finetune", "start_finetune")


@dataclass(frozen=True)
class Done:
    """One step that was taken, and what came of it: one of the three is given."""

    tool: str
    result: Json | None = None
    approval: Json | None = None
    error: Json | None = None

    @property
    def left_open(self) -> bool:
        """Whether the data did not tell what it is for."""
        return self.error is not None and self.error.get("code") == "ambiguous_task"

    @property
    def stops(self) -> bool:
        """Whether the steps after it must not be taken now."""
        return self.error is not None or self.approval is not None


def closing(plan: Plan, done: Sequence[Done], w: Words) -> str:
    """A few sentences: words of the plan, the outcome of each step, what was left undone."""
    parts = [w.told(plan.reply), *outcomes(plan, done, w), *other_tasks(plan, done, w)]
    left = [step.tool for step in plan.steps[len(done) :]]
    if left and any(each.stops for each in done):
        parts.append(not_done(left, w))
    return "\n\n".join(part for part in parts if part)


def not_done(tools: Sequence[str], w: Words) -> str:
    names = {
        "deploy_endpoint": w("the deployment (say “deploy it” when the run has finished)"),
        "start_finetune": w("the fine-tuning"),
        "ask_endpoint": w("asking the endpoint"),
        "check_dataset": w("checking the data"),
        "endpoint_status": w("opening the conversation"),
    }
    left = ("；" if w.language == "zh" else ", ").join(names.get(tool, tool) for tool in tools)
    return w("Not done yet: {steps}.", steps=left)


def outcomes(plan: Plan, done: Sequence[Done], w: Words) -> list[str]:
    """What came of each step; several datasets are told by name, those that are made at once."""
    made = [each for each in done if each.tool == "create_dataset"]
    if len(made) < 2:
        goes_on = any(each.tool in PLANNING and each.error is None for each in done)
        return [made_already(each, w) if goes_on else outcome(each, w) for each in done]
    names = [step.arguments.get("name", "") for step in plan.steps if step.tool == "create_dataset"]
    failed = [
        w("{dataset} is not made: {why}", dataset=name, why=outcome(each, w))
        for name, each in zip(names, made, strict=False)
        if each.stops
    ]
    others = [outcome(each, w) for each in done if each.tool != "create_dataset"]
    return [datasets_made([each.result for each in made if each.result], w), *failed, *others]


def made_already(done: Done, w: Words) -> str:
    """The outcome of a step of a turn that goes on to a plan: a dataset needs no next step."""
    result = done.result or {}
    if done.tool != "create_dataset" or not result.get("dataset"):
        return outcome(done, w)
    if any(problem["severity"] == "warning" for problem in result.get("problems") or []):
        return w("{dataset} is ready; look at its problems first.", dataset=result["dataset"])
    return w("{dataset} is ready.", dataset=result["dataset"])


def other_tasks(plan: Plan, done: Sequence[Done], w: Words) -> list[str]:
    """What to say of data that was to become a model of another kind than it can."""
    pairs = zip(plan.steps, done, strict=False)
    wanted = [(step.if_unclear.get("task"), each.result or {}) for step, each in pairs]
    return [made_for(made, w) for task, made in wanted if task and made.get("task", task) != task]


def made_for(dataset: Json, w: Words) -> str:
    name = dataset["dataset"]
    if dataset["task"] == "chat":
        return w("{dataset} holds conversations, so a chat model is made of it.", dataset=name)
    return w("{dataset} holds texts with labels, so a classifier is made of it.", dataset=name)


def datasets_made(results: Sequence[Json], w: Words) -> str:
    if len(results) < 2:
        return "".join(dataset_made(result, w) for result in results)
    names = ("、" if w.language == "zh" else ", ").join(str(each["dataset"]) for each in results)
    return w("Made: {datasets}. Each card says what to look at first.", datasets=names)


def outcome(done: Done, w: Words) -> str:
    if done.error is not None:
        return joined(
            (w.told(str(done.error[part])) for part in ("message", "fix") if done.error.get(part)),
            w,
        )
    if done.approval is not None:
        return asked_for(done.approval, w)
    say = SENTENCES.get(done.tool)
    return say(done.result or {}, w) if say else ""


def asked_for(approval: Json, w: Words) -> str:
    """True before the decision as after it."""
    name = approval["id"]
    if approval.get("state") == "measuring":
        return w(
            "{approval}: the plan is above; its time and memory are measured first and then stand "
            "in it. Nothing runs before you approve it.",
            approval=name,
        )
    if approval.get("tool") in ("start_finetune", "retry_run"):
        return w(
            "{approval}: the plan is above. Nothing runs before you approve it.", approval=name
        )
    return w(
        "{approval}: what would happen is above. Nothing is done before you approve it.",
        approval=name,
    )


# Data ------------------------------------------------------------------------------------------


def dataset_made(result: Json, w: Words) -> str:
    name = result.get("dataset") or result.get("name", "")
    severities = {problem["severity"] for problem in result.get("problems") or []}
    chat = result.get("task") == "chat"
    if "error" in severities:
        return w("{dataset} is made, but its errors have to be corrected first.", dataset=name)
    if "warning" in severities and chat:
        return w(
            "{dataset} is ready; look at its problems first. Next: say “fine-tune a chat model on "
            "it”.",
            dataset=name,
        )
    if "warning" in severities:
        return w(
            "{dataset} is ready; look at its problems first. Next: say “fine-tune a classifier on "
            "it”.",
            dataset=name,
        )
    if chat:
        return w("{dataset} is ready. Next: say “fine-tune a chat model on it”.", dataset=name)
    return w("{dataset} is ready. Next: say “fine-tune a classifier on it”.", dataset=name)


def dataset_told(result: Json, w: Words) -> str:
    if result.get("task") == "chat":
        return w("Next: say “fine-tune a chat model on it”.")
    return w("Next: say “fine-tune a classifier on it”.")


def checked(result: Json, w: Words) -> str:
    found = len(result.get("problems") or [])
    if not found:
        return w("I found nothing wrong with the data.")
    return w("1 problem.") if found == 1 else w("{count} problems.", count=count(found))


def rows_shown(result: Json, w: Words) -> str:
    if not result.get("rows"):
        return w("There are no such rows.")
    page, pages = result["page"], result["pages"]
    if page < pages:
        return w("Page {page} of {pages}. Say “next page” for more.", page=page, pages=pages)
    return w("Page {page} of {pages}.", page=page, pages=pages)


# Runs ------------------------------------------------------------------------------------------


def planned(result: Json, w: Words) -> str:
    if result.get("state") == "measuring":
        return w("I am timing a few real steps to see what it takes. Ask again in a few seconds.")
    if result.get("error"):
        return w("It could not be measured; the card says why.")
    return w(
        "This is the plan; nothing has started. Say “fine-tune on it” to ask for the approval."
    )


def run_told(result: Json, w: Words) -> str:
    name, state = result.get("run", ""), str(result.get("state") or "")
    match state:
        case "succeeded":
            return joined([w("{run} is finished.", run=name), next_step(result, w)], w)
        case "failed":
            return w("{run} failed; the card says why. Say “retry it” to run it again.", run=name)
    return w("{told}.", told=one_run(result, w))


def next_step(result: Json, w: Words) -> str:
    verdict = result.get("verdict")
    if not isinstance(verdict, dict) or verdict.get("better"):
        return w("Next: say “deploy it”.")
    if verdict.get("recommend") not in ("frozen", "tfidf"):
        return w("The card says what did better. “Deploy it” serves it all the same.")
    return w("The best model is a cheap one. Next: say “deploy the baseline”.")


def one_run(run: Json, w: Words) -> str:
    """`run_1 is running: step 12 of 40, about 20 s left`."""
    told = w("{run} is {state}", run=run["run"], state=of_run(str(run["state"]), w))
    if run.get("step") is None or not run.get("total_steps"):
        return told
    step, total = count(run["step"]), count(run["total_steps"])
    if run.get("eta_s") is None:
        return w("{told}: step {step} of {total}", told=told, step=step, total=total)
    return w(
        "{told}: step {step} of {total}, about {time} left",
        told=told,
        step=step,
        total=total,
        time=duration(float(run["eta_s"]), w),
    )


def cancelled(result: Json, w: Words) -> str:
    return w("{run} is stopped. Its checkpoints are kept.", run=result.get("run", ""))


def runs_listed(result: Json, w: Words) -> str:
    runs = result.get("runs") or []
    active = [run for run in runs if run.get("state") in ("queued", "running", "paused")]
    if active:
        told = ("；" if w.language == "zh" else "; ").join(one_run(run, w) for run in active)
        return w("{told}.", told=told)
    if not runs:
        return w("Nothing is running.")
    state = of_run(str(runs[0]["state"]), w)
    return w(
        "Nothing is running. The last run is {run} ({state}).", run=runs[0]["run"], state=state
    )


def compared(result: Json, w: Words) -> str:
    return w("Side by side:")


# Models and endpoints --------------------------------------------------------------------------


def exported(result: Json, w: Words) -> str:
    return w("The export is ready to download.")


def endpoint_told(result: Json, w: Words) -> str:
    name, state = result.get("endpoint") or result.get("name"), result.get("state")
    if not name or not state:
        return ""
    return w("{endpoint} is {state}.", endpoint=name, state=of_endpoint(str(state), w))


def answered(result: Json, w: Words) -> str:
    taken = milliseconds(result["latency_ms"], w)
    if "text" in result["answer"]:
        # Never said again here: what a model writes must not look like an offer of ours.
        return w("The answer is above; it took {time}.", time=taken)
    said, other = one_answer(result, w), result.get("compared")
    mine = w("{answer}, in {time}.", answer=said, time=taken)
    if not other:
        return mine
    theirs = w("{model} says: {answer}.", model=other["model"], answer=one_answer(other, w))
    return joined([mine, theirs], w)


def one_answer(told: Json, w: Words) -> str:
    answer = told["answer"]
    share = percent(answer["score"], w)
    return w("{label} with probability {share}", label=answer["label"], share=share)


# Lists and the rest ----------------------------------------------------------------------------


def datasets_listed(result: Json, w: Words) -> str:
    found = len(result.get("datasets") or [])
    if not found:
        return w("There is no dataset yet: drop a file here.")
    return w("1 dataset.") if found == 1 else w("{count} datasets.", count=count(found))


def models_listed(result: Json, w: Words) -> str:
    found = len(result.get("models") or [])
    if not found:
        return w("There is no model yet: fine-tune one first.")
    return w("1 model.") if found == 1 else w("{count} models.", count=count(found))


def endpoints_listed(result: Json, w: Words) -> str:
    found = len(result.get("endpoints") or [])
    if not found:
        return w("No endpoint yet: deploy a model first.")
    return w("1 endpoint.") if found == 1 else w("{count} endpoints.", count=count(found))


def approvals_listed(result: Json, w: Words) -> str:
    found = len(result.get("approvals") or [])
    if not found:
        return w("Nothing waits for approval.")
    return w("1 request.") if found == 1 else w("{count} requests.", count=count(found))


def added(result: Json, w: Words) -> str:
    return w("Added. Ask me anything about them.")


def told(result: Json, w: Words) -> str:
    """Pieces of the passages in the document's own words, each with the number of its passage."""
    passages = result.get("passages") or []
    if not passages or result.get("answerable") is False:
        return w(
            "The documents do not answer that. Ask in other words, or add a document that does and "
            "ask again."
        )
    return quoted(passages, str(result.get("query") or ""))


def room(result: Json, w: Words) -> str:
    return w("This is what takes room.")


SENTENCES: dict[str, Say] = {
    "create_dataset": dataset_made,
    "describe_dataset": dataset_told,
    "check_dataset": checked,
    "sample_dataset": rows_shown,
    "list_datasets": datasets_listed,
    "quote_finetune": planned,
    "run_status": run_told,
    "list_runs": runs_listed,
    "cancel_run": cancelled,
    "compare_runs": compared,
    "list_models": models_listed,
    "export_model": exported,
    "list_endpoints": endpoints_listed,
    "endpoint_status": endpoint_told,
    "ask_endpoint": answered,
    "add_documents": added,
    "search_docs": told,
    "list_approvals": approvals_listed,
    "disk_usage": room,
}
