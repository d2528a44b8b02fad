"""Files for other kinds of training, known by their columns: said by name, never read halfway."""

from core.errors import RequestRefused
from data.shapes.base import Look

FIX = (
    "Thimble trains classifiers (a text and a label) and chat models (conversations). Give rows "
    'with "messages", or "prompt" and "completion".'
)


def refuse(look: Look, *, asked: bool) -> None:
    """Raises RequestRefused (code `unsupported_task`) for a file of another kind.

    Args:
        asked: Whether a chat dataset was asked for, so that plain text is one of the kinds.
    """


def refused(what: str, fix: str = FIX) -> RequestRefused:
    return RequestRefused(what, code="unsupported_task", param="file", fix=fix)
