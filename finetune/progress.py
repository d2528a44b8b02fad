"""What a worker says while it works, folded into one picture of its progress. Pure: bytes in."""

import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.job import EVENTS_FILE

CURVE_POINTS = 200
NOTES = 20

log = logging.getLogger(__name__)


class Progress:
    """The events of one job so far. Feed it what was appended to `events.jsonl`."""

    def __init__(self) -> None:
        self.offset = 0
        """Bytes of the file that were read."""
        self.latest: dict[str, Any] = {}
        self.points: list[list[float]] = []
        """[step, loss] of every step."""
        self.evaluations: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.error: dict[str, Any] | None = None
        """The last failure that the worker named."""

    def feed(self, appended: bytes) -> bool:
        """Take in the complete lines; the rest is read next time. True: something was new."""
        whole = appended[: appended.rfind(b"\n") + 1]
        self.offset += len(whole)
        for event in parse(whole):
            self.take(event)
        return bool(whole)

    def take(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "phase":
                self.latest["phase"] = event.get("phase")
            case "step":
                self.step(event)
            case "eval":
                fields = ("step", "split", "loss", "accuracy")
                self.evaluations.append({name: event.get(name) for name in fields})
            case "resumed":
                self.resumed(event)
            case "note":
                self.note(str(event.get("message", "")))
            case "error":
                self.error = {name: event.get(name) for name in ("code", "message", "fix")}

    def step(self, event: dict[str, Any]) -> None:
        names = ("step", "total_steps", "epoch", "loss", "tokens_per_s", "eta_s")
        self.latest |= {name: event[name] for name in names if name in event}
        if "step" in event and "loss" in event:
            self.points.append([event["step"], event["loss"]])

    def resumed(self, event: dict[str, Any]) -> None:
        """An attempt went on from a checkpoint: what came after it did not happen."""
        step = event.get("step") or 0
        self.points = [point for point in self.points if point[0] <= step]
        self.evaluations = [seen for seen in self.evaluations if (seen["step"] or 0) <= step]
        self.latest["step"] = step
        self.error = None
        self.note(f"Went on from the checkpoint of step {step}.")

    def note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes = [*self.notes, text][-NOTES:]

    def as_dict(self) -> dict[str, Any]:
        """The form that is kept in the records."""
        return self.latest | {
            "curve": thin(self.points),
            "evaluations": self.evaluations[-CURVE_POINTS:],
            "notes": self.notes,
        }


def read_events(folder: Path, progress: Progress) -> bool:
    """Take in what was appended since the last look. True: there was something."""
    try:
        with (folder / EVENTS_FILE).open("rb") as file:
            file.seek(progress.offset)
            return progress.feed(file.read())
    except FileNotFoundError:
        return False


def parse(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            # A line torn by a crash tells nothing, and must not hide those after it.
            log.warning("skipped a line that is not JSON: %r", line[:80])
            continue
        if isinstance(event, dict):
            yield event


def thin(points: list[list[float]], most: int = CURVE_POINTS) -> list[list[float]]:
    """At most so many points, evenly taken, the last one always among them."""
    stride = math.ceil(len(points) / most) or 1
    return points[::-1][::stride][::-1]
