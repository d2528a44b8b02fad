"""Plans of a fine-tuning: what it takes, and each parameter with its value, origin and reason."""

from typing import Any

from agent.language import Words
from agent.shown import errors
from agent.shown.chat_runs import loop_fact
from agent.shown.datasets import splits
from agent.shown.figures import (
    MIB,
    count,
    duration,
    joined,
    listed,
    percent,
    setting,
    size,
)
from agent.shown.states import of_quote, tone
from agent.views import Action, Field, Table, View
from finetune import config
from finetune.recipes.base import Limit

Json = dict[str, Any]


def quote_view(quote: Json, w: Words) -> View:
    """What a fine-tuning would take; nothing has been asked for yet."""
    dataset = quote.get("dataset") or (quote.get("arguments") or {}).get("dataset", "")
    state = str(quote.get("state") or "")
    return View(
        title=w("Plan: fine-tune on {dataset}", dataset=dataset),
        kind="quote",
        key=str(quote.get("quote") or ""),
        state=state,
        state_label=of_quote(state, w),
        tone=tone(state),
        summary=quote_summary(quote, w),
        facts=plan_facts(quote, w),
        fields=fields(quote.get("parameters") or {}, w),
        links=errors.help_links(quote.get("error"), w),
        notes=[*notes(quote, w), *errors.fixes(quote.get("error"), w)],
        actions=[Action(w("Ask for approval"), say=asking(str(dataset), quote, w))],
    )


def quote_summary(quote: Json, w: Words) -> str:
    if quote.get("error"):
        return errors.message(quote["error"], w)
    if quote.get("state") == "measuring" and quote.get("progress"):
        return preparing(quote["progress"], w)
    if quote.get("state") == "measuring":
        return w("Time and memory are being measured on this machine; ask again in a few seconds.")
    return joined([effort(quote, w), w("Nothing has started.")], w)


def preparing(progress: Json, w: Words) -> str:
    """The base is made first, as a job of its own."""
    if progress.get("eta_s") is None:
        return w("The base model is made first, once on this machine; that takes some minutes.")
    left = duration(progress["eta_s"], w)
    return w("The base model is made first, once on this machine: {time} left.", time=left)


def asking(dataset: str, quote: Json, w: Words) -> str:
    """The words that ask for this very plan: what was set is said again."""
    chosen = [
        w("{parameter} {value}", parameter=spoken(name, w), value=setting(told["value"]))
        for name, told in (quote.get("parameters") or {}).items()
        if isinstance(told, dict) and told.get("origin") == "set"
    ]
    if not chosen:
        return asking_for(dataset, quote, w)
    settings = listed(chosen, w)
    if is_chat(quote):
        return w("Fine-tune on {dataset} with {settings}", dataset=dataset, settings=settings)
    return w(
        "Fine-tune a classifier on {dataset} with {settings}", dataset=dataset, settings=settings
    )


def asking_for(dataset: str, quote: Json, w: Words) -> str:
    if is_chat(quote):
        return w("Fine-tune on {dataset}", dataset=dataset)
    return w("Fine-tune a classifier on {dataset}", dataset=dataset)


def is_chat(plan: Json) -> bool:
    return plan.get("task") == "chat"


def effort(plan: Json, w: Words) -> str:
    """A sentence on time and memory, once they are measured."""
    if not plan.get("minutes"):
        return ""
    time, memory = duration(60 * plan["minutes"]["expected"], w), plan.get("memory_mb")
    if not memory:
        return w("It takes about {time} on this machine.", time=time)
    return w(
        "It takes about {time} and {memory} of memory on this machine.",
        time=time,
        memory=size(MIB * memory),
    )


def notes(plan: Json, w: Words) -> list[str]:
    return [w.told(str(note)) for note in plan.get("notes") or []]


# Facts -----------------------------------------------------------------------------------------


def plan_facts(plan: Json, w: Words) -> list[tuple[str, str]]:
    facts = [(w("Base model"), str(plan["base_model"]))] if plan.get("base_model") else []
    facts += time_facts(plan, w)
    if plan.get("rows"):
        facts.append((w("Rows"), splits(plan["rows"], w)))
    if plan.get("steps"):
        facts.append((w("Steps"), count(plan["steps"])))
    facts += [*tokens_fact(plan, w), *loop_fact(plan, w)]
    facts += cost_fact(plan.get("cost") or {}, w)
    if plan.get("baselines"):
        beaten = "; ".join(w.told(one["title"]) for one in plan["baselines"])
        facts.append((w("Measured against"), beaten))
    return facts


