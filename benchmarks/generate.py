"""What continuous batching and mixed adapters bring, beside transformers and PEFT.

    python benchmarks/generate.py [--rounds 3] [--tokens 32] [--dtype float32|bfloat16]

A Llama shape of 55 million parameters with random weights and rank-16 adapters on all linear
layers; nothing is downloaded. One thread; processor seconds, so that other work on the machine
counts little; the ways take turns, and the median of the rounds is told with its spread.

- 12 prompts of 8 to 96 tokens, greedily: together in our engine, one at a time in
  `model.generate`, one at a time in our engine, in one padded batch of `model.generate`, and
  together in transformers' own continuous batching (`generate_batch`); with the same tokens.
- 16 rows with 16 adapters, and with 4: together in our engine, with PEFT's `adapter_names`, and one
  adapter after another with `set_adapter`.
"""

import argparse
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from generate_setup import LENGTHS, Peer, prompts, write_everything

from serving.engines.torch_lm import Base, Machine, load_base

Ways = dict[str, Callable[[], list[list[int]]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        base, adapters = write_everything(Path(folder))
        compare(base, adapters, arguments)


def compare(folder: Path, adapters: dict[str, Path], arguments: argparse.Namespace) -> None:
    dtype = getattr(torch, arguments.dtype)
    ours = load_base(folder, 1, machine=Machine("cpu", dtype))
    asked = prompts(random.Random(0), LENGTHS)
    peer = Peer(folder, dtype, arguments.tokens)
    plain: Ways = {
        "ours, together": lambda: answer(ours, asked, arguments.tokens),
        "ours, one at a time": lambda: one_by_one(ours, asked, arguments.tokens),
        "generate, one at a time": lambda: [peer.alone(ids) for ids in asked],
        "generate, one padded batch": lambda: peer.padded(asked),
        "generate_batch": lambda: peer.continuous(asked),
    }
    told("12 prompts of mixed length", plain, arguments.rounds, "generate, one at a time")
    for name, path in adapters.items():
        ours.add(name, path)
    peer.add(adapters)
    rows = prompts(random.Random(1), [48] * 16)
    for count in (16, 4):
        names = [f"a{row % count}" for row in range(16)]
        told(
            f"16 rows, {count} adapters",
            mixed(ours, peer, rows, names, arguments),
            arguments.rounds,
        )


def mixed(ours: Base, peer: Peer, rows: list[list[int]], names: list[str], arguments: Any) -> Ways:
    return {
        "ours, mixed": lambda: answer(ours, rows, arguments.tokens, names),
        "ours, the base alone": lambda: answer(ours, rows, arguments.tokens),
        "PEFT, adapter_names": lambda: peer.mixed(rows, names),
        "PEFT, one adapter after another": lambda: peer.in_turn(rows, names),
        "PEFT, the base alone": lambda: peer.untuned(rows),
    }


def answer(
    ours: Base, rows: list[list[int]], tokens: int, names: list[str] | None = None
) -> list[list[int]]:
    asked = [
        {"prompt": " ".join(map(str, ids)), "max_tokens": tokens, "model": names and names[row]}
        for row, ids in enumerate(rows)
    ]
    return [one.ids for one in ours.generate_all(asked)]


def one_by_one(ours: Base, rows: list[list[int]], tokens: int) -> list[list[int]]:
    return [answer(ours, [ids], tokens)[0] for ids in rows]


def told(title: str, ways: Ways, rounds: int, reference: str = "") -> None:
    """Each way once in each round; first a round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers = {}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.process_time()
            answers[name] = way()
            if number:
                seconds[name].append(time.process_time() - started)
    first = next(iter(ways))
    print(f"\n{title}\n| way | processor seconds | spread | ours is faster by | same tokens |")
    print("|---|---|---|---|---|")
    for name, found in seconds.items():
        middle = statistics.median(found)
        times = middle / statistics.median(seconds[first])
        same = sum(a == b for a, b in zip(answers[name], answers[reference or first], strict=True))
        spread = f"{min(found):.2f}-{max(found):.2f}"
        rows = len(answers[name])
        print(f"| {name} | {middle:.2f} | {spread} | {times:.2f} | {same} of {rows} |", flush=True)


if __name__ == "__main__":
    main()
