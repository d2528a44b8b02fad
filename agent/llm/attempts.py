"""Whether and when a language model is asked once more, and what is changed before."""

import asyncio
import email.utils
import math
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import openai
from langchain_core.messages import BaseMessage

from agent.budget import Limits
from agent.llm.usage import Use
from agent.memory import tightened
from agent.trouble import AskedToWait, Kind, kind_of

Json = dict[str, Any]
TRANSIENT = (Kind.UNREACHABLE, Kind.TIMEOUT, Kind.LIMITED, Kind.FAULT, Kind.CUT, Kind.SILENT)
"""What may be gone a moment later. A used-up quota, a wrong key or address stays."""
LENGTH_NAMES = ("max_tokens", "max_completion_tokens")
"""Servers know one, the other, or both."""


class Watch(Protocol):
    """Who is told what goes on between us and the model's server."""

    def waiting(self, kind: Kind, seconds: float, attempt: int) -> None:
        """The model is asked again, as the try `attempt`, in so many seconds."""

    def used(self, use: Use) -> None:
        """A request took so many tokens."""


@dataclass
class Request:
    """What is asked, and which parts are sent that a server may refuse and we can do without."""

    messages: list[BaseMessage]
    length_name: str | None
    """How the server calls the longest answer that we want."""
    usage: bool = True
    """Whether it is asked how many tokens it took."""
    shortened: bool = False

    def options(self, output_tokens: int) -> Json:
        """The parts besides the messages."""
        asked: Json = {"stream_options": {"include_usage": True}} if self.usage else {}
        if self.length_name is not None:
            # In the body as it is: LangChain knows one of the names and renames the other.
            asked["extra_body"] = {self.length_name: output_tokens}
        return asked

    def shorten(self) -> bool:
        """Leave out what the model can best do without; False when that was done already."""
        if self.shortened:
            return False
        self.messages, self.length_name, self.shortened = tightened(self.messages), None, True
        return True

    def without_what_it_refuses(self, words: str) -> bool:
        """Leave out or rename what an error names; False when it names nothing that was sent."""
        if self.usage and re.search(r"stream_options|include_usage", words):
            self.usage = False
            return True
        if self.length_name is None or not re.search(rf"\b{self.length_name}\b", words):
            return False
        other = next(name for name in LENGTH_NAMES if name != self.length_name)
        self.length_name = other if re.search(rf"\b{other}\b", words) else None
        return True


@dataclass
class Attempts:
    """The tries to get one answer."""

    request: Request
    limits: Limits
    watch: Watch | None
    made: int = field(default=0, init=False)

    async def after(self, error: Exception) -> None:
        """Return once it is time for the next try, with the request changed where that helps.

        Raises the error when there is no use in a next one, AskedToWait when it is too far off.
        """
        self.made += 1
        if self.made >= self.limits.tries:
            raise error
        kind = kind_of(error)
        if kind is Kind.CONTEXT and self.request.shorten():
            return
        if kind is Kind.REFUSED and self.request.without_what_it_refuses(words_of(error)):
            return
        if kind not in TRANSIENT:
            raise error
        await self.pause(error, kind)

    async def pause(self, error: Exception, kind: Kind) -> None:
        seconds = asked_pause(error)
        if seconds is None:
            seconds = self.limits.backoff_s * 2 ** (self.made - 1) * random.uniform(0.5, 1.5)
        elif seconds > self.limits.wait_s:
            raise AskedToWait(seconds) from error
        if self.watch is not None:
            self.watch.waiting(kind, seconds, self.made + 1)
        await asyncio.sleep(seconds)


def words_of(error: Exception) -> str:
    return f"{error.message} {error.body}" if isinstance(error, openai.APIError) else ""


def asked_pause(error: Exception) -> float | None:
    """Seconds that the server asks us to wait; None when it does not say so in a way we read."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers: Mapping[str, str] = error.response.headers
    for name, divisor in (("retry-after-ms", 1_000), ("retry-after", 1)):
        if (seconds := as_number(headers.get(name))) is not None:
            return max(0.0, seconds / divisor)
    return until(headers.get("retry-after", ""))


def as_number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def until(date: str) -> float | None:
    """Seconds until an HTTP date."""
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
