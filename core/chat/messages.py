"""What a conversation is, and the check that every conversation from outside goes through."""

from typing import Any

from core.errors import RequestRefused
from core.strict_json import check_value, kind, parse

Message = dict[str, Any]
"""{"role", "content"} and, where they are given, "tool_calls", "tool_call_id", "name",
"reasoning_content" and "weight" (1, or 0 for an answer that is not trained on)."""
ROLES = ("system", "user", "assistant", "tool")
SAME_ROLE = {"developer": "system"}
"""OpenAI's newer name for instructions."""
REASONING = ("reasoning_content", "thinking", "reasoning")
"""Where others write what a model thought before it answered."""
FIELDS = {"role", "content", "tool_calls", "tool_call_id", "name", "weight", "refusal", *REASONING}
MAX_MESSAGES = 1_000
MAX_CHARACTERS = 4_000_000
"""Of a whole conversation: about a million tokens, more than any base reads at once."""
MAX_TOOL_CALLS = 128
NO_ANSWER = "no_answer"
"""Code of the refusal of a training row that is a conversation, but teaches nothing."""
SEND_MESSAGES = (
    "Send a list of messages, each with role and content, that ends with one of the user."
)


def check_messages(value: Any, where: str, *, generate: bool) -> list[Message]:
    """The conversation in one spelling: content is text, arguments of tools are objects.

    Args:
        value: What was given.
        where: Its place in words, such as `Row 12` or `messages`; errors begin with it.
        generate: True for a request (the last message must leave the turn to the model); False
            for a training row (an answer that is trained on must be there).

    Raises:
        RequestRefused: (code `bad_messages`) It is no conversation; names message, field, reason.
            (code `no_answer`) A training row without an answer that is trained on.
    """
    if not isinstance(value, list) or not value:
        raise refused(
            f"{where}: a list of messages is expected, not {describe(value)}.",
            SEND_MESSAGES if generate else "Correct the row.",
        )
    if len(value) > MAX_MESSAGES:
        raise refused(
            f"{where}: {len(value):,} messages are more than {MAX_MESSAGES:,}.",
            "Split the conversation, or leave out its beginning.",
        )
    messages = [
        one_message(message, f"{where}, message {number}")
        for number, message in enumerate(value, start=1)
    ]
    check_size(messages, where)
    if generate:
        check_last(messages, where)
    else:
        check_answers(messages, where)
    return messages


def one_message(value: Any, place: str) -> Message:
    if not isinstance(value, dict):
        raise refused(
            f"{place}: an object with role and content is expected, not {kind(value)}.",
            'Write {"role": "user", "content": …}.',
        )
    check_surrogates(value, place)
    if unknown := sorted(str(name) for name in value if name not in FIELDS):
        raise refused(f"{place}: the field {unknown[0][:80]!r} is unknown.", "Remove it.")
    role = read_role(value.get("role"), place)
    message: Message = {"role": role, "content": read_content(value, role, place)}
    if value.get("tool_calls"):
        message["tool_calls"] = read_calls(value["tool_calls"], role, place)
    for name in ("tool_call_id", "name"):
        if value.get(name) is not None:
            message[name] = text_field(value[name], name, place)
    if reasoning := next((value[name] for name in REASONING if value.get(name)), None):
        message["reasoning_content"] = text_field(reasoning, "reasoning_content", place)
    return message | read_weight(value, role, place)


def check_surrogates(value: Any, place: str) -> None:
    try:
        check_value(value)
    except RequestRefused as error:
        raise refused(f"{place}: {error.message}", "Correct the text.") from None


def read_role(role: Any, place: str) -> str:
    fix = f"Use one of: {', '.join(ROLES)}."
    if role is None:
        raise refused(f"{place}: the role is missing.", fix)
    role = SAME_ROLE.get(role, role) if isinstance(role, str) else role
    if role not in ROLES:
        raise refused(f"{place}: the role {str(role)[:80]!r} is unknown.", fix)
    return str(role)


def read_content(value: dict[str, Any], role: str, place: str) -> str:
    content = value.get("content")
    if content is None and role == "assistant" and (value.get("tool_calls") or spoken(value)):
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part_text(part, place) for part in content)
    if content is None:
        raise refused(f"{place}: content is missing.", "Give the text of the message.")
    raise refused(
        f"{place}: content is a {kind(content)}, not text.", "Give the text of the message."
    )


