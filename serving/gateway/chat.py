"""`/v1/chat/completions` and `/v1/completions`: from a checked request to its answer."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from core.errors import ServiceFailed, ThimbleError
from core.identity import Caller
from serving.answers import Began, Ended, Event, Generated, Wrote
from serving.gateway.ask import Ask
from serving.gateway.classify import need_infer
from serving.gateway.shapes import Dialect, Envelope

log = logging.getLogger(__name__)
DONE = "data: [DONE]\n\n"
Json = dict[str, Any]


class Generates(Protocol):
    def agenerate(
        self, caller: Caller, target: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[Event, None]: ...


class BrokenOff(Exception):
    """A stream ended with an error that was already told in it."""


async def whole(supervisor: Generates, caller: Caller, ask: Ask, dialect: Dialect) -> Json:
    """The whole answer as JSON.

    Raises:
        RequestRefused: Nothing that can chat answers, it cannot take this, or the key may not ask.
        ServiceFailed: The model could not answer.
    """
    need_infer(caller)
    model, pieces = "", []
    async with aclosing(supervisor.agenerate(caller, ask.target, ask.request)) as events:
        async for event in events:
            match event:
                case Began():
                    model = event.model
                case Wrote():
                    pieces.append(event.text)
                case Ended():
                    answer = Generated(model, "".join(pieces), event)
                    return Envelope(dialect, ask.target).response(answer)
    raise ServiceFailed("The model gave no answer.", code="engine_error", fix="Try again.")


async def opened(
    supervisor: Generates, caller: Caller, ask: Ask, dialect: Dialect
) -> AsyncGenerator[str, None]:
    """The answer as server-sent events, begun: what `whole` raises is raised before the first.

    An error in the middle is told as OpenAI's clients read it; then BrokenOff is raised.
    """
    need_infer(caller)
    events = supervisor.agenerate(caller, ask.target, ask.request)
    first = await anext(events)
    assert isinstance(first, Began), "a model that says who it is, says it first"
    return told(events, first.model, Envelope(dialect, ask.target, ask.with_usage))


async def told(
    events: AsyncGenerator[Event, None], version: str, envelope: Envelope
) -> AsyncGenerator[str, None]:
    async with aclosing(events) as coming:
        for chunk in envelope.opening(version):
            yield line(chunk)
        try:
            async for event in coming:
                for chunk in chunks(event, version, envelope):
                    yield line(chunk)
        except ThimbleError as error:
            log.warning("an answer of %s broke off: %s", version, error)
            yield line({"error": error.as_dict()})
            raise BrokenOff from error
    yield DONE


def chunks(event: Event, version: str, envelope: Envelope) -> list[Json]:
    match event:
        case Wrote():
            return [envelope.chunk(version, envelope.dialect.piece(event.text))]
        case Ended():
            return list(envelope.closing(version, event))
    return []


def line(chunk: Json) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
