"""A causal model of transformers with our layers in it, fed with packed rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM
from transformers.utils import logging

from core.errors import RequestRefused, ServiceFailed
from core.weights import weights_sha256
from finetune.worker.causal.attention import How, attend
from finetune.worker.causal.gated import put_gates
from finetune.worker.causal.linear import Adapters, Group, Switch, put_adapters
from finetune.worker.causal.loss import Head
from finetune.worker.causal.norms import put_norms
from finetune.worker.causal.packing import Packed
from finetune.worker.machine import Device
from finetune.worker.spec import Base, Recipe

PACKED = "thimble_packed"
"""Name of our attention among those that transformers knows."""


def packed_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    starts: tuple[int, ...],
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls for each layer: [1, heads, N, D] in, [1, N, heads, D] out."""
    if s_aux is not None:
        raise TypeError("attention sinks are not computed here")
    q, k, v = (one[0].transpose(0, 1) for one in (query, key, value))
    scale = q.shape[-1] ** -0.5 if scaling is None else scaling
    return attend(q, k, v, starts, How(scale, sliding_window, softcap))[None], None


AttentionInterface.register(PACKED, packed_attention)
# The rows keep themselves apart: there is no mask to make.
AttentionMaskInterface.register(PACKED, lambda *_, **__: None)


def load_plain(base: Base, dtype: torch.dtype, attention: str | None = None) -> Any:
    """The model as transformers has it, frozen, on the CPU, without dropout.

    Raises:
        RequestRefused: transformers cannot load it (`unsupported_base`).
        ServiceFailed: The weights are not the ones that were registered (`base_changed`).
    """
    check_weights(base)
    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base.path,
            dtype=dtype,
            attn_implementation=attention,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    except (ValueError, OSError, ImportError, KeyError) as error:
        raise RequestRefused(
            f"The base model {base.name!r} cannot be loaded: {error}.",
            code="unsupported_base",
            param="base_model",
            fix="Choose another base model.",
        ) from error
    return model.requires_grad_(False).eval()


def check_weights(base: Base) -> None:
    """Compare the stored weights with the hash in the job.

    Raises:
        ServiceFailed: They changed since the base was registered (`base_changed`).
    """
    if base.sha256 and weights_sha256(Path(base.path)) != base.sha256:
        raise ServiceFailed(
            f"The weights of {base.name!r} changed since it was registered.",
            code="base_changed",
            fix="Register the base again.",
        )


class CausalModel:
    """Packed rows in, hidden states of every token out; only the adapters are trained."""

    def __init__(self, plain: Any, device: Device, recipe: Recipe) -> None:
        """Our layers take the place of those of `plain`, which attends as `PACKED` says."""
        self.device = device
        self._model = plain.to(device.kind)
        self.config = self._model.config
        self._switch = Switch()
        self.blocks = blocks_of(self._model)
        chance = torch.Generator().manual_seed(recipe.seed)
        make = Adapters(recipe.rank, recipe.alpha, device, self._switch, chance)
        self.groups: list[Group] = put_adapters(self._model, self.blocks, make)
        put_gates(self._model)
        put_norms(self._model)
        self.head = head_of(self._model)
        self.saves_memory = False

    @classmethod
    def load(cls, base: Base, device: Device, recipe: Recipe) -> "CausalModel":
        """From a registered base.

        Raises:
            RequestRefused: transformers cannot load it (`unsupported_base`).
            ServiceFailed: The weights are not the ones that were registered (`base_changed`).
        """
        return cls(load_plain(base, device.dtype, PACKED), device, recipe)

    def adapter(self) -> dict[str, torch.Tensor]:
        """What is trained: `<group>.a` and `<group>.b`, sharing memory with the model."""
        found: dict[str, torch.Tensor] = {}
        for group in self.groups:
            found |= {f"{group.name}.a": group.a_RI, f"{group.name}.b": group.b_Or}
        return found

    def hidden(self, packed: Packed) -> torch.Tensor:
        """[N, H]: what the output layer sees."""
        body = self._model.base_model
        found: torch.Tensor = body(
            input_ids=packed.ids_N[None],
            position_ids=packed.positions_N[None],
            use_cache=False,
            starts=packed.starts,
        ).last_hidden_state[0]
        return found

    def save_memory(self) -> None:
        """From now on keep only what goes into each block, and compute the rest again on the way
        back: a third more time, the same numbers."""
        if not self.saves_memory:
            for name in self.blocks:
                block = self._model.get_submodule(name)
                block.forward = _recomputed(block.forward)
        self.saves_memory = True

    def bytes_per_token(self) -> int:
        """About what a step keeps for each token until the way back."""
        block = [group for group in self.groups if group.paths[0].startswith(f"{self.blocks[0]}.")]
        width = self.head.weight_VH.shape[1]
        inside = 4 * width + sum(
            group.weight_OI.shape[1] + 2 * len(group.weight_OI) + len(group.a_RI) for group in block
        )
        kept = len(self.blocks) * (width if self.saves_memory else inside) + inside
        return int(kept * self.head.weight_VH.element_size())

    @contextmanager
    def untuned(self) -> Iterator[None]:
        """Inside, the adapters do not count."""
        self._switch.on = False
        try:
            yield
        finally:
            self._switch.on = True


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*inputs: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*inputs, **named)
        # Nothing in a block is left to chance: there is no dropout.
        options = {"use_reentrant": False, "preserve_rng_state": False}
        return checkpoint(forward, *inputs, **options, **named)

    return run


def blocks_of(model: nn.Module) -> list[str]:
    """Names of the blocks: the longest list of modules of one type.

    Raises:
        RequestRefused: There is no such list (`unsupported_base`).
    """
    lists = [
        (name, child)
        for name, child in model.named_modules()
        if isinstance(child, nn.ModuleList) and len({type(one) for one in child}) == 1
    ]
    if not lists:
        raise RequestRefused(
            f"{type(model).__name__} has no list of equal blocks to put adapters into.",
            code="unsupported_base",
            param="base_model",
            fix="Choose another base model.",
        )
    # The outermost of the longest: experts are lists inside of blocks.
    name, blocks = min(lists, key=lambda one: (one[0].count("."), -len(one[1])))
    return [f"{name}.{i}" for i in range(len(blocks))]


def head_of(model: Any) -> Head:
    """The output layer with what the architecture does to the scores after it."""
    layer, config = model.get_output_embeddings(), model.config
    scale = getattr(config, "logit_scale", None) or 1 / getattr(config, "logits_scaling", 1)
    return Head(
        weight_VH=layer.weight.detach(),
        bias_V=None if layer.bias is None else layer.bias.detach(),
        scale=float(scale),
        cap=getattr(config, "final_logit_softcapping", None),
    )
