"""Cards of endpoints: how to call them, how they do, what they answer."""

from typing import Any

from agent.language import Words
from agent.shown import errors
from agent.shown.conversations import live_answer, who
from agent.shown.figures import count, excerpt, milliseconds, moment, percent
from agent.shown.states import of_endpoint, tone
from agent.views import Action, Answer, Exchange, Form, Table, Turn, View

Json = dict[str, Any]


def endpoint_view(result: Json, w: Words) -> View:
    """How an endpoint does and how it is called, with a field to try it while it is live."""
    name, state = str(result["endpoint"]), str(result.get("state") or "")
    live = state == "live"
    return View(
        title=w("Endpoint {name}", name=name),
        kind="endpoint",
        key=f"endpoint/{name}",
        state=state,
        state_label=of_endpoint(state, w),
        tone=tone(state),
        summary=summary(result, w),
        facts=facts(result, w),
        form=form(result, w) if live else None,
        code=code(result) if live else [],
        links=errors.help_links(result.get("error"), w),
        notes=errors.fixes(result.get("error"), w),
        actions=next_steps(result, w),
    )


def summary(result: Json, w: Words) -> str:
    model = result.get("model", "")
    if result.get("error"):
        return errors.message(result["error"], w)
    match result.get("state"):
        case "live":
            return w("{model} answers here, on this machine.", model=model)
        case "starting":
            return w("{model} is being loaded; it answers in some seconds.", model=model)
        case "stopped":
            return w("Nothing answers here now. The model {model} is kept.", model=model)
    return ""


def facts(result: Json, w: Words) -> list[tuple[str, str]]:
    shown = []
    live = result.get("state") == "live"
    if not live and result.get("model"):
        shown.append((w("Model"), str(result["model"])))
    if live:
        share = w("{number} %", number=result.get("traffic", 100))
        shown.append((w("Traffic"), w("{share} to {model}", share=share, model=result["model"])))
    shown += traffic_facts(result, w)
    if live and result.get("since"):
        shown.append((w("Live since"), moment(result["since"], w)))
    if live and result.get("url"):
        shown.append((w("Address"), str(result["url"])))
    return shown


def traffic_facts(result: Json, w: Words) -> list[tuple[str, str]]:
    if "requests" not in result:
        return []
    requests, failed = count(result["requests"]), count(result["errors"])
    shown = [
        (
            w("Requests"),
            w("{requests}, of which {errors} with errors", requests=requests, errors=failed),
        )
    ]
    if result.get("requests_per_minute"):
        shown.append((w("Per minute"), f"{result['requests_per_minute']:.1f}"))
    latency = result.get("latency_ms") or {}
    if latency.get("p50") is not None:
        told = w(
            "{median} in the middle, 95 % under {p95}",
            median=milliseconds(latency["p50"], w),
            p95=milliseconds(latency["p95"], w),
        )
        shown.append((w("Latency"), told))
    return [*shown, *writing_facts(result.get("writing") or {}, w)]


def writing_facts(told: Json, w: Words) -> list[tuple[str, str]]:
    """How fast a chat model writes."""
    shown = []
    if told.get("tokens_per_s"):
        speed = w("{count} tokens/s", count=f"{told['tokens_per_s']:,.0f}")
        shown.append((w("Speed"), speed))
    first = (told.get("ttft_ms") or {}).get("p50")
    if first is not None:
        shown.append((w("First word after"), milliseconds(first, w)))
    return shown


def form(result: Json, w: Words) -> Form:
    """A field to try it; the untuned base answers beside it, where it is not itself that."""
    model, chat = str(result.get("model") or ""), is_chat(result)
    return Form(
        target=str(result["endpoint"]),
        label=w("Try it"),
        placeholder=w("A question, as your users would write it")
        if chat
        else w("A text, as your users would write it"),
        button=w("Ask"),
        mine=model,
        other="" if is_untuned(model) else w("Untuned base"),
        long=chat,
    )


def is_chat(result: Json) -> bool:
    """Whether it writes answers, and does not choose among labels."""
    return result.get("task") == "chat"


def code(result: Json) -> list[tuple[str, str]]:
    return [(name, str(result[key])) for name, key in CODE if result.get(key)]


CODE = (("bash", "curl"), ("python", "python"))


