"""Decoding on a graphics card: our engine beside transformers' own continuous batching.

    python benchmarks/gpu_serve.py [--shape 8b|1b|tiny] [--rows 1,64] [--tokens 128] [--prompt 512]

A Llama shape with random weights, made from a configuration: nothing is downloaded, and nothing but
torch and transformers is needed. Prints tokens a second for each number of rows, the memory used,
and the share of the card's memory rate that decoding one row reaches (each weight is read once for
a token). Without a card it runs on the processor, which is good for `--shape tiny` alone.
"""

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    ContinuousBatchingConfig,
    GenerationConfig,
    LlamaConfig,
)

from serving.engines.torch_lm import Base
from serving.engines.torch_lm.model import Machine, SlotModel

VOCABULARY = 128_256
REPEATS = 3
SHAPES = {
    "8b": (4096, 14_336, 32, 32, 8),
    "1b": (2048, 8192, 16, 32, 8),
    "tiny": (64, 128, 2, 4, 2),
}
"""Width, width within, layers, heads, key heads."""


class Numbers:
    """Texts are numbers with spaces between, a token each; no answer ends by itself."""

    template_sha256 = tokenizer_sha256 = ""
    ends: frozenset[int] = frozenset()

    def prompt(self, messages: Any, tools: Any = None) -> list[int]:
        return self.plain(messages[-1]["content"])

    def plain(self, text: str) -> list[int]:
        return [int(number) for number in text.split()]

    def decode(self, ids: Any, skip_special: bool = True) -> str:
        return "".join(f"{number} " for number in ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="8b")
    parser.add_argument("--rows", default="1,64")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompt", type=int, default=512)
    arguments = parser.parse_args()
    machine = Machine.found()
    model = made(arguments.shape, machine)
    size = sum(one.numel() * one.element_size() for one in model.parameters())
    name = torch.cuda.get_device_name() if machine.device == "cuda" else "the processor"
    print(f"{arguments.shape} in {machine.dtype} on {name}, {size / 2**30:.2f} GiB of weights")
    print("| rows | way | tokens a second | weights read, GB/s |\n|---|---|---|---|")
    for rows in map(int, arguments.rows.split(",")):
        prompts = random_prompts(rows, arguments.prompt)
        # The peer first: our engine changes how the model attends, for good.
        tell(rows, "generate_batch", arguments.tokens, size, peer(model, prompts))
    base = Base(SlotModel(model), Numbers())
    for rows in map(int, arguments.rows.split(",")):
        prompts = random_prompts(rows, arguments.prompt)
        tell(rows, "ours", arguments.tokens, size, ours(base, prompts))
    if machine.device == "cuda":
        print(f"most memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def made(shape: str, machine: Machine) -> Any:
    hidden, inner, layers, heads, key_heads = SHAPES[shape]
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=8192,
        bos_token_id=None,
        eos_token_id=None,
    )
    torch.manual_seed(0)
    with torch.device(machine.device):
        return AutoModelForCausalLM.from_config(config, dtype=machine.dtype).eval()


def random_prompts(rows: int, length: int) -> list[list[int]]:
    numbers = random.Random(rows)
    return [[numbers.randrange(VOCABULARY) for _ in range(length)] for _ in range(rows)]


def ours(base: Base, prompts: list[list[int]]) -> Callable[[int], None]:
    def run(tokens: int) -> None:
        base.generate_all(
            [{"prompt": " ".join(map(str, ids)), "max_tokens": tokens} for ids in prompts]
        )

    return run


def peer(model: Any, prompts: list[list[int]]) -> Callable[[int], None]:
    def run(tokens: int) -> None:
        settings = GenerationConfig(
            max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0
        )
        model.generate_batch(
            inputs=prompts,
            generation_config=settings,
            continuous_batching_config=ContinuousBatchingConfig(),
            progress_bar=False,
        )

    return run


def tell(rows: int, way: str, tokens: int, size: int, run: Callable[[int], None]) -> None:
    """The time of the later tokens alone: that of a short run is taken from that of a long one."""
    run(4)
    short = min(timed(run, 4) for _ in range(REPEATS))
    long = min(timed(run, 4 + tokens) for _ in range(REPEATS))
    seconds = (long - short) / tokens
    found = f"{rows / seconds:,.0f} | {size / seconds / 1e9:,.0f}" if seconds > 0 else "? | ?"
    print(f"| {rows} | {way} | {found} |", flush=True)


def timed(run: Callable[[int], None], tokens: int) -> float:
    started = time.perf_counter()
    run(tokens)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
