"""The commands of the page's menu: those of every channel, and one that saves the conversation."""

from typing import Any

from agent import commands
from agent.language import Words

Json = dict[str, Any]
SAVE = "save"


def entries(w: Words) -> list[Json]:
    """As Chainlit's page draws them, in the order of the menu."""
    shared = [(one.id, one.icon, one.description) for one in commands.commands(w)]
    ours = (SAVE, "download", w("Save this conversation"))
    return [
        {"id": name, "icon": icon, "description": words, "button": False, "persistent": False}
        for name, icon, words in (*shared, ours)
    ]


def saving(w: Words) -> list[Json]:
    """The menu of a conversation that no command can do anything in."""
    return [entry for entry in entries(w) if entry["id"] == SAVE]


def is_save(text: str) -> bool:
    return text.strip().lower() == f"/{SAVE}"


def saved(thread_id: str, w: Words) -> str:
    """What is said to the command: where the conversation can be had."""
    return f"[{w('Save this conversation')}](/chat/threads/{thread_id}.md) (Markdown)"
