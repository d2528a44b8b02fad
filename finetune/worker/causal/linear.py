"""Our layers in the place of a model's own: frozen weights with an adapter.

Layers of a block that read the same input are computed together, when the first of them is called;
the others find their share waiting.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from finetune.worker.lora import adapted, first_a
from finetune.worker.machine import Device

TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Names of layers that read the same input in every model that has them."""

SPARSE = re.compile(r"\.experts\b|Expert|Router|MoeBlock|MoE$")
"""In the path or type of what holds a router or experts. A router decides which experts see a
token; it and the experts stay as they are."""


@dataclass
class Switch:
    """Whether the adapters of a model count."""

    on: bool = True


@dataclass
class Group:
    """Frozen layers that read the same input, with an adapter each; B starts as zero."""

    paths: tuple[str, ...]
    """Names of the modules, as transformers and PEFT know them."""
    sizes: tuple[int, ...]
    """Outputs of each."""
    weight_OI: torch.Tensor
    bias_O: torch.Tensor | None
    a_RI: torch.Tensor
    b_Or: torch.Tensor
    scale: float
    switch: Switch
    turned: bool
    """Whether the model stores the weights as [inputs, outputs]."""

    @property
    def name(self) -> str:
        """A path that stands for all: `model.layers.0.self_attn.q_proj+k_proj+v_proj`."""
        parent, _, first = self.paths[0].rpartition(".")
        return (
            f"{parent}.{'+'.join([first, *(path.rpartition('.')[2] for path in self.paths[1:])])}"
        )

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """[…, O] of all layers, side by side."""
        flat = x.reshape(-1, x.shape[-1])
        if self.switch.on:
            a, b = self.a_RI, self.b_Or
            out = adapted(flat, self.weight_OI, self.bias_O, a, b, self.scale, self.sizes)
        else:
            out = nn.functional.linear(flat, self.weight_OI, self.bias_O)
        return out.view(*x.shape[:-1], -1)


class Part(nn.Module):  # type: ignore[misc]  # torch has no types here
    """One layer of a group, called as the layer that it replaces."""

    def __init__(self, group: Group, which: int, waiting: "Waiting") -> None:
        super().__init__()
        self.group, self.which, self._waiting = group, which, waiting

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[…, outputs of this layer]."""
        if len(self.group.sizes) == 1:
            return self.group(x)
        return self._waiting.take(self.group, self.which, x)


class Waiting:
    """Shares of a group's output whose layer was not called yet."""

    def __init__(self) -> None:
        self._input: torch.Tensor | None = None
        self._shares: dict[int, torch.Tensor] = {}

    def take(self, group: Group, which: int, x: torch.Tensor) -> torch.Tensor:
        if self._input is not x or which not in self._shares:
            self._input = x
            self._shares = dict(enumerate(group(x).split(group.sizes, -1)))
        share = self._shares.pop(which)
        if not self._shares:
            self._input = None
        return share


@dataclass(frozen=True)
class Adapters:
    """How adapters are made."""

    rank: int
    alpha: float
    device: Device
    switch: Switch
    chance: torch.Generator

    def group(self, paths: Sequence[str], layers: Sequence[nn.Module]) -> Group:
        """The layers as one, on the device and in its number format."""
        weights = [weight_of(layer) for layer in layers]
        weight_OI = torch.cat(weights) if len(weights) > 1 else weights[0]
        kind = self.device.kind
        a = first_a(self.rank * len(layers), weight_OI.shape[1], self.chance).to(kind)
        b = torch.zeros(len(weight_OI), self.rank, device=kind)
        return Group(
            paths=tuple(paths),
            sizes=tuple(len(weight) for weight in weights),
            weight_OI=weight_OI,
            bias_O=_bias_of(layers, weights),
            a_RI=a.requires_grad_(),
            b_Or=b.requires_grad_(),
            scale=self.alpha / self.rank,
            switch=self.switch,
            turned=not isinstance(layers[0], nn.Linear),
        )


def weight_of(layer: nn.Module) -> torch.Tensor:
    """[outputs, inputs]. GPT-2's layers store the other way round."""
    weight: torch.Tensor = layer.weight.detach()
    return weight if isinstance(layer, nn.Linear) else weight.T.contiguous()


def _bias_of(layers: Sequence[nn.Module], weights: list[torch.Tensor]) -> torch.Tensor | None:
    if all(layer.bias is None for layer in layers):
        return None
    pairs = zip(layers, weights, strict=True)
    none = [torch.zeros_like(w[:, 0]) if m.bias is None else m.bias.detach() for m, w in pairs]
    return torch.cat(none)


def put_adapters(root: nn.Module, blocks: Sequence[str], make: Adapters) -> list[Group]:
    """Replace every linear layer inside the blocks, and return the groups in order.

    Args:
        blocks: Names of the modules that hold the layers, such as `model.layers.0`.
    """
    found = []
    for block in blocks:
        for path, parent in [*root.get_submodule(block).named_modules(prefix=block)]:
            if SPARSE.search(f"{path} {type(parent).__name__}"):
                continue
            for names in _groups(parent):
                layers = [getattr(parent, name) for name in names]
                group = make.group([f"{path}.{name}" for name in names], layers)
                waiting = Waiting()
                for which, name in enumerate(names):
                    setattr(parent, name, Part(group, which, waiting))
                found.append(group)
    return found


def _groups(parent: nn.Module) -> list[tuple[str, ...]]:
    """Names of the linear layers directly in a module, those that belong together together."""
    linear = [name for name, child in parent.named_children() if is_linear(child)]
    together = [names for names in TOGETHER if set(names) <= set(linear)]
    alone = [name for name in linear if not any(name in names for names in together)]
    return [*together, *((name,) for name in alone)]


def is_linear(module: nn.Module) -> bool:
    """A layer that can have an adapter: torch's, or GPT-2's `Conv1D`."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