def spoken(value: dict[str, Any]) -> bool:
    return any(value.get(name) for name in REASONING)


def part_text(part: Any, place: str) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": str(other)} if other != "text":
            raise refused(
                f"{place}: a part of content is of type {other[:80]!r}; only text is supported.",
                "Leave out images and audio.",
                code="not_text",
            )
    raise refused(f"{place}: a part of content has no text.", 'Write {"type": "text", "text": …}.')


def read_calls(calls: Any, role: str, place: str) -> list[dict[str, Any]]:
    if role != "assistant":
        raise refused(f"{place}: only an assistant calls tools, not a {role}.", "Correct the role.")
    if not isinstance(calls, list) or len(calls) > MAX_TOOL_CALLS:
        raise refused(
            f"{place}: tool_calls is not a list of at most {MAX_TOOL_CALLS} calls.",
            "Write tool_calls as a list, or leave it out.",
        )
    return [read_call(call, place) for call in calls]


def read_call(call: Any, place: str) -> dict[str, Any]:
    match call:
        case {"function": {"name": str(name)} as function} if call.get("type") in (
            None,
            "function",
        ):
            arguments = read_arguments(function.get("arguments", {}), name, place)
            read = {"type": "function", "function": {"name": name, "arguments": arguments}}
            return read | ({"id": str(call["id"])} if call.get("id") else {})
    raise refused(
        f"{place}: a call in tool_calls has no function with a name.",
        'Write {"type": "function", "function": {"name": …, "arguments": {…}}}.',
    )


def read_arguments(arguments: Any, name: str, place: str) -> dict[str, Any]:
    """As an object, which is what templates print; OpenAI's files have it as JSON text."""
    if isinstance(arguments, str):
        try:
            arguments = parse(arguments or "{}")
        except RequestRefused as error:
            raise refused(
                f"{place}: the arguments of {name[:80]!r} are no JSON: {error.message}",
                "Write the arguments as a JSON object.",
            ) from None
    if not isinstance(arguments, dict):
        raise refused(
            f"{place}: the arguments of {name[:80]!r} are a {kind(arguments)}, not an object.",
            "Write the arguments as a JSON object.",
        )
    return arguments


def text_field(value: Any, name: str, place: str) -> str:
    if not isinstance(value, str):
        raise refused(
            f"{place}: {name} is a {kind(value)}, not text.",
            f"Write {name} as text, or leave it out.",
        )
    return value


def read_weight(value: dict[str, Any], role: str, place: str) -> dict[str, int]:
    weight = value.get("weight")
    if weight is None:
        return {}
    if isinstance(weight, bool) or weight not in (0, 1):
        raise refused(
            f"{place}: weight is {str(weight)[:40]!r}.", "Use 1, or 0 to leave an answer untrained."
        )
    if role != "assistant":
        raise refused(f"{place}: only an assistant's message has a weight.", "Remove it.")
    return {"weight": int(weight)}


def check_size(messages: list[Message], where: str) -> None:
    total = sum(len(message["content"]) for message in messages)
    if total > MAX_CHARACTERS:
        raise refused(
            f"{where}: {total:,} characters are more than {MAX_CHARACTERS:,}.",
            "Shorten the conversation.",
        )


def check_last(messages: list[Message], where: str) -> None:
    if (role := messages[-1]["role"]) not in ("user", "tool"):
        raise refused(
            f"{where}: the last message is from {role!r}, so there is nothing to answer.",
            "End with a message of the user or of a tool.",
        )


def check_answers(messages: list[Message], where: str) -> None:
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        raise refused(
            f"{where}: no message is from the assistant, so there is nothing to learn.",
            "Add the answer that you want.",
            NO_ANSWER,
        )
    if not any(is_trained(message) for message in answers):
        raise refused(
            f"{where}: every answer is empty or has weight 0, so there is nothing to learn.",
            "Give one answer a text and weight 1, or remove the row.",
            NO_ANSWER,
        )


def is_trained(message: Message) -> bool:
    """Whether it is an answer that a model should learn."""
    if message["role"] != "assistant" or message.get("weight") == 0:
        return False
    return bool(
        message["content"].strip() or message.get("tool_calls") or message.get("reasoning_content")
    )


def describe(value: Any) -> str:
    return "empty list" if value == [] else kind(value)


def refused(what: str, fix: str, code: str = "bad_messages") -> RequestRefused:
    return RequestRefused(what, code=code, param="messages", fix=fix)
