"""Thoughts that a model writes into its answer: `<think>…</think>` before what it says.

Servers that know the model send thoughts in a field of their own; others let them through.
"""

from dataclasses import dataclass
from typing import Literal

OPEN, CLOSE = "<think>", "</think>"


@dataclass
class Aloud:
    """Parts the pieces of one answer into what is said and what is only thought."""

    state: Literal["begin", "thinking", "after", "saying"] = "begin"
    held: str = ""
    """What may be a part of a mark."""

    def take(self, piece: str) -> tuple[str, str]:
        """What is said and what is thought, as far as the pieces until now tell."""
        self.held += piece
        thought = ""
        if self.state == "begin":
            self._begin()
        if self.state == "thinking":
            thought = self._think()
        if self.state == "after" and (held := self.held.lstrip()):
            self.state, self.held = "saying", held
        return (self.rest() if self.state == "saying" else ""), thought

    def rest(self) -> str:
        """What is still to be said, now or once the answer has ended."""
        said, self.held = self.held, ""
        return said if self.state in ("begin", "saying") else ""

    def _begin(self) -> None:
        start = self.held.lstrip()
        if start.startswith(OPEN):
            self.state, self.held = "thinking", start.removeprefix(OPEN)
        elif not OPEN.startswith(start):
            self.state = "saying"

    def _think(self) -> str:
        thought, closed, after = self.held.partition(CLOSE)
        if closed:
            self.state, self.held = "after", after
            return thought
        # The end of it may be the beginning of the mark.
        self.held = thought[-len(CLOSE) + 1 :]
        return thought[: -len(CLOSE) + 1]
