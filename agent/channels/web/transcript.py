"""A conversation as Markdown: what was said, and the cards as text.

Nothing in it is fetched or run by what opens it, whatever the data says.
"""

from collections import defaultdict
from typing import Any

from agent.channels.web.markdown_text import escaped, shown, tamed
from agent.events import VIEW
from agent.language import Words
from agent.view_text import as_text

Json = dict[str, Any]
SAID = ("user_message", "assistant_message")


def markdown(thread: Json, w: Words, host: str) -> str:
    """The whole thread, oldest first.

    Args:
        host: Put before the addresses of links, such as `http://127.0.0.1:8000`.
    """
    files = names_of_files(thread["elements"])
    title = escaped(thread["name"] or "") or w("Conversation")
    parts = [f"# {title}", w("{date}, a conversation with Thimble", date=thread["createdAt"][:10])]
    speaker = ""
    for step in thread["steps"]:
        text = words_of(step, files[step["id"]], w, host)
        if not text:
            continue
        if step["type"] != speaker:
            speaker = step["type"]
            parts.append(f"## {w('You') if speaker == 'user_message' else 'Thimble'}")
        parts.append(text)
    return "\n\n".join(parts) + "\n"


def names_of_files(elements: list[Json]) -> dict[str, list[str]]:
    """By the message that they came with."""
    names: dict[str, list[str]] = defaultdict(list)
    for element in elements:
        if element["type"] not in ("custom", "plotly"):
            names[element["forId"]].append(element["name"])
    return names


def words_of(step: Json, files: list[str], w: Words, host: str) -> str:
    """What a message says; nothing for what is no message."""
    if step["type"] not in SAID:
        return ""
    view = (step["metadata"] or {}).get("view")
    if view:
        return as_text(shown(VIEW.validate_python(view)), w, host)
    attached = [w("File: {name}", name=escaped(name)) for name in files]
    return "\n\n".join(part for part in (tamed(step["output"], host), *attached) if part)
