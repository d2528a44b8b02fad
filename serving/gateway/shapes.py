"""Answers of chat models as OpenAI's clients know them, whole and in chunks."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from serving.answers import Ended, Generated

Json = dict[str, Any]


@dataclass(frozen=True)
class Dialect:
    """What differs between the two routes."""

    prefix: str
    whole: str
    chunk: str
    is_chat: bool

    def told(self, text: str) -> Json:
        """A whole answer inside its choice."""
        if self.is_chat:
            return {"message": {"role": "assistant", "content": text, "refusal": None}}
        return {"text": text}

    def piece(self, text: str) -> Json:
        return {"delta": {"content": text}} if self.is_chat else {"text": text}

    def end(self) -> Json:
        return {"delta": {}} if self.is_chat else {"text": ""}


CHAT = Dialect("chatcmpl", "chat.completion", "chat.completion.chunk", is_chat=True)
TEXT = Dialect("cmpl", "text_completion", "text_completion", is_chat=False)


@dataclass(frozen=True)
class Envelope:
    """What stands around each piece of one answer."""

    dialect: Dialect
    target: str
    """The model as it was asked for."""
    with_usage: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def response(self, answer: Generated) -> Json:
        choice = choice_of(self.dialect.told(answer.text), answer.ended.finish_reason)
        whole = self.around(self.dialect.whole, answer.model, [choice])
        return whole | {"usage": usage(answer.ended)}

    def opening(self, version: str) -> Iterator[Json]:
        """Who speaks, before the first word; only chats have it."""
        if self.dialect.is_chat:
            yield self.chunk(version, {"delta": {"role": "assistant", "content": ""}})

    def chunk(self, version: str, said: Json, finish_reason: str | None = None) -> Json:
        made = self.around(self.dialect.chunk, version, [choice_of(said, finish_reason)])
        return made | ({"usage": None} if self.with_usage else {})

    def closing(self, version: str, ended: Ended) -> Iterator[Json]:
        yield self.chunk(version, self.dialect.end(), ended.finish_reason)
        if self.with_usage:
            yield self.around(self.dialect.chunk, version, []) | {"usage": usage(ended)}

    def around(self, kind: str, version: str, choices: list[Json]) -> Json:
        return {
            "id": f"{self.dialect.prefix}-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.target,
            "version": version,
            "system_fingerprint": version,
            "choices": choices,
        }


def choice_of(said: Json, finish_reason: str | None) -> Json:
    return {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason}


def usage(ended: Ended) -> Json:
    prompt, completion = ended.prompt_tokens, ended.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
