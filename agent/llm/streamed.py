"""One streamed answer: what came of it so far, whether it goes on, and whether it came whole."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from agent.budget import Limits
from agent.llm.pieces import joined
from agent.llm.thoughts import Aloud
from agent.llm.usage import Use, estimated, estimated_input
from agent.trouble import AnswerTooLong, CutOff, NothingSaid, TooSlow, Withheld

THOUGHTS, CALLS = "thoughts", "calls"
"""Under which a chunk carries along what LangChain has no field for."""
TOO_LONG = ("length", "max_tokens")
WITHHELD = ("content_filter", "safety")
BROKEN = (None, "error")
"""Reasons of an end that is none: a server that has finished says so."""
MOST_CHARACTERS_PER_TOKEN = 8
"""With more than this for each token asked for, the server does not keep to the budget."""


@dataclass
class Answer:
    """What has come of one answer."""

    limits: Limits
    began: bool = False
    text: str = ""
    """What is said."""
    fresh: str = ""
    """The part of it that was not handed on yet."""
    thoughts: str = ""
    aloud: Aloud = field(default_factory=Aloud)
    pieces: list[ToolCallChunk] = field(default_factory=list)
    finish: str | None = None
    usage: UsageMetadata | None = None

    def take(self, chunk: ChatGenerationChunk) -> bool:
        """Add a chunk; returns whether it carried anything. Raises AnswerTooLong."""
        before = self.characters
        self.began = True
        extra = chunk.message.additional_kwargs
        said, thought = self.aloud.take(str(chunk.message.text))
        self.fresh += said
        self.text += said
        self.thoughts += thought + extra.get(THOUGHTS, "")
        self.pieces += extra.get(CALLS, [])
        self.finish = (chunk.generation_info or {}).get("finish_reason") or self.finish
        if isinstance(chunk.message, AIMessageChunk) and chunk.message.usage_metadata:
            self.usage = chunk.message.usage_metadata
        if self.characters > MOST_CHARACTERS_PER_TOKEN * self.limits.output_tokens:
            raise AnswerTooLong
        return self.characters > before or self.finish is not None

    @property
    def arguments(self) -> str:
        return "".join(f"{piece['name'] or ''}{piece['args'] or ''}" for piece in self.pieces)

    @property
    def characters(self) -> int:
        return len(self.text) + len(self.thoughts) + len(self.arguments)

    def said(self) -> str:
        """What was said since this was last asked."""
        said, self.fresh = self.fresh, ""
        return said

    def end(self) -> None:
        """The stream has ended: what was held back as a possible mark is said after all."""
        rest = self.aloud.rest()
        self.text += rest
        self.fresh += rest

    def calls(self) -> list[ToolCallChunk]:
        """The calls of the answer, now that its stream has ended.

        Raises CutOff, AnswerTooLong, Withheld or NothingSaid for one that is not whole.
        """
        if self.finish in BROKEN:
            raise CutOff
        if self.finish in TOO_LONG:
            raise AnswerTooLong
        if self.finish in WITHHELD:
            raise Withheld
        if not self.text.strip() and not self.pieces:
            raise NothingSaid
        return joined(self.pieces)

    def use(self, messages: Sequence[BaseMessage]) -> Use:
        """What the server says that it took, otherwise what the texts make about."""
        if self.usage is not None:
            return Use(self.usage["input_tokens"], self.usage["output_tokens"])
        written = estimated(self.text + self.thoughts + self.arguments)
        return Use(estimated_input(messages), written, estimated=True)


async def paced(
    source: AsyncIterator[ChatGenerationChunk], answer: Answer, limits: Limits
) -> AsyncIterator[ChatGenerationChunk]:
    """The chunks of the source, taken into the answer. Raises TooSlow when too little comes."""
    clock = asyncio.get_running_loop().time
    deadline, since, had = clock() + limits.first_s, clock(), 0
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(source)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise TooSlow from error
        if answer.take(chunk):
            deadline = clock() + limits.gap_s
        if clock() - since >= limits.pace_s:
            if answer.characters - had < limits.pace_characters:
                raise TooSlow
            since, had = clock(), answer.characters
        yield chunk
