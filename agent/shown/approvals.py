"""Cards of what waits for a decision: what would happen, what it takes, and what came of it."""

from typing import Any

from agent.language import Words
from agent.shown import errors
from agent.shown.figures import count, joined, listed, percent, size
from agent.shown.plans import effort, fields, notes, parameters_table, plan_facts
from agent.shown.states import of_approval, tone
from agent.views import Action, Table, View

Json = dict[str, Any]
UNDECIDED = ("measuring", "waiting")
MOST_BUTTONS = 5
MOST_NAMED = 5
BUILT_HERE = "tiny-chat"
"""The base that is made on this machine when it is first needed."""
TUNING = ("start_finetune", "retry_run")


def approval_view(approval: Json, w: Words) -> View:
    """One request with its buttons while it waits, and what was decided afterwards."""
    state = state_of(approval)
    plan = plan_of(approval) if state in UNDECIDED else {}
    changeable = approval["tool"] == "start_finetune"
    parameters = plan.get("parameters") or {}
    return View(
        title=title(approval, w),
        kind="approval",
        key=str(approval["id"]),
        state=str(approval["state"]),
        state_label=of_approval(state, w),
        tone=tone(state),
        summary=summary(approval, w),
        facts=facts(approval, w),
        fields=fields(parameters, w) if changeable else [],
        tables=[] if changeable or not parameters else [parameters_table(parameters, w)],
        links=errors.help_links(approval.get("error"), w),
        notes=[*notes(plan, w), *errors.fixes(approval.get("error"), w)],
        actions=decisions(approval, w),
    )


def state_of(approval: Json) -> str:
    """Its state; one whose place a newer request took is `replaced`, not merely rejected."""
    return "replaced" if approval.get("replaced_by") else str(approval["state"])


def plan_of(approval: Json) -> Json:
    """The plan of a training; while it is measured only the arguments are known."""
    if approval["tool"] not in TUNING:
        return {}
    quote = approval.get("quote") or {}
    return {**quote, "state": approval["state"]} if quote else drafted(approval)


def drafted(approval: Json) -> Json:
    """What is known of a plan that is being measured: its arguments, and which were asked for."""
    asked, given = approval.get("asked") or {}, approval.get("arguments") or {}
    parameters = {
        name: {"value": value, "origin": "set" if given_by_user(asked.get(name)) else "default"}
        for name, value in given.items()
        if name not in ("dataset", "base_model", "run")
    }
    base = given.get("base_model")
    return {"state": approval["state"], "base_model": base, "parameters": parameters}


def given_by_user(value: Any) -> bool:
    return value not in (None, "", "auto")


# What it is ------------------------------------------------------------------------------------


def title(approval: Json, w: Words) -> str:
    """What would be done, such as `Deploy tickets@1 as tickets`."""
    given = approval.get("arguments") or {}
    match approval["tool"]:
        case "start_finetune":
            return w("Fine-tune on {dataset}", dataset=given.get("dataset", ""))
        case "retry_run":
            return w("Run {run} again", run=given.get("run", ""))
        case "deploy_endpoint":
            return w(
                "Deploy {model} as {name}",
                model=given.get("model", ""),
                name=given.get("name") or root(given.get("model", "")),
            )
        case "stop_endpoint":
            return w("Stop the endpoint {endpoint}", endpoint=given.get("endpoint", ""))
        case "predict_file":
            return w("Label every row of a file with {model}", model=given.get("model", ""))
        case "delete_dataset":
            return w("Delete the dataset {dataset}", dataset=given.get("dataset", ""))
        case "delete_model":
            return w("Delete the model {model}", model=given.get("model", ""))
        case "delete_documents":
            return title_of_deletion(given, w)
    return str(approval["tool"]).replace("_", " ")


def title_of_deletion(given: Json, w: Words) -> str:
    if given.get("source"):
        return w("Delete the document {source}", source=given["source"])
    return w("Delete all documents in {collection}", collection=given.get("collection", ""))


def root(ref: str) -> str:
    return ref.partition("@")[0]


# The one sentence ------------------------------------------------------------------------------


def summary(approval: Json, w: Words) -> str:
    """What would happen and that nothing has yet; once it is decided, what came of it."""
    match state_of(approval):
        case "measuring":
            return joined([measuring(approval, w), nothing_yet(w)], w)
        case "waiting":
            return joined([would_happen(approval, w), nothing_yet(w)], w)
        case "running":
            return w("Approved; it is being done.")
        case "done":
            return what_came(approval.get("result") or {}, w)
        case "replaced":
            return w("{approval} took its place; nothing ran.", approval=approval["replaced_by"])
        case "rejected":
            return w("It was turned down; nothing ran.")
        case "expired":
            return w("Nobody decided within 7 days; nothing ran.")
    return errors.message(approval.get("error"), w)


def measuring(approval: Json, w: Words) -> str:
    if (approval.get("arguments") or {}).get("base_model") == BUILT_HERE:
        return w(
            "Time and memory are being measured on this machine: within seconds, or minutes when "
            "{base} has to be made first, once.",
            base=BUILT_HERE,
        )
    return w("Time and memory are being measured on this machine, within seconds.")


def nothing_yet(w: Words) -> str:
    return w("Nothing runs before you approve it.")


def would_happen(approval: Json, w: Words) -> str:
    given, quote = approval.get("arguments") or {}, approval.get("quote") or {}
    match approval["tool"]:
        case "start_finetune" | "retry_run":
            return effort(quote, w)
        case "deploy_endpoint":
            return deployment(given, quote, w)
        case "stop_endpoint":
            return w(
                "Programs that call {endpoint} get errors from then on. The model stays.",
                endpoint=given.get("endpoint", ""),
            )
        case "predict_file":
            return w("Every row is labelled on this machine; the result is a file to download.")
        case "delete_dataset":
            return w("Its rows are gone for good. The upload, and models trained on it, stay.")
        case "delete_model":
            return w("The model and its files are gone for good.")
        case "delete_documents":
            return w("What they say can no longer be found. The uploads stay.")
    return ""


