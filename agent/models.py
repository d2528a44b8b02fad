"""Which model talks: the one that THIMBLE_LLM names, at any OpenAI-compatible address, else ours."""

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from agent.planner import Planner
from core.settings import Settings

TIMEOUT_S = 60.0
"""Longest wait for the next piece of an answer."""
TRIES = 3


def chat_model(settings: Settings) -> BaseChatModel:
    """The model for conversations. A key in the shell alone never switches an outside one on."""
    if settings.llm is None:
        return Planner()
    return ChatOpenAI(
        model=settings.llm,
        base_url=settings.llm_base_url,
        # Servers on the own network mostly need no key, but the client insists on one.
        api_key=SecretStr(settings.llm_api_key or "none"),
        timeout=TIMEOUT_S,
        max_retries=TRIES - 1,
        stream_usage=True,
    )


def where_text_goes(settings: Settings) -> str:
    """One sentence for the user: which model reads the conversation, and where it runs."""
    if settings.llm is None:
        return "The built-in planner answers; nothing you write leaves this machine."
    address = settings.llm_base_url or "its provider's address"
    return f"{settings.llm} answers; what you write here is sent to {address}."
