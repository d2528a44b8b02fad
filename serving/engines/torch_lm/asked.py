"""A request as the engine understands it, checked against what this base can do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.chat.messages import check_messages
from core.errors import RequestRefused

FIELDS = ("messages", "tools", "prompt", "max_tokens", "temperature", "top_p", "seed", "stop")
MAX_STOPS, MAX_STOP_LENGTH = 4, 200
MAX_TEMPERATURE = 2.0
MAX_SEED = 2**63


class Tokens(Protocol):
    """What we need of `core.chat.tokens.ChatTokenizer`."""

    template_sha256: str
    tokenizer_sha256: str
    ends: frozenset[int]

    def prompt(self, messages: Any, tools: Any = None) -> list[int]: ...

    def plain(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int], skip_special: bool = True) -> str: ...


@dataclass(frozen=True)
class Asked:
    """What one row has to do."""

    ids: list[int]
    """The prompt's tokens, at least one."""
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    stop: tuple[str, ...]


def read_request(request: Mapping[str, Any], tokens: Tokens, room: int) -> Asked:
    """The request, with every default filled in.

    Args:
        request: `messages` (and `tools`), or `prompt`; then `max_tokens` (default: as many as
            fit), `temperature` 0 to 2 (default 0: always the likeliest token), `top_p` above 0 to 1
            (default 1), `seed` (default: another one each time), `stop` (text, or up to 4 texts).
        room: Tokens that prompt and answer may have together.

    Raises:
        RequestRefused: Says what is wrong and with which numbers.
    """
    if unknown := sorted(set(request) - set(FIELDS)):
        raise refused(
            str(unknown[0])[:80],
            f"A request has no field {str(unknown[0])[:80]!r}.",
            f"Known: {', '.join(FIELDS)}.",
        )
    ids = prompt_ids(request, tokens)
    max_tokens = whole(request, "max_tokens", 1, 2**31, max(1, room - len(ids)))
    if len(ids) + max_tokens > room:
        raise too_long(len(ids), max_tokens, room)
    return Asked(
        ids,
        max_tokens,
        number(request, "temperature", 0.0, MAX_TEMPERATURE, 0.0),
        number(request, "top_p", 0.0, 1.0, 1.0),
        whole(request, "seed", -MAX_SEED, MAX_SEED - 1, None),
        read_stop(request.get("stop")),
    )


def prompt_ids(request: Mapping[str, Any], tokens: Tokens) -> list[int]:
    if (request.get("messages") is None) == (request.get("prompt") is None):
        raise refused(
            "messages", "messages or prompt is needed, and not both.", "Give one of them."
        )
    if request.get("messages") is not None:
        messages = check_messages(request["messages"], "messages", generate=True)
        ids = tokens.prompt(messages, request.get("tools"))
    else:
        prompt = request["prompt"]
        if not isinstance(prompt, str) or not is_unicode(prompt):
            raise refused("prompt", "prompt is not a text.", "Give one text.")
        ids = tokens.plain(prompt)
    if not ids:
        raise refused("prompt", "The prompt is empty.", "Give at least one word.")
    return ids


def read_stop(given: Any) -> tuple[str, ...]:
    stop = [given] if isinstance(given, str) else given or []
    if not isinstance(stop, list | tuple) or len(stop) > MAX_STOPS:
        raise refused(
            "stop", f"stop is neither a text nor a list of at most {MAX_STOPS}.", "Give fewer."
        )
    for one in stop:
        if not isinstance(one, str) or not 0 < len(one) <= MAX_STOP_LENGTH or not is_unicode(one):
            raise refused(
                "stop",
                f"stop holds something that is not a text of 1 to {MAX_STOP_LENGTH} characters.",
                "Leave it out or shorten it.",
            )
    return tuple(dict.fromkeys(stop))


def number(
    request: Mapping[str, Any], name: str, least: float, most: float, default: float
) -> float:
    value = request.get(name)
    if value is None:
        return default
    right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not right or not least <= value <= most or (name == "top_p" and value == 0):
        said = f"above {least:g} to {most:g}" if name == "top_p" else f"{least:g} to {most:g}"
        raise refused(name, f"{name} is {str(value)[:40]!r}.", f"Give a number, {said}.")
    return float(value)


def whole(request: Mapping[str, Any], name: str, least: int, most: int, default: Any) -> Any:
    value = request.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise refused(
            name, f"{name} is {str(value)[:40]!r}.", f"Give a whole number from {least} on."
        )
    return value


def is_unicode(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def refused(name: str, message: str, fix: str) -> RequestRefused:
    return RequestRefused(message, param=name, fix=fix)


def too_long(prompt: int, answer: int, room: int) -> RequestRefused:
    if prompt >= room:
        return RequestRefused(
            f"The prompt has {prompt:,} tokens; prompt and answer together may have {room:,}.",
            code="prompt_too_long",
            param="messages",
            fix="Shorten the conversation.",
        )
    return RequestRefused(
        f"The prompt has {prompt:,} tokens and max_tokens is {answer:,}; together they may be "
        f"{room:,}.",
        code="prompt_too_long",
        param="max_tokens",
        fix=f"Set max_tokens to {room - prompt:,} or less, or shorten the conversation.",
    )
