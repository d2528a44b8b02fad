"""The gated layers of a block as one function: act(gate) * up, forward and backward.

Its input is the output of both layers side by side, so that nothing is cut apart or joined again,
and the way back keeps that input alone.

Axes in names: N tokens, I width of each layer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from finetune.worker.causal.linear import Part

Activation = Callable[[torch.Tensor], torch.Tensor]

CHILDREN = {"gate_proj", "up_proj", "gate_up_proj", "down_proj"}
"""Layers of the modules that are replaced; what has others is left alone."""
SAME = 1e-2
"""Largest difference of a module from its replacement, as a share of its largest output; in
bfloat16 the two round at different places."""


def _silu_back(d: torch.Tensor, gate: torch.Tensor, out: torch.Tensor) -> None:
    torch.ops.aten.silu_backward.grad_input(d, gate, grad_input=out)


def _gelu_back(kind: str, d: torch.Tensor, gate: torch.Tensor, out: torch.Tensor) -> None:
    torch.ops.aten.gelu_backward.grad_input(d, gate, approximate=kind, grad_input=out)


KNOWN: dict[str, tuple[Activation, Callable[..., None]]] = {
    "silu": (F.silu, _silu_back),
    "gelu": (F.gelu, partial(_gelu_back, "none")),
    "gelu_tanh": (partial(F.gelu, approximate="tanh"), partial(_gelu_back, "tanh")),
}
"""Name to an activation and the way back through it."""


class _Gated(torch.autograd.Function):  # type: ignore[misc]  # torch has no types here
    @staticmethod
    def forward(ctx: Any, both: torch.Tensor, name: str) -> torch.Tensor:
        gate, up = both.chunk(2, -1)
        ctx.save_for_backward(both)
        ctx.name = name
        return KNOWN[name][0](gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (both,) = ctx.saved_tensors
        (d,) = gradients
        gate, up = both.chunk(2, -1)
        back = torch.empty_like(both)
        back_gate, back_up = back.chunk(2, -1)
        act, way_back = KNOWN[ctx.name]
        torch.mul(d, act(gate), out=back_up)
        way_back(d * up, gate, back_gate)
        return back, None


def gated(both: torch.Tensor, name: str) -> torch.Tensor:
    """[…, I] from [… , 2 I]: the activation of the first half times the second."""
    found: torch.Tensor = _Gated.apply(both, name)
    return found


def put_gates(root: nn.Module) -> int:
    """Let every gated module of known shape that gives the same so compute its output in one
    function. Returns how many."""
    return sum(_put(module) for module in root.modules())


def _put(module: nn.Module) -> bool:
    parts = {name: child for name, child in module.named_children() if isinstance(child, Part)}
    first = parts.get("gate_proj", parts.get("gate_up_proj"))
    if first is None or "down_proj" not in parts or not parts.keys() <= CHILDREN:
        return False
    act = getattr(module, "act_fn", getattr(module, "activation_fn", None))
    name = _name_of(act) if callable(act) else None
    if name is None:
        return False

    def forward(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = parts["down_proj"](gated(first.group(x), name))
        return found

    if not same(module.forward, forward, first.group.weight_OI):
        return False
    module.forward = forward
    return True


def _name_of(act: Activation) -> str | None:
    x = torch.linspace(-4, 4, 33)
    return next((name for name, (known, _) in KNOWN.items() if torch.equal(known(x), act(x))), None)


def same(one: Activation, other: Activation, like_OI: torch.Tensor) -> bool:
    """Whether two ways to compute a module agree on random inputs, as wide as `like_OI`."""
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(1, 8, like_OI.shape[1], generator=chance).to(like_OI)
    with torch.no_grad():
        wanted, found = one(x).float(), other(x).float()
    return bool(((wanted - found).abs().max() <= SAME * wanted.abs().max()).item())
