"""The planner's last words of a turn: what came of it and the next thing to do.

Every figure is taken from a tool's result of this very turn.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.understanding.plan import Plan
from agent.understanding.text import word_set

Json = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """One step that was taken, and what came of it: one of the three is given."""

    tool: str
    result: Json | None = None
    approval: Json | None = None
    error: Json | None = None

    @property
    def stops(self) -> bool:
        """Whether the steps after it must not be taken now."""
        return self.error is not None or self.approval is not None


def closing(plan: Plan, done: Sequence[Done]) -> str:
    """A few sentences: words of the plan, the outcome of each step, what was left undone."""
    parts = [plan.reply, *(outcome(each) for each in done)]
    left = [step.tool for step in plan.steps[len(done) :]]
    if left and done and done[-1].stops:
        parts.append(f"Not done yet: {', '.join(NEXT.get(tool, tool) for tool in left)}.")
    return "\n\n".join(part for part in parts if part)


NEXT = {
    "deploy_endpoint": "the deployment (say “deploy it” when the run has finished)",
    "start_finetune": "the fine-tuning",
    "ask_endpoint": "asking the endpoint",
    "check_dataset": "checking the data",
}


def outcome(done: Done) -> str:
    if done.error is not None:
        fix = done.error.get("fix")
        return f"{done.error['message']} {fix}" if fix else str(done.error["message"])
    if done.approval is not None:
        return waiting(done.approval)
    say = SENTENCES.get(done.tool)
    return say(done.result or {}) if say else ""


def waiting(approval: Json) -> str:
    what = WHAT.get(str(approval.get("tool")), str(approval.get("tool")))
    name = approval["id"]
    if approval.get("state") == "measuring":
        return (
            f"The plan for {what} is {name}. Its time and memory are measured first and then stand "
            "in it, within seconds. Nothing runs before you approve it."
        )
    return f"{name} waits for your approval: {what}. Nothing runs before you press approve."


WHAT = {
    "start_finetune": "the fine-tuning",
    "retry_run": "running it again",
    "deploy_endpoint": "the deployment",
    "stop_endpoint": "stopping the endpoint",
    "predict_file": "predicting the file",
    "delete_dataset": "deleting the dataset",
    "delete_model": "deleting the model",
    "delete_documents": "deleting the documents",
}


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def dataset_made(result: Json) -> str:
    name = result.get("dataset") or result.get("name", "The dataset")
    problems = len(result.get("problems") or [])
    found = f" I found {count(problems, 'problem')} worth a look." if problems else ""
    rows = f" has {count(int(result['rows']), 'row')}" if "rows" in result else " is ready"
    return f"{name}{rows}.{found} Next: say “fine-tune a classifier on it”."


def quoted(result: Json) -> str:
    if result.get("state") == "measuring":
        return "I am timing a few real steps to see what it takes. Ask again in a few seconds."
    return "This is the plan; nothing has started. Say “fine-tune on it” to ask for the approval."


def run_told(result: Json) -> str:
    run, state = result.get("run") or result.get("id", "The run"), result.get("state", "unknown")
    verdict = result.get("verdict")
    words = verdict.get("text", "") if isinstance(verdict, dict) else str(verdict or "")
    error = result.get("error") or {}
    if state == "succeeded":
        return f"{run} succeeded. {words} {next_step(verdict)}".replace("  ", " ")
    if state == "failed":
        why = f"{error.get('message', '')} {error.get('fix') or ''}".strip()
        return f"{run} failed. {why} Say “retry it” to run it again."
    return f"{run} is {state}{progress(result)}."


def next_step(verdict: Any) -> str:
    better = not isinstance(verdict, dict) or verdict.get("better")
    return "Next: say “deploy it”." if better else "Next: say “deploy the baseline”."


def progress(result: Json) -> str:
    if result.get("step") is None or not result.get("total_steps"):
        return ""
    eta = result.get("eta_s")
    left = f", about {duration(float(eta))} left" if eta is not None else ""
    return f": step {result['step']:,} of {result['total_steps']:,}{left}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def listed(key: str, one: str, empty: str, many: str = "") -> Callable[[Json], str]:
    def say(result: Json) -> str:
        found = result.get(key) or []
        return f"{count(len(found), one, many)}." if found else empty

    return say


def runs_listed(result: Json) -> str:
    runs = result.get("runs") or []
    active = [run for run in runs if run.get("state") in ("queued", "running", "paused")]
    if not active:
        last = f" The last run is {runs[0]['run']} ({runs[0]['state']})." if runs else ""
        return f"Nothing is running.{last}"
    return "; ".join(f"{run['run']} is {run['state']}{progress(run)}" for run in active) + "."


def answered(result: Json) -> str:
    said = f"{one_answer(result)}, in {result['latency_ms']:.0f} ms."
    other = result.get("compared")
    return f"{said} {other['model']} says {one_answer(other)}." if other else said


def one_answer(told: Json) -> str:
    answer = told["answer"]
    return f"{answer['label']} with probability {answer['score']:.2f}"


def told(result: Json) -> str:
    """Up to three sentences out of the passages, each with the number of its passage."""
    passages = result.get("passages") or []
    if not passages or result.get("answerable") is False:
        return (
            "The documents do not answer that. Ask in other words, or add a document that does and "
            "ask again."
        )
    query = keywords(str(result.get("query", "")))
    whole = [pair for pair in enumerate(passages, 1) if not is_fragment(pair[1])]
    chosen = (whole or list(enumerate(passages, 1)))[:3]
    first, least = chosen[0][0], NEARLY * float(chosen[0][1].get("score", 0.0))
    cited = [
        cite(part, n)
        for n, passage in chosen
        if (part := best_part(passage, query))
        and (n == first or (float(passage.get("score", 0.0)) >= least and keywords(part) & query))
    ]
    return "\n\n".join(cited)


def is_fragment(passage: Json) -> bool:
    """Whether it begins in the middle of a sentence, as what follows a block of code may."""
    return str(passage.get("text", "")).lstrip()[:1].islower()


def keywords(text: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z0-9-]{3,}", text.lower())} - STOP


STOP = word_set(
    "the and for how what why doe are can should with this that from you your was which"
)
PART_CHARACTERS = 420
NEARLY = 0.9
"""Share of the best passage's score that another needs to be quoted too."""


