"""Fine-tune a chat model with our loop and with the usual tools, and print how fast each is.

    python -m benchmarks.train [--repeats 3] [--rows 64] [--ways ours-bf16 hf trl …]

Each measurement is a process of its own on one thread; the ways take turns, so that all see the
same noise of the machine. Needs the extra `peers`. Useful tokens are those of the rows, without
padding; seconds are of the processor. The data folder is `$THIMBLE_TEST_DATA`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEFAULT = ("ours-bf16", "ours-fp32", "hf", "hf-bf16", "trl", "trl-fp32", "trl-fast")


def main() -> None:
    asked = arguments()
    if asked.measure:
        print("RESULT " + json.dumps(measure(asked.measure, Path(asked.base), asked.rows)))
        return
    base = Path(asked.base or tempfile.mkdtemp(prefix="llama-55m-"))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in asked.ways}
    for turn in range(asked.repeats):
        for name in asked.ways:
            found[name].append(run(name, base, asked.rows))
            load = os.getloadavg()[0]
            rate = found[name][-1]["rate"]
            print(f"turn {turn}, {name}: {rate:.0f} tokens/CPU s (load {load:.1f})", flush=True)
    print(table(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=64, help="8 of them are a step")
    parser.add_argument("--ways", nargs="*", default=DEFAULT)
    parser.add_argument("--base", default="", help="folder of the base model; made when missing")
    parser.add_argument("--measure", default="", help="measure one way in this process")
    return parser.parse_args()


def measure(name: str, base: Path, rows: int) -> dict[str, Any]:
    """Train some steps in one way."""
    import torch

    from benchmarks.train_setup import conversations, make_base
    from benchmarks.train_ways import WAYS

    torch.set_num_threads(1)
    _, way = WAYS[name]
    return way(make_base(base), conversations(rows)).as_json()


def run(name: str, base: Path, rows: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.train", "--measure", name]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        [*command, "--base", str(base), "--rows", str(rows)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """A Markdown table: median rate, its spread, and how many times as fast each of ours is."""
    from benchmarks.train_ways import WAYS

    rates = {name: [one["rate"] for one in runs] for name, runs in found.items()}
    middle = {name: statistics.median(values) for name, values in rates.items()}
    own = [name for name in ("ours-bf16", "ours-fp32") if name in middle]
    heads = "".join(f" {name} is |" for name in own)
    lines = [f"| way | tokens/CPU s | spread |{heads}", "|---" * (3 + len(own)) + "|"]
    for name, rate in middle.items():
        spread = f"{min(rates[name]):.0f} to {max(rates[name]):.0f}"
        times = "".join(f" {middle[one] / rate:.2f}x |" for one in own)
        lines.append(f"| {WAYS[name][0]} | {rate:.0f} | {spread} |{times}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
