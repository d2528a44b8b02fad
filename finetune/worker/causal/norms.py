"""Root-mean-square norms as one function, forward and backward; their weights are frozen.

Written out in a dozen operations, as transformers has them, the way back goes through memory three
to seven times as often.
"""

from typing import Any

import torch
from torch import nn

from finetune.worker.causal.gated import same


class _Normed(torch.autograd.Function):  # type: ignore[misc]  # torch has no types here
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        factor = length.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, factor)
        return torch.mul(x, factor, out=torch.empty_like(x)).mul_(weight)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        x, weight, factor = ctx.saved_tensors
        d = gradients[0] * weight
        # What a change of an input does by way of the length of them all.
        along = (d * x).sum(-1, keepdim=True, dtype=torch.float32)
        along.mul_(factor**3).div_(-x.shape[-1])
        return d.mul_(factor.to(d.dtype)).addcmul_(x, along.to(x.dtype)), None, None


def put_norms(root: nn.Module) -> int:
    """Let every such norm that gives the same so compute its output in one function. Returns how
    many."""
    return sum(_put(module) for module in root.modules())


def _put(module: nn.Module) -> bool:
    epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    weight = getattr(module, "weight", None)
    if not type(module).__name__.endswith("RMSNorm") or weight is None or epsilon is None:
        return False
    weight = weight.detach()
    # Some store what their factor is above 1.
    return any(_replace(module, factor, epsilon) for factor in (weight, 1 + weight))


def _replace(module: nn.Module, weight: torch.Tensor, epsilon: float) -> bool:
    def forward(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = _Normed.apply(x, weight, epsilon)
        return found

    if not same(module.forward, forward, weight[None]):
        return False
    module.forward = forward
    return True