def next_steps(result: Json, w: Words) -> list[Action]:
    name, model = result["endpoint"], result.get("model")
    match result.get("state"):
        case "live":
            return [
                *([talk_to(str(name), w)] if is_chat(result) else []),
                Action(
                    w("How is it doing?"),
                    say=w("How is the endpoint {endpoint} doing?", endpoint=name),
                ),
                Action(w("Stop it"), say=w("Stop the endpoint {endpoint}", endpoint=name)),
            ]
        case "stopped" | "failed" if model:
            words = w("Deploy {model} as {name}", model=model, name=name)
            return [Action(w("Deploy it again"), say=words)]
    return []


def talk_to(endpoint: str, w: Words) -> Action:
    """Opens a conversation with the model itself."""
    return Action(w("Talk to it"), talk=endpoint)


def list_view(result: Json, w: Words) -> View:
    found = result["endpoints"]
    rows: list[list[Any]] = [
        [one["endpoint"], one["model"], of_endpoint(one["state"], w), one["requests"]]
        for one in found
    ]
    columns = [w("endpoint"), w("model"), w("state"), w("requests")]
    return View(
        title=w("Endpoints"),
        kind="list",
        summary="" if rows else w("No endpoint yet. Deploy a model to get one."),
        tables=[Table("", columns, rows)],
        actions=[show(found[0]["endpoint"], w)] if found else [],
    )


def show(name: str, w: Words) -> Action:
    words = w("How is the endpoint {endpoint} doing?", endpoint=name)
    return Action(w("Show {endpoint}", endpoint=name), say=words)


# Answers ---------------------------------------------------------------------------------------


def answer_view(result: Json, w: Words) -> View:
    """One answer, beside the one that it was compared with."""
    if "text" in result["answer"]:
        return written_view(result, w)
    other = result.get("compared")
    rows = [answer_row(told, w) for told in (result, other) if told]
    return View(
        title=w("Answer of {endpoint}", endpoint=result["endpoint"]),
        kind="answer",
        summary=beside(result, other, w) if other else alone(result, w),
        facts=[(w("Text"), excerpt(str(result["input"])))],
        tables=[
            Table("", [w("model"), w("label"), w("probability"), w("time")], rows),
            runners_up(result["answer"], w),
        ],
        actions=[] if other else [compare(result, w)],
    )


def written_view(result: Json, w: Words) -> View:
    """An answer that was written, side by side with another."""
    asked = Turn("user", who("user", w), str(result["input"]))
    return View(
        title=w("Answer of {endpoint}", endpoint=result["endpoint"]),
        kind="answer",
        exchanges=[Exchange("", [asked], answers(result, w))],
        actions=[
            *([] if result.get("compared") else [compare(result, w)]),
            talk_to(str(result["endpoint"]), w),
        ],
    )


def answers(result: Json, w: Words) -> list[Answer]:
    """The endpoint's, and that of what it was compared with."""
    told = [one for one in (result, result.get("compared")) if one]
    return [live_answer(written_by(one, one is not result, w), one, w) for one in told]


def written_by(told: Json, other: bool, w: Words) -> str:
    """A chat model's base goes by its own name: that it is untuned must be said."""
    untuned = other and "@" not in str(told["model"])
    return w("untuned base ({model})", model=told["model"]) if untuned else str(told["model"])


def alone(result: Json, w: Words) -> str:
    answer = result["answer"]
    share = percent(answer["score"], w)
    return w("{label}, with probability {share}", label=answer["label"], share=share)


def beside(result: Json, other: Json, w: Words) -> str:
    mine, theirs = result["answer"]["label"], other["answer"]["label"]
    if mine == theirs:
        return w("Both say {label}.", label=mine)
    return w(
        "{model} says {label}, {other} says {rival}.",
        model=named(result["model"], w),
        label=mine,
        other=named(other["model"], w),
        rival=theirs,
    )


def compare(result: Json, w: Words) -> Action:
    words = w(
        "Ask {endpoint} and the base: {text}", endpoint=result["endpoint"], text=result["input"]
    )
    return Action(w("Beside the base"), say=words)


def answer_row(told: Json, w: Words) -> list[Any]:
    answer = told["answer"]
    taken = milliseconds(told["latency_ms"], w)
    return [named(told["model"], w), answer["label"], percent(answer["score"], w), taken]


def named(model: str, w: Words) -> str:
    """Its name, and in words what it is where the name of the untuned base might not tell."""
    return w("untuned base ({model})", model=model) if is_untuned(model) else model


def is_untuned(model: str) -> bool:
    return model.partition("@")[0].endswith("-frozen")


def runners_up(answer: Json, w: Words) -> Table:
    rows: list[list[Any]] = [
        [one["label"], percent(one["score"], w)] for one in answer["labels"][1:5]
    ]
    return Table(w("Next likely"), [w("label"), w("probability")], rows)
