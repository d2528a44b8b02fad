"""What may be asked of a chat model: OpenAI's fields, each checked; none that nothing reads.

A field that we do not have is refused by name, since an answer made without it would not be what
was asked for. Values that say "as usual" pass: some clients spell them out. So do the fields of
`IGNORED`, which label a request and cannot change its answer.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.chat.messages import check_messages
from core.errors import RequestRefused
from serving.gateway.classify import missing
from serving.requests import is_unicode

CHAT_FIELDS = (
    *("model", "messages", "tools", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
    *("seed", "stop", "stream", "stream_options"),
)
TEXT_FIELDS = (
    *("model", "prompt", "max_tokens", "temperature", "top_p", "seed", "stop", "stream"),
    "stream_options",
)
AS_USUAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tool_choice": ("auto", "none"),
    "store": (False,),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
}
"""Fields of OpenAI that we do not have, and the values that ask for nothing."""
ONE_ANSWER = ("n", "best_of")
MAX_LABEL = 512
"""Characters of `user` and of each text in `metadata`; OpenAI takes as many of the latter."""
MAX_LABELS = 16
"""Texts in `metadata`, as OpenAI has it."""
TEXT_TOKENS = 16
"""Written by `/v1/completions` where max_tokens is left out, as OpenAI has it."""
MAX_PROMPT_CHARACTERS = 1_000_000
MAX_TOKENS = 1_000_000
MAX_TEMPERATURE = 2.0
MAX_STOPS = 4
MAX_STOP_CHARACTERS = 200
MAX_TOOLS = 128
Json = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """A checked request."""

    target: str
    request: Json
    """As the engine takes it."""
    stream: bool
    with_usage: bool
    """Whether a stream tells its usage at the end."""


def chat(body: Mapping[str, Any]) -> Ask:
    """What the body of `/v1/chat/completions` asks. Raises RequestRefused naming the field."""
    given = known(body, CHAT_FIELDS)
    if "max_tokens" in given and "max_completion_tokens" in given:
        raise wrong(
            "max_tokens and max_completion_tokens stand side by side.",
            "max_completion_tokens",
            "Give one of the two.",
        )
    if "messages" not in given:
        raise missing("messages", "Give a list of messages, each with role and content.")
    messages = check_messages(given["messages"], "The conversation", generate=True)
    # "none" forbids calls: a model that is shown no functions knows of none to call.
    shown_tools = tools(given.get("tools"))
    asked = {
        "messages": messages,
        "tools": None if body.get("tool_choice") == "none" else shown_tools,
    }
    limit = given.get("max_completion_tokens", given.get("max_tokens"))
    return make(given, asked | sampling(given, limit))


def text(body: Mapping[str, Any]) -> Ask:
    """What the body of `/v1/completions` asks. Raises RequestRefused naming the field."""
    given = known(body, TEXT_FIELDS)
    if "prompt" not in given:
        raise missing("prompt", "Give the text that the model should go on with.")
    asked = {"prompt": prompt(given["prompt"])}
    return make(given, asked | sampling(given, given.get("max_tokens", TEXT_TOKENS)))


def make(given: Json, request: Json) -> Ask:
    target = given.get("model")
    if not isinstance(target, str) or not target:
        raise missing("model", "Name a live endpoint.")
    stream = flag(given, "stream")
    return Ask(target, request, stream, stream_options(given.get("stream_options"), stream))


def known(body: Mapping[str, Any], fields: tuple[str, ...]) -> Json:
    """What is given, without nulls; `null` is OpenAI's way to leave a field out."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in given.keys() - set(fields):
        if name in IGNORED:
            IGNORED[name](name, given[name])
        elif not any(same(given[name], value) for value in AS_USUAL.get(name, ())):
            raise unsupported(name, fields)
    return {name: given[name] for name in fields if name in given}


def same(given: Any, usual: Any) -> bool:
    """Equal, where True is not 1."""
    return bool(given == usual) and isinstance(given, bool) == isinstance(usual, bool)


def unsupported(name: str, fields: tuple[str, ...]) -> RequestRefused:
    if name not in AS_USUAL:
        return RequestRefused(
            f"There is no field {name[:80]!r} here.",
            code="unknown_argument",
            param=name[:80],
            fix=f"Known: {', '.join(fields)}.",
        )
    if name in ONE_ANSWER:
        return RequestRefused(
            f"{name} can only be 1: a request gets one answer.",
            code="unknown_argument",
            param=name,
            fix="Leave it out, and send the request again for each further answer.",
        )
    return RequestRefused(
        f"{name} is not supported.",
        code="unknown_argument",
        param=name,
        fix="Leave it out: the answer would not be what it asks for.",
    )


def check_label(name: str, value: Any) -> None:
    if not is_label(value):
        fix = f"Give a text of at most {MAX_LABEL} characters."
        raise wrong(f"{name} cannot be {shown(value)}.", name, fix)