def deployment(given: Json, quote: Json, w: Words) -> str:
    live = w("{model} goes live on this machine, behind the API.", model=given.get("model", ""))
    replaced = quote.get("replaces")
    instead = w("{model} answers until then and is replaced.", model=replaced) if replaced else ""
    return joined([live, instead], w)


def what_came(result: Json, w: Words) -> str:
    if result.get("run"):
        return w("Approved: {run} was started.", run=result["run"])
    if result.get("endpoint"):
        stopped = result.get("state") == "stopped"
        return (
            w("Approved: {endpoint} is stopped.", endpoint=result["endpoint"])
            if stopped
            else w("Approved: {endpoint} is live.", endpoint=result["endpoint"])
        )
    if result.get("filename"):
        return w("Approved: {filename} is ready to download.", filename=result["filename"])
    return w("Approved and done.")


# Facts -----------------------------------------------------------------------------------------


def facts(approval: Json, w: Words) -> list[tuple[str, str]]:
    undecided = approval["state"] in UNDECIDED
    shown = [(w("Approval"), str(approval["id"]))]
    if undecided:
        plan = plan_of(approval)
        shown += plan_facts(plan, w) if plan else quoted_facts(approval, w)
    if who := decided_by(str(approval.get("decided_by") or ""), w):
        shown.append((w("Decided by"), who))
    return shown


def decided_by(who: str, w: Words) -> str:
    """`owner (web)` in words: who, and where the button was pressed."""
    user, _, actor = who.removesuffix(")").partition(" (")
    places = {
        "web": w("{user}, in the chat", user=user),
        "cli": w("{user}, in the terminal", user=user),
        "terminal": w("{user}, in the terminal", user=user),
        "api": w("{user}, over the API", user=user),
    }
    return places.get(actor, user)


def quoted_facts(approval: Json, w: Words) -> list[tuple[str, str]]:
    """What a tool without a plan said of what would happen."""
    quote, given = approval.get("quote") or {}, approval.get("arguments") or {}
    shown = [
        (w("Model"), given.get("model") or quote.get("model")),
        (w("Test accuracy"), accuracy(quote, w)),
        (w("Size"), size_of(quote)),
        (w("Replaces"), quote.get("replaces")),
        (w("Requests so far"), number(quote.get("requests"))),
        (w("Rows"), number(quote.get("rows"))),
        (w("Column"), given.get("column")),
        (w("Documents"), named(quote.get("sources"), w)),
        (w("Cost"), w.told(str(quote["cost"])) if quote.get("cost") else None),
        (w("Advice"), advice(quote, w)),
    ]
    return [(label, str(value)) for label, value in shown if value]


def accuracy(quote: Json, w: Words) -> str:
    share = quote.get("test_accuracy")
    return percent(share, w) if share is not None else ""


def size_of(quote: Json) -> str:
    if quote.get("megabytes") is not None:
        return size(1e6 * quote["megabytes"])
    return size(quote["bytes"]) if quote.get("bytes") is not None else ""


def number(value: int | None) -> str:
    return count(value) if value is not None else ""


def named(sources: list[str] | None, w: Words) -> str:
    if not sources:
        return ""
    shown, more = listed(sources[:MOST_NAMED], w), len(sources) - MOST_NAMED
    return w("{names} and {more} more", names=shown, more=more) if more > 0 else shown


def advice(quote: Json, w: Words) -> str:
    return w.told(str(quote["advice"])) if quote.get("advice") else ""


# Buttons ---------------------------------------------------------------------------------------


def decisions(approval: Json, w: Words) -> list[Action]:
    """Approve first; a plan that is being measured can only be turned down yet."""
    state, name = state_of(approval), str(approval["id"])
    reject = Action(w("Reject"), decide="reject", approval_id=name)
    if state == "waiting":
        return [Action(w("Approve"), decide="approve", approval_id=name), reject]
    return [reject] if state == "measuring" else []


def list_view(result: Json, w: Words) -> View:
    """What waits, with buttons for the newest few."""
    found = result["approvals"]
    rows: list[list[Any]] = [
        [one["id"], title(one, w), of_approval(state_of(one), w)] for one in found
    ]
    ready = [one["id"] for one in found if one["state"] == "waiting"]
    measured = [one["id"] for one in found if one["state"] == "measuring"]
    return View(
        title=w("Approvals"),
        kind="list",
        summary=waiting_summary(len(ready), len(measured), w),
        tables=[Table("", [w("id"), w("what"), w("state")], rows)],
        notes=[w("Buttons for the newest {count}; decide those first.", count=MOST_BUTTONS)]
        if len(ready) > MOST_BUTTONS
        else [],
        actions=[
            action
            for name in ready[-MOST_BUTTONS:]
            for action in (
                Action(w("Approve {approval}", approval=name), decide="approve", approval_id=name),
                Action(w("Reject {approval}", approval=name), decide="reject", approval_id=name),
            )
        ],
    )


def waiting_summary(ready: int, measured: int, w: Words) -> str:
    """What can be decided now, and what can be once it is measured."""
    if not ready and not measured:
        return w("Nothing waits for you.")
    parts = []
    if ready:
        one = w("1 request waits for you.")
        parts.append(one if ready == 1 else w("{count} requests wait for you.", count=count(ready)))
    if measured:
        one = w("1 request is still being measured.")
        many = w("{count} requests are still being measured.", count=count(measured))
        parts.append(one if measured == 1 else many)
    return joined(parts, w)
