"""What can go wrong with a language model, and which kind each error of the libraries is.

One list of kinds, so that whoever decides whether to try again and whoever tells the user judge
the same error the same way.
"""

import json
import re
from enum import StrEnum

import httpx
import openai
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain_core.exceptions import ContextOverflowError

from core.errors import ThimbleError


class Kind(StrEnum):
    """What happened. The value is the code that the help explains."""

    UNREACHABLE = "llm_unreachable"
    TIMEOUT = "llm_timeout"
    LIMITED = "llm_limited"
    QUOTA = "llm_quota"
    KEY = "llm_key"
    UNKNOWN = "llm_not_found"
    FAULT = "llm_fault"
    REFUSED = "llm_refused"
    PROTOCOL = "llm_protocol"
    CUT = "llm_cut"
    LENGTH = "llm_length"
    WITHHELD = "llm_withheld"
    SILENT = "llm_silent"
    CONTEXT = "llm_context"
    LOOPING = "llm_looping"
    GARBLED = "llm_garbled"
    STEPS = "too_many_steps"
    TURN = "turn_too_long"
    LIMIT = "daily_limit"
    OURS = "service_failed"


class Trouble(Exception):
    """A turn cannot go on, and it is nobody's bug."""

    kind: Kind


class NotTheProtocol(Trouble):
    """The address answers, but not as the OpenAI protocol does."""

    kind = Kind.PROTOCOL


class NothingSaid(Trouble):
    """A whole answer with neither words nor calls in it."""

    kind = Kind.SILENT


class CutOff(Trouble):
    """The stream ended before the answer did."""

    kind = Kind.CUT


class TooSlow(Trouble):
    """Nothing came for too long, or so little that it would never end."""

    kind = Kind.TIMEOUT


class AnswerTooLong(Trouble):
    """The answer was longer than one may be."""

    kind = Kind.LENGTH


class Withheld(Trouble):
    """The provider's filter held the answer back."""

    kind = Kind.WITHHELD


class Looping(Trouble):
    """The model made the same call again and again."""

    kind = Kind.LOOPING


class TooManyRepairs(Trouble):
    """The model went on making calls that cannot be read, or of tools that do not exist."""

    kind = Kind.GARBLED


class TurnTooLong(Trouble):
    """All that one answer takes together took too long."""

    kind = Kind.TURN


class AskedToWait(Trouble):
    """The server wants a longer pause than somebody who waits for an answer should sit through."""

    kind = Kind.LIMITED

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class OverLimit(Trouble):
    """What the user set as the most for a day is used up."""

    kind = Kind.LIMIT

    def __init__(self, used: float, limit: float, currency: str | None) -> None:
        super().__init__(used, limit, currency)
        self.used = used
        self.limit = limit
        self.currency = currency
        """None: both are thousands of tokens."""


STOPS = (
    Trouble,
    ModelCallLimitExceededError,
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.InvalidURL,
    json.JSONDecodeError,
    UnicodeDecodeError,
    ThimbleError,
)
"""What a turn may end with that is not our fault."""

QUOTA_WORDS = re.compile(r"insufficient_quota|billing|insufficient.balance|credit", re.IGNORECASE)
CONTEXT_WORDS = re.compile(
    r"context.{0,20}(length|window|size)|prompt is too long|too many tokens|exceed_context",
    re.IGNORECASE,
)
BY_TYPE: tuple[tuple[type[Exception], Kind], ...] = (
    (openai.APITimeoutError, Kind.TIMEOUT),
    (httpx.TimeoutException, Kind.TIMEOUT),
    (openai.APIConnectionError, Kind.UNREACHABLE),
    (httpx.InvalidURL, Kind.UNREACHABLE),
    (httpx.TransportError, Kind.UNREACHABLE),
    (openai.AuthenticationError, Kind.KEY),
    (openai.PermissionDeniedError, Kind.KEY),
    (openai.NotFoundError, Kind.UNKNOWN),
    (openai.RateLimitError, Kind.LIMITED),
    (openai.InternalServerError, Kind.FAULT),
    (openai.APIStatusError, Kind.REFUSED),
    # An error sent inside a stream has no status; it is the server that failed.
    (openai.APIError, Kind.FAULT),
    (openai.OpenAIError, Kind.PROTOCOL),
    (httpx.HTTPError, Kind.PROTOCOL),
    (ValueError, Kind.PROTOCOL),
    (ModelCallLimitExceededError, Kind.STEPS),
)


def kind_of(error: Exception) -> Kind:
    """What kind of trouble an error of ours or of the libraries is."""
    if isinstance(error, Trouble):
        return error.kind
    if isinstance(error, openai.APIError) and (kind := by_what_it_says(error)):
        return kind
    if isinstance(error, ThimbleError) or not isinstance(error, STOPS):
        return Kind.OURS
    return next(kind for type_, kind in BY_TYPE if isinstance(error, type_))


def by_what_it_says(error: openai.APIError) -> Kind | None:
    """The kinds that a status does not tell: servers agree on few codes, but on these words."""
    status = getattr(error, "status_code", None)
    words = f"{error.code} {error.type} {error.message}"
    if status == 402 or (status in (None, 429) and QUOTA_WORDS.search(words)):
        return Kind.QUOTA
    if isinstance(error, ContextOverflowError):
        return Kind.CONTEXT
    if status in (None, 400, 413, 422, 500) and CONTEXT_WORDS.search(words):
        return Kind.CONTEXT
    if status in (408, 409, 425):
        return Kind.FAULT
    return Kind.LIMITED if status is None and "rate_limit" in words else None
