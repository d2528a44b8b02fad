"""Who may start: first come, first served, within what the machine has.

Each waiting or running job has a ticket, a small file named by its lane and number. A ticket counts
as long as the run lock of its job is held, so a killed runner keeps no place and no slot. There
are two lanes: jobs that need a GPU share the GPUs, all others share the processor cores.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.job import read_json, write_json
from launchers.local import locks

LOCK = "run.lock"
"""In the folder of an attempt, held by its runner and its program for life."""


@dataclass(frozen=True)
class Ticket:
    path: Path
    attempt: Path
    slots: int
    """How many it needs."""
    granted: tuple[int, ...] | None
    """Which it has; None while it waits."""

    @property
    def alive(self) -> bool:
        return locks.is_held(self.attempt / LOCK)


class Turns:
    """The tickets of one lane."""

    def __init__(self, folder: Path, lane: str, capacity: int) -> None:
        self.folder = folder
        self.lane = lane
        self.capacity = capacity

    def queue_up(self, attempt: Path, slots: int) -> Path:
        """The new ticket of a job, behind all others. The caller holds its run lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            numbers = [int(path.stem.rpartition("-")[2]) for path in self._paths()]
            path = self.folder / f"{self.lane}-{max(numbers, default=0) + 1:08d}.json"
            write_json(path, {"attempt": str(attempt), "slots": slots, "granted": None})
        return path

    def try_start(self, mine: Path) -> tuple[int, ...] | None:
        """The slots granted to this ticket, or None while it is not its turn."""
        with self._alone():
            tickets = list(self._living())
            busy = {slot for ticket in tickets for slot in ticket.granted or ()}
            free = [slot for slot in range(self.capacity) if slot not in busy]
            ahead = any(ticket.granted is None and ticket.path < mine for ticket in tickets)
            content: dict[str, Any] = read_json(mine)
            if ahead or len(free) < content["slots"]:
                return None
            granted = free[: content["slots"]]
            write_json(mine, content | {"granted": granted})
        return tuple(granted)

    def before(self, mine: Path) -> int:
        """How many jobs hold what this one waits for, or wait ahead of it."""
        return sum(ticket.path < mine and ticket.alive for ticket in self._tickets())

    def _living(self) -> Iterator[Ticket]:
        for ticket in self._tickets():
            if ticket.alive:
                yield ticket
            else:
                ticket.path.unlink(missing_ok=True)

    def _tickets(self) -> Iterator[Ticket]:
        for path in self._paths():
            content = read_json(path)
            if content is not None:  # None: it ended in this moment
                granted = content["granted"]
                yield Ticket(
                    path,
                    Path(content["attempt"]),
                    content["slots"],
                    None if granted is None else tuple(granted),
                )

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.lane}-*.json"))

    def _alone(self) -> Any:
        return locks.held(self.folder / "turns.lock")
