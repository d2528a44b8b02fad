"""Whether new work would succeed, found by trying the small things that it needs."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from core.errors import ThimbleError
from tools.base import House

WORKING_ROOM_BYTES = 512 * 2**20
"""What a small run writes: checkpoints, adapter and exported model."""


def check_health(house: House) -> dict[str, Any]:
    """{"ok", "checks": {name: "ok" or what is broken and what to do}}."""
    checks = {
        "records": lambda: records(house),
        "disk": lambda: house.storage.need_room(WORKING_ROOM_BYTES),
        "follower": lambda: alive(house.follower.alive, "the follower of runs has stopped"),
        "engines": lambda: alive(
            house.supervisor.healthy, "an endpoint that should be live is not"
        ),
        "help": lambda: alive(house.library.ready, "the index of the help pages is not built"),
    }
    report = {name: outcome(check) for name, check in checks.items()}
    return {"ok": all(state == "ok" for state in report.values()), "checks": report}


def outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except ThimbleError as error:
        return str(error)
    return "ok"


def records(house: House) -> None:
    with house.database.write() as session:
        session.execute(text("SELECT 1"))


def alive(probe: Callable[[], bool], otherwise: str) -> None:
    if not probe():
        raise ThimbleError(f"{otherwise}.", fix="Restart Thimble; if it comes back, see its log.")
