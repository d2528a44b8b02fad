"""The model used when no LLM is configured: understanding as a LangChain chat model.

It keeps nothing between calls. Each time it reads the conversation, makes the plan of the turn
anew (the same words give the same plan), sees which steps are done, and emits the next one.
"""

import json
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from agent.closing import Done, closing
from agent.language import Language, Words, words_in
from agent.understanding.plan import Plan, Turn
from agent.understanding.understand import understand
from agent.world import FileName, World, read_back


class Planner(BaseChatModel):
    """A chat model that understands what Thimble can do, and says so where it does not."""

    language: Language = "en"
    """What it answers in."""

    @property
    def _llm_type(self) -> str:
        return "thimble-planner"

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in pieces(self._answer(messages)):
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
            yield chunk

    def _answer(self, messages: Sequence[BaseMessage]) -> AIMessage:
        return answer(messages, words_in(self.language))


WORD = re.compile(r"\s*(?:[\u3000-\u9fff\uff00-\uffef]{1,3}|[^\s\u3000-\u9fff\uff00-\uffef]+)\s*")
"""A word, or a few Chinese characters, which have no spaces between them."""


def pieces(message: AIMessage) -> list[ChatGenerationChunk]:
    """The message word by word, then its tool calls."""
    chunks = [AIMessageChunk(content=piece) for piece in WORD.findall(str(message.text))]
    for index, made in enumerate(message.tool_calls):
        part = tool_call_chunk(
            name=made["name"], args=json.dumps(made["args"]), id=made["id"], index=index
        )
        chunks.append(AIMessageChunk(content="", tool_call_chunks=[part]))
    chunks.append(AIMessageChunk(content="", chunk_position="last"))
    return [ChatGenerationChunk(message=chunk) for chunk in chunks]


def answer(messages: Sequence[BaseMessage], w: Words) -> AIMessage:
    """The next thing to say or do in this conversation."""
    start = max(at for at, message in enumerate(messages) if isinstance(message, HumanMessage))
    plan = plan_of(messages, start)
    told = [done_of(message) for message in messages[start:] if isinstance(message, ToolMessage)]
    done = settled(plan, told)
    step = next(iter(plan.steps[len(done) :]), None)
    if step and len(done) < len(told) and told[-1].left_open:
        step = replace(step, arguments=step.arguments | step.if_unclear)
    if step is None or not goes_on(step.tool, done):
        return AIMessage(closing(plan, done, w))
    made = {"name": step.tool, "args": step.arguments, "id": f"call_{uuid.uuid4().hex[:12]}"}
    return AIMessage("", tool_calls=[made])


def settled(plan: Plan, done: Sequence[Done]) -> list[Done]:
    """Without the calls that are made once more, since the words tell what the data left open."""
    kept: list[Done] = []
    for each in done:
        step = next(iter(plan.steps[len(kept) :]), None)
        if not (each.left_open and step and step.if_unclear):
            kept.append(each)
    return kept


def goes_on(tool: str, done: Sequence[Done]) -> bool:
    """Whether this is called next: files that are taken in do not wait for one another."""
    if tool in ("create_dataset", "add_documents"):
        return not any(each.approval for each in done)
    return not any(each.stops for each in done)


def plan_of(messages: Sequence[BaseMessage], start: int) -> Plan:
    request = messages[start]
    world = world_of(messages)
    said = request.additional_kwargs.get("said", str(request.text))
    files = [FileName(**file) for file in request.additional_kwargs.get("files", [])]
    return understand(said, world, history(messages[:start]), files)


def world_of(messages: Sequence[BaseMessage]) -> World:
    prompts = [str(message.text) for message in messages if isinstance(message, SystemMessage)]
    return read_back("\n".join(prompts))


def history(messages: Sequence[BaseMessage]) -> list[Turn]:
    turns: list[Turn] = []
    for message in messages:
        if isinstance(message, HumanMessage):
            turns.append(Turn("user", message.additional_kwargs.get("said", str(message.text))))
        elif isinstance(message, AIMessage):
            calls = [{"tool": c["name"], "arguments": c["args"]} for c in message.tool_calls]
            turns += [Turn("call", json.dumps(call)) for call in calls]
            turns += [Turn("assistant", str(message.text))] if message.text else []
    return turns


def done_of(message: ToolMessage) -> Done:
    """What came of a step; of another turn's interrupted call only the text is left."""
    outcome = message.artifact if isinstance(message.artifact, dict) else {}
    failed = {"message": str(message.text)} if message.status == "error" else None
    return Done(
        tool=message.name or "",
        result=outcome.get("result"),
        approval=outcome.get("approval"),
        error=outcome.get("error", failed),
    )
