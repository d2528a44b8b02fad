"""Why a turn could not be finished, in words for the user. Texts of exceptions stay in the log."""

import json

import httpx
import openai
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError

from agent.langchain_tools import Looping
from agent.language import Words
from agent.models import NoAnswer
from agent.repair import TooManyRepairs
from core.errors import ThimbleError
from core.settings import Settings

KEPT = "What was done so far is kept."


def in_plain_words(error: Exception, settings: Settings, w: Words) -> str:
    """What happened and what to do about it."""
    if isinstance(error, ThimbleError):
        return w.told(str(error))
    if isinstance(error, Looping):
        return f"The model asked for the same thing three times, so I stopped it. {KEPT}"
    if isinstance(error, TooManyRepairs):
        return f"The model made calls that cannot be read, three times, so I stopped it. {KEPT}"
    if isinstance(error, ModelCallLimitExceededError):
        return f"This took more steps than one answer may, so I stopped. {KEPT}"
    if isinstance(error, openai.OpenAIError | httpx.HTTPError | json.JSONDecodeError | NoAnswer):
        return f"{of_model(error, settings)} {KEPT}"
    return f"Something failed inside Thimble; the server's log has the details. {KEPT}"


def of_model(error: Exception, settings: Settings) -> str:
    """What is wrong with the language model's server."""
    who = f"The language model {settings.llm!r}"
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return f"{who} did not answer in time. Try again, or look whether its server is overloaded."
    if isinstance(error, openai.APIConnectionError | httpx.TransportError):
        return f"{who} cannot be reached. Check THIMBLE_LLM_BASE_URL and whether its server runs."
    if isinstance(error, openai.RateLimitError):
        return of_limit(error, who)
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"{who} refused our key. Check THIMBLE_LLM_API_KEY."
    if isinstance(error, openai.NotFoundError):
        return (
            f"{who} is not known at its address. Check THIMBLE_LLM and THIMBLE_LLM_BASE_URL (it "
            "mostly ends in /v1)."
        )
    if isinstance(error, openai.InternalServerError):
        return f"{who} has a fault on its server's side. Try again later."
    if isinstance(error, openai.APIStatusError):
        return f"{who} refused the request (status {error.status_code}). The log has the details."
    return f"{who} does not speak the OpenAI protocol there. Check THIMBLE_LLM_BASE_URL."


def of_limit(error: openai.RateLimitError, who: str) -> str:
    if error.code == "insufficient_quota":
        return f"{who} says that the quota is used up. Nothing helps but a higher quota."
    return f"{who} is limiting requests. I tried three times; try again in a minute."
