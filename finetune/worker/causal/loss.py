"""What it costs to say the wanted tokens, without ever holding the scores of all of them.

The output layer is frozen, so the way back is known as soon as the scores are: it is computed in
the same pass, and only the gradient of the hidden states is kept.

Axes in names: L labelled tokens, C of them at a time, H hidden size, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

CHUNK = {"cpu": 256, "mps": 512, "cuda": 2048}
"""Tokens whose scores are held at once, by device."""


@dataclass(frozen=True)
class Head:
    """From hidden states to the score of every token."""

    weight_VH: torch.Tensor
    bias_V: torch.Tensor | None = None
    scale: float = 1.0
    """Factor of the scores."""
    cap: float | None = None
    """Scores stay within +-cap."""


def total_nll(hidden_LH: torch.Tensor, targets_L: torch.Tensor, head: Head) -> torch.Tensor:
    """The sum over tokens, float32; it goes back to the hidden states and not to the head."""
    if not torch.is_grad_enabled():
        return nll(hidden_LH, targets_L, head).sum()
    found: torch.Tensor = _Total.apply(hidden_LH, targets_L, head)
    return found


def nll(hidden_LH: torch.Tensor, targets_L: torch.Tensor, head: Head) -> torch.Tensor:
    """[L]: -log p of each target, float32, for reading alone."""
    found = [hidden_LH.new_zeros(0, dtype=torch.float32)]
    with torch.no_grad():
        for part in _chunks(hidden_LH):
            scores_CV = _scores(hidden_LH[part], head)
            gold = scores_CV.gather(1, targets_L[part, None])[:, 0]
            found.append(torch.logsumexp(scores_CV, 1) - gold)
    return torch.cat(found)


class _Total(torch.autograd.Function):  # type: ignore[misc]  # torch has no types here
    @staticmethod
    def forward(
        ctx: Any, hidden_LH: torch.Tensor, targets_L: torch.Tensor, head: Head
    ) -> torch.Tensor:
        gradient_LH = torch.empty_like(hidden_LH)
        total = torch.zeros((), device=hidden_LH.device)
        for part in _chunks(hidden_LH):
            costs, gradient_LH[part] = _with_gradient(hidden_LH[part], targets_L[part], head)
            total += costs
        ctx.save_for_backward(gradient_LH)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient_LH,) = ctx.saved_tensors
        return gradient_LH * gradients[0].to(gradient_LH.dtype), None, None


def _with_gradient(
    hidden_CH: torch.Tensor, targets_C: torch.Tensor, head: Head
) -> tuple[torch.Tensor, torch.Tensor]:
    """The cost of a chunk, and its gradient [C, H]."""
    plain = head.bias_V is None and head.scale == 1 and head.cap is None
    # In the number format of the model where nothing is done to the scores: half the memory to go
    # through, and the gradient is rounded to that format anyway.
    scores_CV = hidden_CH @ head.weight_VH.T if plain else _scores(hidden_CH, head)
    shares_CV = torch.softmax(scores_CV, 1)
    cost = _cost(scores_CV, shares_CV, targets_C)
    # Probabilities, less 1 at the target: the gradient of the scores.
    shares_CV[torch.arange(len(targets_C), device=targets_C.device), targets_C] -= 1
    if head.cap is not None:
        shares_CV.mul_(1 - (scores_CV / head.cap) ** 2)
    back = shares_CV.to(head.weight_VH.dtype) @ head.weight_VH
    return cost, back if head.scale == 1 else back * head.scale


def _cost(
    scores_CV: torch.Tensor, shares_CV: torch.Tensor, targets_C: torch.Tensor
) -> torch.Tensor:
    """The sum of -log p. By way of the likeliest token, whose probability is never too small for
    its number format, as that of a target may be."""
    likeliest = scores_CV.amax(1).float() - shares_CV.amax(1).float().log()
    return (likeliest - scores_CV.gather(1, targets_C[:, None])[:, 0].float()).sum()


def _scores(hidden_CH: torch.Tensor, head: Head) -> torch.Tensor:
    """[C, V] in float32."""
    scores = hidden_CH @ head.weight_VH.T
    scores_CV: torch.Tensor = scores.float() if scores.dtype != torch.float32 else scores
    if head.bias_V is not None:
        scores_CV.add_(head.bias_V)
    if head.scale != 1:
        scores_CV.mul_(head.scale)
    if head.cap is not None:
        scores_CV.div_(head.cap).tanh_().mul_(head.cap)
    return scores_CV


def _chunks(hidden_LH: torch.Tensor) -> Iterator[slice]:
    size = CHUNK[hidden_LH.device.type]
    return (slice(i, i + size) for i in range(0, len(hidden_LH), size))
