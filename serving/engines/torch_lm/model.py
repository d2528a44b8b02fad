"""A causal model of transformers that computes over slots.

Loaded from safetensors alone, without any code of whoever made it. Before it answers anybody it is
compared with transformers' own way of computing the same tokens, so that a model that our attention
does not fit is refused instead of speaking gibberish.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from core.errors import RequestRefused
from core.job import read_json
from serving.engines.torch_lm.attention import NAME, Lane, Piece, Step, register
from serving.engines.torch_lm.lora import LoraLane, Plan
from serving.engines.torch_lm.slots import Slots

KNOWN_LAYERS = ("full_attention", "sliding_attention")
TRIED_TOKENS = 24
LARGEST_DIFFERENCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2}
"""Of our logits from transformers', relative to their length."""


@dataclass(frozen=True)
class Machine:
    """Where the model lives, and in which numbers."""

    device: str
    dtype: torch.dtype

    @classmethod
    def found(cls) -> "Machine":
        """The graphics card if there is one; bfloat16 where the hardware multiplies it."""
        if torch.cuda.is_available():
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
            return cls("cuda", torch.bfloat16 if fast else torch.float32)
        able = torch.cpu.get_capabilities()
        fast = any(able.get(unit) for unit in ("avx512_bf16", "amx_bf16"))
        return cls("cpu", torch.bfloat16 if fast else torch.float32)


class SlotModel:
    """Tokens in, logits out. One thread at a time.

    Args:
        model: Any causal model of transformers that attends through its AttentionInterface.
    """

    def __init__(self, model: Any) -> None:
        register()
        self.model = model.eval().requires_grad_(False)
        self.config = model.config.get_text_config()
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        self.lane = Lane()
        self.lora = LoraLane()
        for module in model.modules():
            if hasattr(module, "layer_idx"):
                module.lane = self.lane
        self.context = context_length(self.config)
        check_layers(self.config)
        with torch.inference_mode():
            self.bytes_per_token = self._compare()

    def logits(self, ids: list[int], step: Step, plan: Plan | None, wanted: list[int]) -> Tensor:
        """The logits after some of the step's tokens, wanted x V."""
        ids_1N = torch.tensor([ids], device=self.device)
        self.lane.step, self.lora.plan = step, plan
        keep = torch.tensor(wanted, dtype=torch.long, device=self.device)
        found: Tensor = self.model(
            input_ids=ids_1N,
            position_ids=step.positions_N[None],
            use_cache=False,
            logits_to_keep=keep,
        ).logits
        return found[0]

    def step(self, slots: Slots, answering: Sequence[int], pieces: list[Piece]) -> Step:
        """One forward pass.

        Args:
            answering: For each row that answers its tokens, with the one of this step.
        """
        rows = list(range(len(answering)))
        positions = [length - 1 for length in answering]
        for piece in pieces:
            rows += [piece.slot] * piece.length
            positions += range(piece.past, piece.past + piece.length)
        return Step(
            slots,
            torch.tensor(rows, device=self.device),
            torch.tensor(positions, device=self.device),
            list(answering),
            pieces,
        )

    def _compare(self) -> int:
        """Bytes of keys and values for a token. Raises RequestRefused when our way differs."""
        count = min(TRIED_TOKENS, self.context)
        ids = [(7 * place + 3) % self.config.vocab_size for place in range(count)]
        expected_TV = self.model(input_ids=torch.tensor([ids], device=self.device)).logits[0]
        self.model.set_attn_implementation(NAME)
        slots, half, last = Slots(2, count), count // 2, count - 1
        found = [self._tried(slots, ids[:half], [], [Piece(1, 0, half, 0)])]
        found += [self._tried(slots, ids[half:last], [], [Piece(1, 0, last - half, half)])]
        slots.copy(1, 0, last)
        found += [self._tried(slots, ids[last:], [count], [])]
        places = [half - 1, last - 1, last]
        difference = (torch.stack(found) - expected_TV[places]).float().norm()
        relative = float(difference / expected_TV[places].float().norm())
        if not relative <= LARGEST_DIFFERENCE.get(self.dtype, 5e-2):
            raise unsupported(
                f"our way of computing it differs by {relative:.2g} from that of transformers"
            )
        return slots.bytes_per_token()

    def _tried(self, slots: Slots, ids: list[int], answering: list[int], pieces: Any) -> Tensor:
        return self.logits(ids, self.step(slots, answering, pieces), None, [len(ids) - 1])[0]


def context_length(config: Any) -> int:
    """Tokens that a row may have."""
    length = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 0)
    if not length:
        raise unsupported("its configuration does not say how many tokens it reads at once")
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(one for one in rope.values() if isinstance(one, dict))]
    for one in kinds:
        # These stretch with the longest row of a batch, and would change its neighbours with it.
        if one.get("rope_type") in ("dynamic", "longrope"):
            original = one.get("original_max_position_embeddings") or getattr(
                config, "original_max_position_embeddings", length
            )
            length = min(length, original)
    return int(length)


def check_layers(config: Any) -> None:
    kinds = set(getattr(config, "layer_types", None) or []) - set(KNOWN_LAYERS)
    if kinds:
        raise unsupported(f"it has layers of the kind {min(kinds)!r}")


def load_model(folder: Path, machine: Machine) -> SlotModel:
    """The model in a folder. Raises RequestRefused for one that cannot be served."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise unsupported("config.json is missing")
    if "auto_map" in config:
        raise unsupported("it wants code of its own to be run")
    disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=machine.dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise unsupported(f"transformers cannot load it ({first[0][:200]})") from None
    return SlotModel(model.to(machine.device))


def linears(model: nn.Module) -> dict[str, nn.Module]:
    """Name to layer, for the layers that an adapter may change."""
    head: Any = getattr(model, "get_output_embeddings", lambda: None)()
    return {
        name: module
        for name, module in model.named_modules()
        if module is not head
        and (isinstance(module, nn.Linear) or type(module).__name__ in ("Conv1D", "LoraLinear"))
    }


def free_memory(device: str) -> int:
    """Bytes."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def unsupported(why: str) -> RequestRefused:
    return RequestRefused(
        f"This base model cannot be served: {why}.",
        code="base_unsupported",
        fix="Choose another base model.",
    )
