"""A frozen linear layer with adapters, forward and backward in one function.

Several layers that read the same input (query, key and value) are one product: their weights stand
above each other, and so do their adapters, each with its own rows.

Axes in names: N tokens, I inputs and O outputs of all layers together, r rank of one adapter,
R ranks of all adapters together.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch


def adapted(
    x_NI: torch.Tensor,
    weight_OI: torch.Tensor,
    bias_O: torch.Tensor | None,
    a_RI: torch.Tensor,
    b_Or: torch.Tensor,
    scale: float,
    sizes: Sequence[int],
) -> torch.Tensor:
    """[N, O]: x W' + b + scale * (x A') B', where only A and B are trained.

    Args:
        sizes: Outputs of each layer, in order; they share `a_RI` evenly.
    """
    found: torch.Tensor = _Adapted.apply(x_NI, weight_OI, bias_O, a_RI, b_Or, scale, tuple(sizes))
    return found


class _Adapted(torch.autograd.Function):  # type: ignore[misc]  # torch has no types here
    @staticmethod
    def forward(
        ctx: Any,
        x_NI: torch.Tensor,
        weight_OI: torch.Tensor,
        bias_O: torch.Tensor | None,
        a_RI: torch.Tensor,
        b_Or: torch.Tensor,
        scale: float,
        sizes: tuple[int, ...],
    ) -> torch.Tensor:
        a, b = a_RI.to(x_NI.dtype), (b_Or * scale).to(x_NI.dtype)
        h_NR = x_NI @ a.T
        y_NO = x_NI @ weight_OI.T if bias_O is None else torch.addmm(bias_O, x_NI, weight_OI.T)
        for y, h, block in _blocks(y_NO, h_NR, b, sizes):
            y.addmm_(h, block.T)
        ctx.save_for_backward(x_NI, weight_OI, a, b, h_NR)
        ctx.scale, ctx.sizes = scale, sizes
        return y_NO

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (dy_NO,) = gradients
        x_NI, weight_OI, a, b, h_NR = ctx.saved_tensors
        blocks = list(_blocks(dy_NO, h_NR, b, ctx.sizes))
        dh_NR = torch.cat([dy @ block for dy, _, block in blocks], 1)
        db_Or = torch.cat([dy.T @ h for dy, h, _ in blocks])
        dx_NI = None
        if ctx.needs_input_grad[0]:
            dx_NI = (dy_NO @ weight_OI).addmm_(dh_NR, a)
        da_RI = dh_NR.T @ x_NI
        return dx_NI, None, None, da_RI.float(), db_Or.float() * ctx.scale, None, None


def _blocks(
    y_NO: torch.Tensor, h_NR: torch.Tensor, b_Or: torch.Tensor, sizes: tuple[int, ...]
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Each layer's share of outputs, of hidden values, and of B."""
    shares = y_NO.split(sizes, 1), h_NR.chunk(len(sizes), 1), b_Or.split(sizes)
    return zip(*shares, strict=True)


def first_a(rows: int, inputs: int, chance: torch.Generator) -> torch.Tensor:
    """[rows, inputs]: the start that PEFT uses, uniform in +-1/sqrt(inputs). B starts as zero."""
    return (torch.rand(rows, inputs, generator=chance) * 2 - 1) * inputs**-0.5
