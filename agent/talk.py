"""A conversation with a model itself, its untuned base beside it.

Nothing of the agent takes part in it: what is said goes to the models, what they write is shown,
and no tool can be reached from either. Each model remembers what it said itself.
"""

import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from core.errors import RequestRefused
from core.identity import Caller
from core.records.tables import Dataset
from serving.answers import Event
from tools.base import House

Json = dict[str, Any]
Speak = Callable[[Caller, str, Mapping[str, Any]], AsyncGenerator[Event, None]]
"""Caller, what is asked (an endpoint or a base) and the request; `Supervisor.agenerate`."""
Said = tuple[str, str]
"""What was asked, and what this model answered."""
MOST_CHARACTERS = 8_000
"""Of one message."""
MOST_EXCHANGES = 40
"""So many of the last exchanges are sent along, as far as they fit what the model reads."""
MOST_TOKENS = 512
LEAST_TOKENS = 128
"""Room for an answer, for which older exchanges make way."""
TOO_LONG = "prompt_too_long"


@dataclass(frozen=True)
class LeftOut:
    """So many of the oldest exchanges no longer fit what the model reads."""

    exchanges: int


@dataclass(frozen=True)
class Party:
    """Who is talked to."""

    target: str
    model: str
    """Such as `support@2`, or the name of the base."""
    untuned: bool = False


def parties(house: House, caller: Caller, endpoint: str) -> list[Party]:
    """The model behind an endpoint, then its base as it is without tuning.

    Raises RequestRefused when there is no such endpoint, it is not live, or its model classifies.
    """
    known = house.supervisor.endpoints
    row = known.get(caller, endpoint)
    if row.state != "live":
        raise RequestRefused(
            f"The endpoint {row.name} is {row.state}: nobody answers there.",
            code="stopped",
            param="endpoint",
            fix=f"Deploy {row.model} again, then talk to it.",
        )
    model = known.model(caller, row.model)
    if model.task != "chat":
        raise RequestRefused(
            f"The model {model.ref} chooses among labels: it cannot talk.",
            code="wrong_task",
            param="endpoint",
            fix="Ask it for a label with ask_endpoint, or fine-tune a chat model.",
        )
    return [Party(row.name, model.ref), Party(model.base_model, model.base_model, untuned=True)]


def instructions(house: House, caller: Caller, endpoint: str) -> str:
    """The system prompt that the model was trained with, where every row had the same one.

    Without it the model is asked in another way than it has learnt; empty where there is none.
    """
    dataset = learnt_from(house, caller, endpoint)
    if dataset is None:
        return ""
    prompts = dataset.profile.get("system_prompts") or {}
    if prompts.get("distinct") != 1 or prompts["rows"] < dataset.rows:
        return ""
    _, messages, _ = next(iter(house.datasets.conversations(dataset, "train")))
    return next((str(one["content"]) for one in messages if one["role"] == "system"), "")


def knows_one_question(house: House, caller: Caller, endpoint: str) -> bool:
    """Whether the model was trained on single questions: earlier messages would confuse it."""
    dataset = learnt_from(house, caller, endpoint)
    return dataset is not None and dataset.profile["roles"].get("user", 0) <= dataset.rows


def learnt_from(house: House, caller: Caller, endpoint: str) -> Dataset | None:
    """The conversations that the endpoint's model was trained on; None if they were deleted."""
    known = house.supervisor.endpoints
    model = known.model(caller, known.get(caller, endpoint).model)
    try:
        return house.datasets.get(caller, model.dataset)
    except RequestRefused:
        return None


def said_in(steps: Iterable[Mapping[str, Any]]) -> list[list[Said]]:
    """For the model and for its base what was asked and answered in a thread, oldest first.

    Args:
        steps: `type`, `output` and `metadata` (JSON text) of the user's messages and of the cards
            with the answers to them.
    """
    sides: list[list[Said]] = [[], []]
    asked: str | None = None
    for step in steps:
        if step["type"] == "user_message":
            asked = step["output"]
        elif asked is not None:
            exchanges = json.loads(step["metadata"])["view"]["exchanges"]
            for side, told in zip(sides, exchanges[0]["answers"], strict=False):
                side.append((asked, told["text"]))
            asked = None
    return sides


def check(text: str) -> str:
    """The message. Raises RequestRefused for one that is empty or too long."""
    if not text.strip():
        raise RequestRefused("There is nothing to answer in an empty message.", code="empty_text")
    if len(text) > MOST_CHARACTERS:
        raise RequestRefused(
            f"A message of {len(text):,} characters is too long; at most {MOST_CHARACTERS:,}.",
            code="text_too_long",
            fix="Send it in parts.",
        )
    return text


async def answer(
    speak: Speak, caller: Caller, party: Party, system: str, past: Sequence[Said], text: str
) -> AsyncIterator[Event | LeftOut]:
    """The model's answer as it comes, after what had to be left out of the conversation.

    Args:
        system: What stands before the conversation; nothing where it is empty.

    Raises what `speak` does.
    """
    known = [said for said in past if said[1]][-MOST_EXCHANGES:]
    tries = attempts(len(known))
    for number, (kept, most) in enumerate(tries, start=1):
        asked = request(system, known[len(known) - kept :], text, most)
        async with aclosing(speak(caller, party.target, asked)) as events:
            try:
                first = await anext(events)
            except RequestRefused as refusal:
                if refusal.code == TOO_LONG and number < len(tries):
                    continue
                raise
            yield LeftOut(len(known) - kept)
            yield first
            async for event in events:
                yield event
        return


def attempts(exchanges: int) -> list[tuple[int, int | None]]:
    """How many exchanges are sent along with how much room for the answer, the best first."""
    fewer = range(exchanges, -1, -1)
    return [(exchanges, MOST_TOKENS), *((kept, LEAST_TOKENS) for kept in fewer), (0, None)]


def request(system: str, past: Sequence[Said], text: str, most: int | None) -> Json:
    messages = [{"role": "system", "content": system}] if system else []
    for said, told in past:
        messages += [{"role": "user", "content": said}, {"role": "assistant", "content": told}]
    room = {} if most is None else {"max_tokens": most}
    asked = [*messages, {"role": "user", "content": text}]
    return {"messages": asked, "temperature": 0.0, **room}
