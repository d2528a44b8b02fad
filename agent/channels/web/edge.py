"""The edge of the channel: who talks here, and what is said when something goes wrong."""

import logging
import uuid
from collections.abc import Awaitable

from core.errors import ThimbleError
from core.identity import ALL_SCOPES, Caller

log = logging.getLogger(__name__)
OWNER = "owner"


def caller_for(user: str) -> Caller:
    """A person at the page may do everything, deciding included."""
    return Caller(user=user, scopes=ALL_SCOPES, actor="web")


async def attempt(work: Awaitable[object]) -> str | None:
    """None when it went well, otherwise what to tell the user.

    The one catch-all of this channel: the text of an exception that is not ours goes to the log
    alone, and the user gets a number to find it by.
    """
    try:
        await work
    except ThimbleError as refusal:
        return str(refusal)
    except Exception:
        request_id = f"req_{uuid.uuid4().hex[:16]}"
        log.exception("%s", request_id)
        return (
            "Something went wrong inside Thimble. Please try again; if it happens once more, "
            f"the server's log has the details under `{request_id}`."
        )
    return None
