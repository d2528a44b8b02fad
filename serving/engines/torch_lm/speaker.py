"""A base model in memory with its adapters: requests in, answers out."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused, ServiceFailed, ThimbleError
from serving.engines.base import unusable
from serving.engines.torch_lm.adapters import Adapter, Trained, read_adapter
from serving.engines.torch_lm.asked import Tokens, read_request
from serving.engines.torch_lm.attention import Piece
from serving.engines.torch_lm.batch import Batch, Held, Row, Sink
from serving.engines.torch_lm.lora import LoraLinear, make_plan
from serving.engines.torch_lm.model import Machine, SlotModel, free_memory, linears, load_model
from serving.engines.torch_lm.slots import Slots

ROWS = {"cpu": 16, "cuda": 64}
"""Rows at once; more wait. On a processor a step of 16 costs little more than one of 8."""
FEWEST_ROWS = 4
PROMPT_TOKENS = {"cpu": 256, "cuda": 2048}
"""Of prompts in one step: above, the others wait longer for their token, for no speed."""
LONGEST_ROW = 8192
"""Tokens, also of a base that could read more."""
SHARE_OF_MEMORY = 0.25
"""Of what is free, for keys and values."""
MAX_WAITING = 64


@dataclass(frozen=True)
class Generated:
    """One whole answer."""

    text: str
    ids: list[int]
    """With the end of turn, if it came to one."""
    finish_reason: str
    """`stop`: it ended by itself or at a stop string; `length`; `time`: there was no more."""


@dataclass(frozen=True)
class Limits:
    """What this base takes, stated before anybody asks."""

    rows: int
    """Answered at once."""
    tokens: int
    """Of prompt and answer together."""
    bytes: int
    """For keys and values when all rows are full."""


class Base:
    """A base and its adapters. Any thread may use it.

    Args:
        base_sha256: What adapters must have been trained on; None compares nothing.
        limits: Default: as much as a share of the free memory allows.
    """

    def __init__(
        self,
        model: SlotModel,
        tokens: Tokens,
        base_sha256: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.tokens = tokens
        self.limits = limits or fitting(model)
        self._model = model
        self._trained = Trained(base_sha256, tokens.template_sha256, tokens.tokenizer_sha256)
        self._adapters: dict[str, Held] = {}
        self._lanes: list[Held | None] = []
        self._lock = threading.RLock()
        """Held during a step and while adapters change."""
        self._wake = threading.Condition()
        slots = Slots(self.limits.rows, self.limits.tokens)
        budget = PROMPT_TOKENS[model.device.type]
        self._batch = Batch(model, tokens, slots, budget, self._free_lane)
        self._closing = False

    # Adapters

    def add(self, identifier: str, folder: Path) -> None:
        """Load an adapter and let it compute once; adding it again changes nothing.

        Raises:
            RequestRefused: It is broken, or belongs to another base, template or tokenizer.
        """
        if identifier in self._adapters:
            return
        adapter = read_adapter(folder, self._trained)
        with self._lock, torch.inference_mode():
            held = self._free()
            try:
                self._put(adapter, held.lane)
                self._prove(held.lane)
            except ThimbleError:
                self._free_lane(held)
                raise
            self._adapters[identifier] = held

    def remove(self, identifier: str) -> None:
        """Let go of an adapter; rows that use it are answered to their end."""
        with self._lock:
            held = self._adapters.pop(identifier, None)
            if held is not None:
                held.removed = True
                if held.rows == 0:
                    self._free_lane(held)

    @property
    def adapters(self) -> list[str]:
        return sorted(self._adapters)

    # Answers

    def generate_all(
        self, requests: Sequence[Mapping[str, Any]], seconds: float | None = None
    ) -> list[Generated]:
        """The answer to each request, all batched together.

        Args:
            requests: As `read_request` takes them; `model` names an adapter, None is the base.
            seconds: When they are over, what has not ended comes as it is, with `time`.

        Raises:
            RequestRefused: One of them is wrong; none is answered then.
            ServiceFailed: The model failed.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        rows = [self._row(request.get("model"), without_model(request)) for request in requests]
        # Rows of one length together: those that answer are then read with less to skip.
        for row in sorted(rows, key=lambda row: len(row.ids)):
            self._join(row)
        while not all(row.ended for row in rows):
            late = deadline is not None and time.monotonic() > deadline
            for row in rows:
                row.cancelled = late
            self._step()
        for row in rows:
            if row.error is not None:
                raise row.error
        return [self._generated(row) for row in rows]

    def submit(self, identifier: str | None, request: Mapping[str, Any], sink: Sink) -> Row:
        """Have a request answered by the thread that is in `serve`.

        Args:
            sink: Is told {"text"} …, then {"finish_reason", "usage", "ttft_ms"} or {"error"}, from
                that thread; it must not wait.

        Raises:
            RequestRefused: The request is wrong.
            ServiceFailed: (code `too_many`) Too many wait already.
        """
        row = self._row(identifier, request, sink)
        if len(self._batch.waiting) >= MAX_WAITING:
            raise too_many()
        self._join(row)
        with self._wake:
            self._wake.notify()
        return row

    def cancel(self, row: Row) -> None:
        """Nobody waits for it any more: its slot is free before the next step."""
        row.cancelled = True

    def serve(self, after_step: Callable[[], None]) -> None:
        """Answer what is submitted until `close`; calls back after each step."""
        while not self._closing:
            with self._wake:
                while not self._batch.busy and not self._closing:
                    self._wake.wait()
            try:
                self._step()
            except RuntimeError as error:  # of torch: memory is short, or a kernel failed
                with self._lock:
                    self._batch.fail(failed(error))
            after_step()

    def close(self) -> None:
        self._closing = True
        with self._wake:
            self._wake.notify()

    @property
    def steps(self) -> int:
        """Counts up while it works."""
        return self._batch.steps

    @property
    def busy(self) -> bool:
        return self._batch.busy

    def _row(self, identifier: Any, request: Mapping[str, Any], sink: Sink | None = None) -> Row:
        held = None if identifier is None else self._adapters.get(identifier)
        if identifier is not None and held is None:
            raise not_loaded()
        return Row(read_request(request, self.tokens, self.limits.tokens), held, sink)

    def _join(self, row: Row) -> None:
        with self._lock:
            if row.adapter is not None:
                if row.adapter.removed:  # while its prompt was read; the lane may be another's
                    raise not_loaded()
                row.adapter.rows += 1
            self._batch.waiting.append(row)

    def _step(self) -> None:
        with self._lock:
            self._batch.step()

    def _generated(self, row: Row) -> Generated:
        ids = row.answered
        ended = "time" if row.ended == "cancelled" else row.ended
        text = self.tokens.decode(ids)
        cut = [place for one in row.asked.stop if (place := text.find(one)) >= 0]
        return Generated(text[: min(cut, default=None)], ids, ended)

    # Lanes

    def _free(self) -> Held:
        if None not in self._lanes:
            self._lanes.append(None)
        lane = self._lanes.index(None)
        held = Held(lane)
        self._lanes[lane] = held
        return held

    def _free_lane(self, held: Held) -> None:
        self._batch.forget(held)
        self._lanes[held.lane] = None

    def _put(self, adapter: Adapter, lane: int) -> None:
        layers = linears(self._model.model)
        for name, (down, up) in adapter.layers.items():
            check_shape(name, layers.get(name), down, up)
        for name in adapter.layers:
            if not isinstance(layers[name], LoraLinear):
                layers[name] = self._wrap(name, layers[name])
        for name, layer in layers.items():
            if isinstance(layer, LoraLinear):
                if name in adapter.layers:
                    layer.put(lane, *adapter.layers[name])
                else:
                    layer.empty(lane)

    def _wrap(self, name: str, inner: torch.nn.Module) -> LoraLinear:
        parent, _, own = name.rpartition(".")
        wrapped = LoraLinear(inner, self._model.lora)
        setattr(self._model.model.get_submodule(parent), own, wrapped)
        return wrapped

    def _prove(self, lane: int) -> None:
        """Raises RequestRefused when its answer is not made of numbers."""
        slots, ids = Slots(1, 4), [1, 2, 3, 0]
        step = self._model.step(slots, [], [Piece(0, 0, 4, 0)])
        plan = make_plan([], [(0, 4, lane)], self._model.device)
        if not self._model.logits(ids, step, plan, [3]).isfinite().all():
            raise unusable("its answers are not numbers, so its weights are broken")


