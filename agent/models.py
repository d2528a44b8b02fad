"""Which model talks: the one that THIMBLE_LLM names, at any OpenAI-like address, else ours."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from agent.language import Language
from agent.planner import Planner
from agent.preferences import Preferences
from core.settings import Settings

TIMEOUT_S = 60.0
"""Longest wait for the next piece of an answer."""
TRIES = 3


class NoAnswer(Exception):
    """The server answered, but not with a stream of the OpenAI protocol."""


class StrictChatOpenAI(ChatOpenAI):
    """A chat model whose streamed tool calls are whole or malformed, never guessed.

    LangChain completes a cut `{"dataset": "a", "ran` to something valid; that must not run.
    """

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        held: list[ToolCallChunk] = []
        answered = False
        async for chunk in super()._astream(*args, **kwargs):
            answered = True
            message = chunk.message
            if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
                held += message.tool_call_chunks
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=message.content))
            yield chunk
        if not answered:
            raise NoAnswer
        if held:
            whole = AIMessageChunk(content="", tool_call_chunks=joined(held))
            yield ChatGenerationChunk(message=whole)


def joined(pieces: list[ToolCallChunk]) -> list[ToolCallChunk]:
    """One chunk for each call; arguments that are no JSON object become a JSON text, which
    LangChain lists among the invalid calls."""
    calls: dict[int | None, ToolCallChunk] = {}
    for piece in pieces:
        call = calls.setdefault(piece["index"], {**piece, "args": ""})
        call["name"] = call["name"] or piece["name"]
        call["id"] = call["id"] or piece["id"]
        call["args"] = (call["args"] or "") + (piece["args"] or "")
    for call in calls.values():
        call["args"] = checked(call["args"] or "{}")
    return list(calls.values())


def checked(text: str) -> str:
    try:
        return text if isinstance(json.loads(text), dict) else json.dumps(text)
    except json.JSONDecodeError:
        return json.dumps(text)


def chat_model(settings: Settings, preferences: Preferences, language: Language) -> BaseChatModel:
    """The model for conversations. A key in the shell alone never switches an outside one on."""
    llm = preferences.llm(settings)
    if llm is None:
        return Planner(language=language)
    return StrictChatOpenAI(
        model=llm,
        base_url=settings.llm_base_url,
        # Servers on the own network mostly need no key, but the client insists on one.
        api_key=SecretStr(settings.llm_api_key or "none"),
        timeout=TIMEOUT_S,
        max_retries=TRIES - 1,
        stream_usage=True,
        http_async_client=httpx.AsyncClient(event_hooks={"response": [no_use_to_retry]}),
    )


async def no_use_to_retry(response: httpx.Response) -> None:
    """Tell the client's retries, by the header they obey, that a used-up quota stays used up."""
    if response.status_code == 429 and b"insufficient_quota" in await response.aread():
        response.headers["x-should-retry"] = "false"


def where_text_goes(settings: Settings) -> str:
    """One sentence for the user: which model reads the conversation, and where it runs."""
    if settings.llm is None:
        return "The built-in planner answers; nothing you write leaves this machine."
    address = settings.llm_base_url or "its provider's address"
    return f"{settings.llm} answers; what you write here is sent to {address}."
