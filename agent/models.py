"""Which model talks: the one that THIMBLE_LLM names, at any OpenAI-like address, else ours."""

from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from agent.budget import LIMITS, Limits
from agent.language import Language, Words
from agent.llm.attempts import Watch
from agent.llm.outside import OPENAI, outside_model
from agent.planner import Planner
from agent.preferences import Preferences
from core.settings import Settings


def chat_model(
    settings: Settings,
    preferences: Preferences,
    language: Language,
    watch: Watch | None = None,
    limits: Limits = LIMITS,
) -> BaseChatModel:
    """The model for conversations. A key in the shell alone never switches an outside one on.

    Args:
        language: What our planner answers in; an outside model follows the user's words.
        watch: Who is told of an outside model's pauses and tokens.
    """
    name = preferences.llm(settings)
    if name is None:
        return Planner(language=language)
    return outside_model(settings, name, watch, limits)


def where_text_goes(settings: Settings, preferences: Preferences, w: Words) -> str:
    """One sentence for the user: which model reads the conversation, and where it runs.

    Every channel says it in these words.
    """
    name = preferences.llm(settings)
    if name is None:
        return w("Thimble's own planner answers. Nothing you type or upload leaves this machine.")
    return w(
        "What you type, and what is looked up for it, goes to {model} at {host}. Files and"
        " training stay here.",
        model=name,
        host=host_of(settings.llm_base_url or OPENAI),
    )


def host_of(address: str) -> str:
    """Host and port of an address, without the user and password that may stand in it."""
    return urlsplit(address).netloc.rpartition("@")[2] or address