BLOCK = re.compile(r"```|[-*|>#] |\d+\. |    ")
"""How a line begins that must stay a line of its own: code, list, table, quote, heading."""


def cite(part: str, number: int) -> str:
    """The part with the number of its passage; below a block, where it would become part of it."""
    return f"{part}\n\n[{number}]" if BLOCK.match(part.splitlines()[-1]) else f"{part} [{number}]"


def unwrapped(paragraph: str) -> str:
    """Prose on one line: a chat shows the line breaks that a page does not."""
    lines = paragraph.strip().splitlines()
    return paragraph.strip() if any(map(BLOCK.match, lines)) else " ".join(lines)


def best_part(passage: Json, query: set[str]) -> str:
    """The paragraph of the passage that shares most words with the question, cut at a sentence.

    One that ends with a colon takes along what it announces.
    """
    text = str(passage.get("text", ""))
    parts = [unwrapped(part) for part in re.split(r"\n\s*\n", text) if part.strip()] or [text]
    prose = [part for part in parts if len(part.split()) > 5] or parts
    best = max(prose, key=lambda part: len(keywords(part) & query))
    if best.endswith(":") and best != parts[-1]:
        return f"{best}\n\n{parts[parts.index(best) + 1]}"
    if len(best) <= PART_CHARACTERS:
        return best
    cut = best[:PART_CHARACTERS]
    end = max(cut.rfind(mark) for mark in (". ", ".\n", "\n"))
    return (cut[: end + 1] if end > 80 else cut + " …").strip()


def endpoint_told(result: Json) -> str:
    name, state = result.get("endpoint") or result.get("name"), result.get("state")
    return f"{name} is {state}." if name and state else ""


SENTENCES: dict[str, Callable[[Json], str]] = {
    "create_dataset": dataset_made,
    "describe_dataset": lambda result: "Next: say “fine-tune a classifier on it”.",
    "check_dataset": lambda result: checked(result),
    "list_datasets": listed("datasets", "dataset", "There is no dataset yet: drop a file here."),
    "quote_finetune": quoted,
    "run_status": run_told,
    "list_runs": runs_listed,
    "cancel_run": lambda result: run_told(result) + " Its checkpoints are kept.",
    "compare_runs": lambda result: "Side by side:",
    "list_models": listed(
        "models", "model", "There is no model yet: fine-tune a classifier first."
    ),
    "export_model": lambda result: "The export is ready to download.",
    "list_endpoints": listed("endpoints", "endpoint", "No endpoint yet: deploy a model first."),
    "endpoint_status": endpoint_told,
    "ask_endpoint": answered,
    "add_documents": lambda result: "Added. Ask me anything about them.",
    "search_docs": told,
    "list_approvals": listed(
        "approvals", "request waits", "Nothing waits for approval.", "requests wait"
    ),
    "disk_usage": lambda result: "This is what takes room.",
}


def checked(result: Json) -> str:
    problems = result.get("problems") or []
    return (
        f"{count(len(problems), 'problem')}."
        if problems
        else "I found nothing wrong with the data."
    )
