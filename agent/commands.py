"""Slash commands of every channel: short ways to say something to whoever answers.

A command is nothing but words. So it works the same with the planner and with any language model,
and what it may do is what the words may do.
"""

from dataclasses import dataclass

from agent.language import Words


@dataclass(frozen=True)
class Command:
    """What a menu shows, and what choosing it says."""

    id: str
    icon: str
    """Name of a Lucide icon."""
    description: str
    says: str


def commands(w: Words) -> list[Command]:
    """All commands, in the order of a menu, in a language."""
    return [
        Command("help", "circle-help", w("What I can do"), w("what can you do?")),
        Command("status", "activity", w("What is running"), w("what is running?")),
        Command(
            "approvals", "shield-check", w("What waits for you"), w("what waits for approval?")
        ),
        Command("data", "database", w("Your datasets"), w("list my datasets")),
        Command("sample", "rows-3", w("Some rows of a dataset"), w("show me some rows")),
        Command("check", "stethoscope", w("Problems in a dataset"), w("check the dataset")),
        Command(
            "quote", "timer", w("What a fine-tuning takes"), w("how long would fine-tuning take?")
        ),
        Command("runs", "list", w("All runs"), w("list my runs")),
        Command("models", "box", w("Your models"), w("list my models")),
        Command("endpoints", "radio-tower", w("Your endpoints"), w("list my endpoints")),
        Command("disk", "hard-drive", w("What takes room on the disk"), w("disk usage")),
    ]


def spoken(text: str, w: Words) -> str:
    """The words for a text that begins with a command, with what follows it; others stay.

    `/status` says "what is running?", `/sample tickets` says "show me some rows: tickets".
    """
    word, _, rest = text.strip().partition(" ")
    if not word.startswith("/"):
        return text
    chosen = next((one for one in commands(w) if one.id == word[1:].lower()), None)
    if chosen is None:
        return text
    rest = rest.strip()
    return f"{chosen.says} {rest}" if rest else chosen.says
