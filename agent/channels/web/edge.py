"""The edge of the channel: who talks here, and what is said when something goes wrong."""

import logging
import uuid
from collections.abc import Awaitable

from agent.language import Words, words_in
from agent.shown.figures import joined
from core.errors import ThimbleError
from core.identity import ALL_SCOPES, Caller

log = logging.getLogger(__name__)
OWNER = "owner"


def caller_for(user: str) -> Caller:
    """A person at the page may do everything, deciding included."""
    return Caller(user=user, scopes=ALL_SCOPES, actor="web")


async def attempt(work: Awaitable[object], w: Words | None = None) -> str | None:
    """None when it went well, otherwise what to tell the user; in English unless `w` is given.

    The one catch-all of this channel: the text of an exception that is not ours goes to the log
    alone, and the user gets a number to find it by.
    """
    try:
        await work
    except ThimbleError as refusal:
        return told(refusal, w or words_in("en"))
    except Exception:
        request_id = f"req_{uuid.uuid4().hex[:16]}"
        log.exception("%s", request_id)
        return fault(request_id, w or words_in("en"))
    return None


def told(refusal: ThimbleError, w: Words) -> str:
    """What is wrong, and what to do about it."""
    return joined((w.told(part) for part in (refusal.message, refusal.fix) if part), w)


def fault(request_id: str, w: Words) -> str:
    return w(
        "Something went wrong inside Thimble. Please try again; if it happens once more, the "
        "server's log has the details under `{request_id}`.",
        request_id=request_id,
    )