def check_labels(name: str, value: Any) -> None:
    if (
        not isinstance(value, dict)
        or len(value) > MAX_LABELS
        or not all(map(is_label, value.values()))
    ):
        fix = f"Give an object of at most {MAX_LABELS} texts of at most {MAX_LABEL} characters."
        raise wrong(f"{name} cannot be {shown(value)}.", name, fix)


def is_label(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_LABEL


def check_flag(name: str, value: Any) -> None:
    flag({name: value}, name)


IGNORED: dict[str, Callable[[str, Any], None]] = {
    "user": check_label,
    "metadata": check_labels,
    "parallel_tool_calls": check_flag,
}
"""Taken and not used, each with the check of its form: clients send them by themselves. `user` and
`metadata` label a request for OpenAI's own lists. `parallel_tool_calls` is about calls that the
server reads out of an answer; here the answer is handed on as the text that the model wrote."""


def sampling(given: Json, max_tokens: Any) -> Json:
    """How tokens are chosen, with OpenAI's defaults."""
    return {
        "max_tokens": max_tokens if max_tokens is None else count(given, max_tokens),
        "temperature": number(given, "temperature", 0.0, MAX_TEMPERATURE),
        "top_p": number(given, "top_p", 0.0, 1.0),
        "seed": seed(given.get("seed")),
        "stop": stops(given.get("stop", [])),
    }


def count(given: Json, value: Any) -> int:
    name = "max_completion_tokens" if "max_completion_tokens" in given else "max_tokens"
    if not is_whole(value) or not 1 <= value <= MAX_TOKENS:
        fix = f"Give a whole number from 1 to {MAX_TOKENS:,}."
        raise wrong(f"{name} cannot be {shown(value)}.", name, fix)
    return int(value)


def number(given: Json, name: str, lowest: float, highest: float) -> float:
    value = given.get(name, 1.0)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not lowest <= value <= highest or (name == "top_p" and value == 0):
        above = f"Give a number above {lowest:g}, at most {highest:g}."
        fix = above if name == "top_p" else f"Give a number from {lowest:g} to {highest:g}."
        raise wrong(f"{name} cannot be {shown(value)}.", name, fix)
    return float(value)


def seed(value: Any) -> int | None:
    if value is None:
        return None
    if not is_whole(value):
        raise wrong(f"seed cannot be {shown(value)}.", "seed", "Give a whole number.")
    return int(value)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def stops(value: Any) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or len(given) > MAX_STOPS:
        fix = f"Give at most {MAX_STOPS} texts."
        raise wrong("stop is neither a text nor a short list.", "stop", fix)
    for one in given:
        if not isinstance(one, str) or not 0 < len(one) <= MAX_STOP_CHARACTERS:
            fix = f"Give texts of 1 to {MAX_STOP_CHARACTERS} characters."
            raise wrong(f"stop has {shown(one)} in it.", "stop", fix)
    return given


def flag(given: Json, name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise wrong(f"{name} cannot be {shown(value)}.", name, "Give true or false.")
    return value


def stream_options(value: Any, stream: bool) -> bool:
    """Whether the usage is wanted. OpenAI refuses options of a stream that is none; so do we."""
    if value is None:
        return False
    if not stream:
        fix = 'Add "stream": true.'
        raise wrong("stream_options stands without stream.", "stream_options", fix)
    if not isinstance(value, dict) or value.keys() - {"include_usage", "include_obfuscation"}:
        fix = 'Give {"include_usage": true}.'
        raise wrong("stream_options is not known.", "stream_options", fix)
    # Some clients switch the padding of chunks off by name; nobody gets it here.
    if flag(value, "include_obfuscation"):
        fix = 'Give {"include_usage": true}.'
        raise wrong("stream_options asks for obfuscation.", "stream_options", fix)
    return flag(value, "include_usage")


def prompt(value: Any) -> str:
    """One text. Tokens by number and several prompts at once are not taken."""
    given = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(given, str):
        raise wrong("prompt is not one text.", "prompt", "Send one text in each request.")
    if not 0 < len(given) <= MAX_PROMPT_CHARACTERS:
        fix = f"Send 1 to {MAX_PROMPT_CHARACTERS:,} characters."
        raise wrong(f"prompt has {len(given):,} characters.", "prompt", fix)
    if not is_unicode(given):
        raise wrong("prompt has half a character in it.", "prompt", "Correct the text.")
    return given


def tools(value: Any) -> list[Json] | None:
    """Functions that the template shows to the model; what it writes of them comes as text."""
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        fix = f"Give at most {MAX_TOOLS}."
        raise wrong("tools is not a list of functions.", "tools", fix)
    for one in value:
        if not is_function(one):
            fix = 'Write {"type": "function", "function": {"name": …}}.'
            raise wrong(f"tools has {shown(one)} in it.", "tools", fix)
    return value


def is_function(one: Any) -> bool:
    match one:
        case {"type": "function", "function": {"name": str()}}:
            return True
    return False


def shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, str) else str(value)[:40]


def wrong(message: str, param: str, fix: str) -> RequestRefused:
    return RequestRefused(message, code="invalid_argument", param=param, fix=fix)
