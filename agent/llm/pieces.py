"""The pieces of a streamed answer, as servers send them, made what the protocol says.

Servers that call themselves OpenAI-compatible leave out indexes and ids of tool calls, send
content as a list or null, refusals and thoughts in fields of their own. LangChain drops what it
does not expect, so it is put right before.
"""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

Json = dict[str, Any]
THOUGHTS = ("reasoning_content", "reasoning", "thinking")


def tidied(chunk: Json) -> Json:
    """The raw chunk with whole choices; tool calls are left to `calls_in`."""
    choices = [choice for choice in chunk.get("choices") or [] if isinstance(choice, dict)]
    return {**chunk, "choices": [{**choice, "delta": delta_of(choice)} for choice in choices[:1]]}


def delta_of(choice: Json) -> Json:
    given = said_by(choice)
    refusal = given.get("refusal")
    content = text_of(given.get("content")) or (refusal if isinstance(refusal, str) else "")
    return {"role": "assistant", "content": content}


def said_by(choice: Json) -> Json:
    """The delta; some servers send the whole message instead."""
    given = choice.get("delta") or choice.get("message")
    return given if isinstance(given, dict) else {}


def text_of(content: Any) -> str:
    """Text that is a string, or a list of parts of which some are text."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def calls_in(chunk: Json) -> list[ToolCallChunk]:
    """The pieces of tool calls in a raw chunk; the index is None where none was sent."""
    made = [
        call
        for choice in (chunk.get("choices") or [])[:1]
        for call in said_by(choice).get("tool_calls") or []
        if isinstance(call, dict)
    ]
    return [piece_of(call) for call in made]


def piece_of(call: Json) -> ToolCallChunk:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    index = call.get("index")
    return tool_call_chunk(
        name=function.get("name") or None,
        args=arguments,
        id=call.get("id") or None,
        index=index if isinstance(index, int) else None,
    )


def thoughts_in(chunk: Json) -> str:
    """What the model thinks aloud in fields of its own. It is not shown; it shows that it works."""
    given = [said_by(choice) for choice in (chunk.get("choices") or [])[:1]]
    found = [delta.get(name) for delta in given for name in THOUGHTS]
    return "".join(text for text in found if isinstance(text, str))


def joined(pieces: Iterable[ToolCallChunk]) -> list[ToolCallChunk]:
    """One chunk for each call, in the order in which they began.

    Ids are ours, because some servers send none, or the same ones in each answer, and some
    accept only nine letters and digits. Arguments that are no JSON object become a JSON text,
    which LangChain lists among the invalid calls.
    """
    calls: list[ToolCallChunk] = []
    for piece in pieces:
        call = continued(calls, piece)
        if call is None:
            calls.append({**piece, "args": piece["args"] or ""})
        else:
            call["name"] = call["name"] or piece["name"]
            call["args"] = (call["args"] or "") + (piece["args"] or "")
    return [
        tool_call_chunk(
            # A call without a name is one of a tool that does not exist.
            name=call["name"] or "unnamed",
            args=checked(call["args"] or "{}"),
            id=uuid.uuid4().hex[:9],
            index=at,
        )
        for at, call in enumerate(calls)
    ]


def continued(calls: list[ToolCallChunk], piece: ToolCallChunk) -> ToolCallChunk | None:
    """The begun call that a piece goes on with; None when it begins one."""
    index = piece["index"]
    same = [call for call in calls if index is not None and call["index"] == index]
    if not same and (index is not None or piece["name"]):
        return None
    found = same[-1] if same else calls[-1] if calls else None
    if found and piece["name"] and piece["id"] and piece["id"] != found["id"]:
        return None  # every call of the answer was numbered 0
    return found


def checked(text: str) -> str:
    try:
        return text if isinstance(json.loads(text), dict) else json.dumps(text)
    except json.JSONDecodeError:
        return json.dumps(text)
