"""Linear layers with many LoRA adapters: each token of a step goes through its own.

The adapters of a layer lie stacked, one lane for each adapter of the base. Tokens in a row with one
adapter take one small product; answering rows with several adapters take two batched products.

Letters in names: N tokens of a step, B answering rows, I and O channels in and out, R rank, A
lanes, U lanes that a step uses, M tokens of the lane that has most.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers.pytorch_utils import Conv1D


@dataclass(frozen=True)
class Mixed:
    """Answering rows of several adapters, grouped by lane."""

    lanes: tuple[int, ...]
    tokens_UM: Tensor
    """For each lane its tokens; short ones repeat a token, whose result is not read."""
    rows: Tensor
    """The tokens that have an adapter, as indices into the step."""
    places: Tensor
    """Where the result of each of these is in U x M."""
    straight: bool
    """Whether every answering row has an adapter of its own, in the order of lanes."""


@dataclass(frozen=True)
class Plan:
    """Which token of a step goes through which adapter."""

    spans: list[tuple[int, int, int]]
    """First token, last token + 1, lane."""
    mixed: Mixed | None


class LoraLane:
    """The plan of the running step; every layer of a model holds the same one."""

    plan: Plan | None = None


class LoraLinear(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """A frozen linear layer with room for adapters."""

    def __init__(self, inner: nn.Module, lane: LoraLane) -> None:
        super().__init__()
        weight: Any = inner.weight
        # GPT-2's layers keep theirs the other way round.
        self.weight = weight.t() if isinstance(inner, Conv1D) else weight
        self.bias: Any = inner.bias
        self._lane = lane
        out_features, in_features = self.weight.shape
        self.down_AIR = self.weight.new_zeros(0, in_features, 0)
        self.up_ARO = self.weight.new_zeros(0, 0, out_features)
        self._chosen: tuple[tuple[int, ...], Tensor, Tensor] | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        out = linear(hidden, self.weight, self.bias)
        plan = self._lane.plan
        if plan is not None:
            hidden_NI = hidden.reshape(-1, hidden.shape[-1])
            self._add(plan, hidden_NI, out.view(-1, out.shape[-1]))
        return out

    def put(self, lane: int, down_RI: Tensor, up_OR: Tensor) -> None:
        """Set a lane's adapter; its scale is part of `up`."""
        rank = max(self.down_AIR.shape[2], down_RI.shape[0])
        lanes = max(self.down_AIR.shape[0], lane + 1)
        self._grow(lanes, rank)
        self.down_AIR[lane].zero_()[:, : down_RI.shape[0]] = down_RI.t()
        self.up_ARO[lane].zero_()[: up_OR.shape[1]] = up_OR.t()
        self._chosen = None

    def empty(self, lane: int) -> None:
        """An adapter that does not change this layer adds 0."""
        if lane < self.down_AIR.shape[0]:
            self.down_AIR[lane].zero_()
            self.up_ARO[lane].zero_()
            self._chosen = None
        else:
            self._grow(lane + 1, self.down_AIR.shape[2])

    def _grow(self, lanes: int, rank: int) -> None:
        old_lanes, in_features, old_rank = self.down_AIR.shape
        if lanes <= old_lanes and rank <= old_rank:
            return
        if lanes > old_lanes:
            lanes = max(lanes, 2 * old_lanes)
        down = self.down_AIR.new_zeros(lanes, in_features, rank)
        up = self.up_ARO.new_zeros(lanes, rank, self.up_ARO.shape[2])
        down[:old_lanes, :, :old_rank] = self.down_AIR
        up[:old_lanes, :old_rank] = self.up_ARO
        self.down_AIR, self.up_ARO = down, up

    def _add(self, plan: Plan, hidden_NI: Tensor, out_NO: Tensor) -> None:
        for begin, end, lane in plan.spans:
            low = hidden_NI[begin:end] @ self.down_AIR[lane]
            out_NO[begin:end].addmm_(low, self.up_ARO[lane])
        if plan.mixed is not None:
            self._add_mixed(plan.mixed, hidden_NI, out_NO)

    def _add_mixed(self, mixed: Mixed, hidden_NI: Tensor, out_NO: Tensor) -> None:
        down_UIR, up_URO = self._of(mixed.lanes)
        if mixed.straight:
            rows = len(mixed.lanes)
            low_U1R = torch.bmm(hidden_NI[:rows].unsqueeze(1), down_UIR)
            out_NO[:rows].unsqueeze(1).baddbmm_(low_U1R, up_URO)
            return
        tokens = mixed.tokens_UM
        low_UMR = torch.bmm(hidden_NI[tokens], down_UIR)
        # Added within the product, as for one adapter: adding its rounded result would differ.
        sums_UMO = out_NO[tokens].baddbmm_(low_UMR, up_URO)
        out_NO[mixed.rows] = sums_UMO.view(-1, sums_UMO.shape[-1])[mixed.places]

    def _of(self, lanes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """These lanes' adapters; copied together only when they do not lie side by side."""
        first, last = lanes[0], lanes[-1]
        if last - first + 1 == len(lanes):
            return self.down_AIR[first : last + 1], self.up_ARO[first : last + 1]
        if self._chosen is None or self._chosen[0] != lanes:
            index = torch.tensor(lanes, device=self.down_AIR.device)
            self._chosen = (lanes, self.down_AIR[index], self.up_ARO[index])
        return self._chosen[1], self._chosen[2]


def make_plan(
    answering: list[int | None], pieces: list[tuple[int, int, int | None]], device: Any
) -> Plan | None:
    """Who goes through which lane; None when nobody has an adapter.

    Args:
        answering: The lane of each answering row; None for the base alone.
        pieces: First token, last token + 1 and lane of each piece of a prompt.
    """
    used = sorted({lane for lane in answering if lane is not None})
    alike = len(set(answering)) == 1
    spans = [(0, len(answering), used[0])] if used and alike else []
    for begin, end, lane in pieces:
        if lane is None:
            continue
        if spans and spans[-1][1:] == (begin, lane):
            spans[-1] = (spans[-1][0], end, lane)
        else:
            spans.append((begin, end, lane))
    mixed = group(answering, used, device) if used and not alike else None
    return Plan(spans, mixed) if spans or mixed else None


def group(answering: list[int | None], used: list[int], device: Any) -> Mixed:
    members: dict[int, list[int]] = {lane: [] for lane in used}
    for row, lane in enumerate(answering):
        if lane is not None:
            members[lane].append(row)
    most = max(map(len, members.values()))
    tokens = [rows + [rows[0]] * (most - len(rows)) for rows in members.values()]
    rows = [row for group in members.values() for row in group]
    places = [
        most * number + place
        for number, group in enumerate(members.values())
        for place in range(len(group))
    ]
    return Mixed(
        tuple(used),
        torch.tensor(tokens, device=device),
        torch.tensor(rows, device=device),
        torch.tensor(places, device=device),
        straight=rows == list(range(len(answering))) and most == 1,
    )