def tokens_fact(plan: Json, w: Words) -> list[tuple[str, str]]:
    """How much of what is read is also trained on, over all passes."""
    trained, read = plan.get("trained_tokens"), plan.get("tokens")
    if not trained:
        return []
    told = w("about {count}", count=count(trained))
    if read:
        share = percent(min(1.0, trained / read), w)
        told = w(
            "about {count} of {all} that are read ({share})",
            count=count(trained),
            all=count(read),
            share=share,
        )
    return [(w("Trained tokens"), told)]


def time_facts(plan: Json, w: Words) -> list[tuple[str, str]]:
    taken = plan.get("minutes")
    if not taken:
        waits = plan.get("state") == "measuring"
        return [(w("Time and memory"), w("being measured on this machine"))] if waits else []
    expected, low, high = (duration(60 * taken[name], w) for name in ("expected", "low", "high"))
    told = w("about {expected} ({low} to {high})", expected=expected, low=low, high=high)
    facts = [(w("Time"), told)]
    if plan.get("memory_mb"):
        facts.append((w("Memory"), w("about {size}", size=size(MIB * plan["memory_mb"]))))
    return facts


def cost_fact(cost: Json, w: Words) -> list[tuple[str, str]]:
    if not cost:
        return []
    amount = f"{cost['amount']} {cost['currency']}" if cost.get("currency") else w("nothing")
    why = w.told(str(cost.get("why") or ""))
    return [(w("Cost"), w("{amount} ({why})", amount=amount, why=why) if why else amount)]


# Parameters ------------------------------------------------------------------------------------


def fields(parameters: Json, w: Words) -> list[Field]:
    """Each parameter as it can be changed, with the limits that the recipe has."""
    limits = config.limits(config.task_of(parameters))
    return [
        field(name, told, limits[name], w)
        for name, told in parameters.items()
        if isinstance(told, dict) and name in limits
    ]


def field(name: str, told: Json, limit: Limit, w: Words) -> Field:
    chosen = told.get("origin") == "set"
    return Field(
        name=name,
        label=label(name, w),
        value=setting(told.get("value")),
        kind="int" if limit.whole else "float",
        least=limit.low,
        most=limit.high,
        set_by_user=chosen,
        origin=origin(told, w),
        reason="" if chosen else w.told(str(told.get("reason") or "")),
    )


def origin(told: Json, w: Words) -> str:
    return w("set by you") if told.get("origin") == "set" else w("default")


def parameters_table(parameters: Json, w: Words) -> Table:
    """The values and who chose them; the reasons stand in the plan."""
    limits = config.every_limit()
    known = {name: told for name, told in parameters.items() if name in limits}
    columns = [w("parameter"), w("value")]
    if all(isinstance(told, dict) for told in known.values()):
        rows: list[list[Any]] = [
            [label(name, w), setting(told.get("value")), origin(told, w)]
            for name, told in known.items()
        ]
        return Table(w("Parameters"), [*columns, w("origin")], rows, folded=True)
    rows = [[label(name, w), setting(value)] for name, value in known.items()]
    return Table(w("Parameters"), columns, rows, folded=True)


def label(name: str, w: Words) -> str:
    names = {
        "epochs": w("Epochs"),
        "rank": w("Rank"),
        "alpha": w("Alpha"),
        "learning_rate": w("Learning rate"),
        "head_learning_rate": w("Learning rate of the head"),
        "batch_size": w("Batch size"),
        "max_length": w("Longest text (tokens)"),
        "warmup_ratio": w("Warm-up"),
        "weight_decay": w("Weight decay"),
        "dropout": w("Dropout"),
        "clip": w("Gradient clipping"),
        "label_smoothing": w("Label smoothing"),
        "average": w("Weight averaging"),
        "frozen_layers": w("Frozen layers"),
        "seed": w("Seed"),
    }
    return names.get(name, name.replace("_", " "))


def spoken(name: str, w: Words) -> str:
    """What a parameter is called in a request: words that the planner knows."""
    names = {
        "epochs": w("epochs"),
        "rank": w("rank"),
        "alpha": "alpha",
        "learning_rate": w("learning rate"),
        "head_learning_rate": w("head learning rate"),
        "batch_size": w("batch size"),
        "max_length": w("max length"),
        "warmup_ratio": w("warmup"),
        "weight_decay": w("weight decay"),
        "dropout": w("dropout"),
        "clip": w("clip"),
        "label_smoothing": w("label smoothing"),
        "average": w("average"),
        "frozen_layers": w("frozen layers"),
        "seed": w("seed"),
    }
    return names.get(name, name)