def load_base(
    folder: Path,
    threads: int,
    *,
    sha256: str | None = None,
    machine: Machine | None = None,
    limits: Limits | None = None,
) -> Base:
    """The base model in a folder, ready to answer.

    Args:
        threads: Processor threads for its products.
        sha256: Of the base; an adapter trained on another one is refused.
        machine: Default: the graphics card if there is one, and bfloat16 where it is fast.

    Raises:
        RequestRefused: It cannot be served, and why.
    """
    torch.set_num_threads(max(1, threads))
    tokens = ChatTokenizer.load(folder)
    return Base(load_model(folder, machine or Machine.found()), tokens, sha256, limits)


def fitting(model: SlotModel) -> Limits:
    """As many rows as the device likes, as long as the base reads, within the share of memory."""
    kind = model.device.type
    budget = free_memory(kind) * SHARE_OF_MEMORY
    rows, tokens = ROWS[kind], min(model.context, LONGEST_ROW)
    while rows > FEWEST_ROWS and rows * tokens * model.bytes_per_token > budget:
        rows //= 2
    tokens = min(tokens, max(1, int(budget / (rows * model.bytes_per_token))))
    return Limits(rows, tokens, rows * tokens * model.bytes_per_token)


def check_shape(name: str, layer: Any, down: torch.Tensor, up: torch.Tensor) -> None:
    if layer is None:
        raise unusable(f"it changes {name[:80]!r}, which no adapter can be served for in this base")
    weight = layer.weight
    outputs, inputs = weight.shape if not is_conv(layer) else weight.shape[::-1]
    if (outputs, inputs) != (up.shape[0], down.shape[1]):
        raise unusable(
            f"{name[:80]} has {inputs} inputs and {outputs} outputs, and its matrices have "
            f"{down.shape[1]} and {up.shape[0]}"
        )


def is_conv(layer: Any) -> bool:
    return type(layer).__name__ == "Conv1D"


def without_model(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "model"}


def not_loaded() -> RequestRefused:
    return RequestRefused("This model is not loaded.", code="not_loaded")


def too_many() -> ServiceFailed:
    return ServiceFailed(
        f"{MAX_WAITING} requests wait already.",
        code="too_many",
        fix="Try again in a moment.",
    )


def failed(error: RuntimeError) -> ServiceFailed:
    return ServiceFailed(
        f"The model failed: {str(error).splitlines()[0][:200]}.",
        code="engine_error",
        fix="Try again with a shorter text; the engine's log may say why.",
    )
