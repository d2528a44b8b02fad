"""Cards of a conversation with a model itself: how it begins, and answers side by side."""

from collections.abc import Sequence
from typing import Any, Protocol

from agent.language import Words
from agent.shown import errors
from agent.shown.conversations import joined_note
from agent.shown.figures import count, duration, excerpt
from agent.views import Answer, Exchange, Link, View
from core.errors import ThimbleError

Json = dict[str, Any]


class Model(Protocol):
    @property
    def model(self) -> str: ...
    @property
    def untuned(self) -> bool: ...


class Written(Protocol):
    """An answer as far as it is written."""

    @property
    def party(self) -> Model: ...

    text: str
    writing: bool
    left_out: int
    finish_reason: str
    tokens: int | None
    seconds: float
    error: ThimbleError | None


def bar(endpoint: str, address: str, w: Words) -> Json:
    """What the page says above all while one talks with a model."""
    return {
        "says": w("You are talking with {endpoint}, not with Thimble.", endpoint=endpoint),
        "back": w("Back to Thimble"),
        "placeholder": w("Say something to {endpoint}", endpoint=endpoint),
        "url": address,
    }


def beginning(
    endpoint: str,
    models: Sequence[Model],
    system: str,
    address: str,
    w: Words,
    *,
    alone: bool = False,
) -> View:
    """The first card of such a conversation, with the instructions that both models are given."""
    tuned, base = models[0].model, models[-1].model
    return View(
        title=w("Talk with {endpoint}", endpoint=endpoint),
        kind="talk",
        summary=w(
            "What you write here goes to {model} and, for comparison, to {base} as it is without "
            "tuning. Both answer side by side.",
            model=tuned,
            base=base,
        ),
        facts=[(w("System prompt"), excerpt(system, 400))] if system else [],
        notes=[
            *([each_alone(w)] if alone else []),
            w(
                "Thimble itself does not listen here: nothing that you or the models write can "
                "start anything. What a model says may be wrong."
            ),
        ],
        links=[Link(w("Back to Thimble"), address)],
    )


def each_alone(w: Words) -> str:
    return w(
        "The model was trained on single questions, so each message is answered by itself, without "
        "those before it."
    )


def answers(written: Sequence[Written], w: Words) -> View:
    """The answers to one message; each model's remark stands beside its name."""
    return View(
        title=w("Answers of {models}", models=" · ".join(one.party.model for one in written)),
        kind="talk",
        exchanges=[Exchange("", [], [answer(one, w) for one in written])],
        notes=[note for one in written for note in notes(one, w)],
    )


def answer(told: Written, w: Words) -> Answer:
    model = told.party.model
    name = w("untuned base ({model})", model=model) if told.party.untuned else model
    if told.error is not None:
        remark = w("broken off") if told.text else w("no answer")
        return Answer(name, told.text, remark, "bad")
    if told.writing:
        return Answer(name, told.text, writing=True)
    if not told.finish_reason:
        return Answer(name, told.text, w("stopped"), "wait")
    taken = joined_note(written_tokens(told.tokens, w), duration(told.seconds, w))
    if told.finish_reason == "length":
        return Answer(name, told.text, joined_note(w("cut at its limit"), taken), "wait")
    return Answer(name, told.text, taken)


def written_tokens(tokens: int | None, w: Words) -> str:
    return "" if tokens is None else w("{count} tokens", count=count(tokens))


def notes(told: Written, w: Words) -> list[str]:
    """Why there is no answer and what to do; what was said too long ago to be read."""
    found = []
    if told.error is not None:
        error = {"message": told.error.message, "fix": told.error.fix}
        words = " ".join([errors.message(error, w), *errors.fixes(error, w)])
        found.append(w("{label}: {value}", label=told.party.model, value=words))
    if told.left_out == 1:
        found.append(w("{model} no longer reads the oldest message.", model=told.party.model))
    elif told.left_out:
        found.append(
            w(
                "{model} no longer reads the oldest {count} messages.",
                model=told.party.model,
                count=count(told.left_out),
            )
        )
    return found
