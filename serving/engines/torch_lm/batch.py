"""Continuous batching: rows join and leave between two steps of the model.

A step computes one token for each row that is answering and pieces of the prompts that wait to be
read, as many tokens as the budget allows; so a long prompt does not hold up the others. Rows that
answer lie in the first slots, so that their keys are read in one go, without copies. A slot keeps
what it held when its row has left: a prompt that begins in the same way is not computed again.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from core.errors import ServiceFailed
from serving.engines.torch_lm.answer import Answer
from serving.engines.torch_lm.asked import Asked, Tokens
from serving.engines.torch_lm.attention import Piece
from serving.engines.torch_lm.lora import Plan, make_plan
from serving.engines.torch_lm.model import SlotModel
from serving.engines.torch_lm.sampling import Choice, choose
from serving.engines.torch_lm.slots import Slots

WORTH_COPYING = 16
"""Tokens that two prompts must have in common before one is copied from the other."""
Sink = Callable[[dict[str, Any]], None]


@dataclass(eq=False)
class Held:
    """An adapter in memory; when it is removed, the last row that uses it frees it."""

    lane: int
    rows: int = 0
    removed: bool = False


@dataclass(eq=False)
class Row:
    """One request on its way."""

    asked: Asked
    adapter: Held | None
    sink: Sink | None
    """Is told each piece of text; None when only the end is wanted."""
    ids: list[int] = field(init=False)
    """The prompt and what was answered."""
    done: int = 0
    """Tokens whose keys and values are in the slot."""
    slot: int = -1
    answer: Answer | None = None
    choice: Choice = field(init=False)
    asked_at: float = field(default_factory=time.perf_counter)
    first_at: float = 0.0
    cancelled: bool = False
    ended: str = ""
    """`stop`, `length`, `cancelled`, `time` or `error`; empty while it goes on."""
    error: ServiceFailed | None = None

    def __post_init__(self) -> None:
        self.ids = list(self.asked.ids)
        self.choice = Choice(self.asked.temperature, self.asked.top_p, self.asked.seed)

    @property
    def lane(self) -> int | None:
        return None if self.adapter is None else self.adapter.lane

    @property
    def answered(self) -> list[int]:
        return self.ids[len(self.asked.ids) :]

    def tell(self, event: dict[str, Any]) -> None:
        if self.sink is not None:
            self.sink(event)


@dataclass
class Kept:
    """What a slot holds: tokens that went through an adapter."""

    adapter: Held | None = None
    ids: list[int] = field(default_factory=list)
    left_at: int = 0
    """Step in which its row left."""


class Batch:
    """Rows that are being answered. One thread at a time, except `waiting`.

    Args:
        prompt_tokens: Tokens of prompts in one step.
        gone: Is told each adapter whose last row left after it was removed.
    """

    def __init__(
        self,
        model: SlotModel,
        tokens: Tokens,
        slots: Slots,
        prompt_tokens: int,
        gone: Callable[[Held], None],
    ) -> None:
        self._model, self._tokens, self._slots = model, tokens, slots
        self._prompt_tokens = prompt_tokens
        self._gone = gone
        self.waiting: deque[Row] = deque()
        self._reading: list[Row] = []
        self._answering: list[Row] = []
        """Row i lies in slot i."""
        self._kept = [Kept() for _ in range(slots.count)]
        self._plan: tuple[Any, Plan | None] = (None, None)
        self.steps = 0

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self._reading or self._answering)

    @property
    def rows(self) -> list[Row]:
        return [*self._answering, *self._reading, *self.waiting]

    def step(self) -> None:
        """One token for each row that answers, and a part of the prompts that wait."""
        with torch.inference_mode():
            self._run()

    def _run(self) -> None:
        self._drop_cancelled()
        self._admit()
        pieces, read = self._pieces()
        rows = self._answering
        if not rows and not pieces:
            return
        ids = [row.ids[-1] for row in rows]
        for row, piece in zip(self._reading, pieces, strict=False):
            ids += row.ids[piece.past : piece.past + piece.length]
        step = self._model.step(self._slots, [len(row.ids) for row in rows], pieces)
        ends = [piece.begin + piece.length - 1 for piece in pieces[: len(read)]]
        wanted = [*range(len(rows)), *ends]
        logits_RV = self._model.logits(ids, step, self._planned(pieces), wanted)
        for row, piece in zip(self._reading, pieces, strict=False):
            row.done += piece.length
        self._promote(read)
        if self._answering:
            self._go_on(choose(logits_RV, [row.choice for row in self._answering]))
        self.steps += 1

    def fail(self, error: ServiceFailed) -> None:
        """End every row with an error and forget what the slots hold."""
        for row in self.rows:
            row.error = error
            self._end(row, "error")
        self.waiting.clear()
        self._reading.clear()
        self._answering.clear()
        for slot, kept in enumerate(self._kept):
            kept.ids, kept.adapter = [], None
            self._slots.clear(slot)

    def forget(self, adapter: Held) -> None:
        """What went through this adapter is never continued: another one takes its lane."""
        for kept in self._kept:
            if kept.adapter is adapter:
                kept.ids, kept.adapter = [], None

    # Rows join

    def _admit(self) -> None:
        while self.waiting and len(self._answering) + len(self._reading) < self._slots.count:
            row = self.waiting.popleft()
            self._place(row)
            if row.sink is not None or row.asked.stop:
                row.answer = Answer(self._tokens.decode, row.asked.stop)
            self._reading.append(row)

    def _place(self, row: Row) -> None:
        """Give it a slot; one that begins as it does, or a copy of such a beginning."""
        taken = set(range(len(self._answering))) | {other.slot for other in self._reading}
        free = [slot for slot in range(self._slots.count) if slot not in taken]
        common = [self._common(row, slot) for slot in range(self._slots.count)]
        best = max(range(self._slots.count), key=lambda slot: (common[slot], slot in free))
        own = max(free, key=lambda slot: (common[slot], -self._kept[slot].left_at, slot))
        if common[best] < WORTH_COPYING:
            row.slot, row.done = own, 0
        elif common[own] + WORTH_COPYING > common[best]:
            row.slot, row.done = own, common[own]
        else:
            row.slot = min(free, key=lambda slot: (self._kept[slot].left_at, -slot))
            row.done = common[best]
            self._slots.copy(best, row.slot, row.done)
        self._kept[row.slot] = Kept(row.adapter, row.ids)

    def _common(self, row: Row, slot: int) -> int:
        """Tokens that a slot holds already. The last one is always computed: it says what comes."""
        kept = self._kept[slot]
        most = min(len(row.ids) - 1, self._computed(slot))
        if kept.adapter is not row.adapter or most < WORTH_COPYING:
            return 0
        return common_length(row.ids, kept.ids, most)

    def _computed(self, slot: int) -> int:
        if slot < len(self._answering):
            return self._answering[slot].done
        reading = next((row.done for row in self._reading if row.slot == slot), None)
        # Of a row that left, the last token was never put in.
        return len(self._kept[slot].ids) if reading is None else reading

    # A step

    def _pieces(self) -> tuple[list[Piece], list[Row]]:
        """What of the prompts is read now, first come first, and the rows that are read to the end.

        Those are the first ones of `_reading`.
        """
        pieces, read = [], []
        begin, left = len(self._answering), self._prompt_tokens
        for row in self._reading:
            length = min(len(row.ids) - row.done, left)
            if length == 0:
                break
            pieces.append(Piece(row.slot, begin, length, row.done))
            begin, left = begin + length, left - length
            if row.done + length == len(row.ids):
                read.append(row)
        return pieces, read

    def _planned(self, pieces: list[Piece]) -> Plan | None:
        answering = [row.lane for row in self._answering]
        reading = [
            (piece.begin, piece.begin + piece.length, row.lane)
            for row, piece in zip(self._reading, pieces, strict=False)
        ]
        key = (answering, reading)
        if key != self._plan[0]:
            self._plan = (key, make_plan(answering, reading, self._model.device))
        return self._plan[1]

    def _promote(self, read: Sequence[Row]) -> None:
        """Rows whose prompt is read answer from now on, in the slot behind those that do."""
        for row in self._answering:
            row.done += 1
        for row in read:
            self._exchange(row.slot, len(self._answering))
            self._answering.append(row)
        del self._reading[: len(read)]

    def _exchange(self, one: int, other: int) -> None:
        """Swap what two slots hold; no row that answers may be in them but at its new place."""
        if one == other:
            return
        length = max(len(self._kept[one].ids), len(self._kept[other].ids))
        self._slots.swap(one, other, length)
        kept = self._kept
        kept[one], kept[other] = kept[other], kept[one]
        for row in self._reading:
            row.slot = {one: other, other: one}.get(row.slot, row.slot)

    def _go_on(self, tokens: list[int]) -> None:
        now = time.perf_counter()
        for row, token in zip(self._answering, tokens, strict=True):
            row.first_at = row.first_at or now
            self._append(row, token)
        for slot in range(len(self._answering) - 1, -1, -1):
            if self._answering[slot].ended:
                self._leave(slot)

    def _append(self, row: Row, token: int) -> None:
        if token < 0:
            row.error = broken()
            self._slots.clear(row.slot)
            self._end(row, "error")
            return
        row.ids.append(token)
        if token in self._tokens.ends:
            self._end(row, "stop")
            return
        if row.answer is not None:
            if text := row.answer.push(token):
                row.tell({"text": text})
            if row.answer.stopped:
                self._end(row, "stop")
                return
        if len(row.ids) - len(row.asked.ids) >= row.asked.max_tokens:
            self._end(row, "length")

    # Rows leave

    def _leave(self, slot: int) -> None:
        row = self._answering[slot]
        kept = self._kept[slot]
        # Of an adapter that was removed nothing is kept: another one may take its lane.
        usable = row.error is None and kept.adapter is row.adapter
        # A list of its own, of what was computed: the row's goes on to whoever asked.
        kept.ids = row.ids[: row.done] if usable else []
        kept.left_at = self.steps
        last = len(self._answering) - 1
        self._exchange(slot, last)
        self._answering[slot] = self._answering[last]
        self._answering[slot].slot = slot
        self._answering.pop()

    def _drop_cancelled(self) -> None:
        for slot in range(len(self._answering) - 1, -1, -1):
            if self._answering[slot].cancelled:
                self._end(self._answering[slot], "cancelled")
                self._leave(slot)
        for row in [row for row in self._reading if row.cancelled]:
            self._reading.remove(row)
            self._kept[row.slot] = Kept(row.adapter, row.ids[: row.done], self.steps)
            self._end(row, "cancelled")
        for row in [row for row in self.waiting if row.cancelled]:
            self.waiting.remove(row)
            self._end(row, "cancelled")

    def _end(self, row: Row, reason: str) -> None:
        if row.answer is not None and reason in ("stop", "length"):
            if text := row.answer.finish():
                row.tell({"text": text})
            reason = "stop" if row.answer.stopped else reason
        row.ended = reason
        row.tell(last_event(row))
        if row.adapter is not None:
            row.adapter.rows -= 1
            if row.adapter.removed and row.adapter.rows == 0:
                self._gone(row.adapter)


def last_event(row: Row) -> dict[str, Any]:
    if row.error is not None:
        return {"error": row.error.as_dict()}
    return {
        "finish_reason": row.ended,
        "usage": {"prompt_tokens": len(row.asked.ids), "completion_tokens": len(row.answered)},
        "ttft_ms": round((row.first_at - row.asked_at) * 1000, 2),
    }


def common_length(one: list[int], other: list[int], most: int) -> int:
    """How many tokens two lists begin with in common, at most so many."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def broken() -> ServiceFailed:
    return ServiceFailed(
        "The model's answer is not made of numbers any more.",
        code="engine_error",
        fix="Ask otherwise; if it stays so, the model's weights are broken: train it again.",
    )
