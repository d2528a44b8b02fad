"""What an endpoint costs: the int8 model over HTTP beside the same model in torch, float32.

    python benchmarks/train_classifier.py --seeds 1 --keep FOLDER
    python benchmarks/serve.py FOLDER/seed-0

A server of its own is started on a temporary home, with the run's model deployed. The torch model
is put together independently of our export: transformers, PEFT and the head from the adapter's
folder. Every text goes to each in turn, so all see the same texts and the same noise.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from core.identity import Caller
from core.records.database import Database, next_id
from core.records.queries import stamp
from core.records.tables import Model
from core.storage import Storage
from server.client import Client, connect
from serving.engines import onnx
from serving.monitor import percentile

ROOT = Path(__file__).parents[1]
BATCH = 64
WARM_UP = 20
START_S = 300


class TorchModel:
    """The tuned model as anybody would load it: base, PEFT adapter, mean pooling, linear head."""

    def __init__(self, job: Path) -> None:
        spec = json.loads((job / "job.json").read_text())
        encoder = AutoModel.from_pretrained(spec["base"]["path"], add_pooling_layer=False)
        self.encoder = PeftModel.from_pretrained(encoder, job / "adapter").merge_and_unload().eval()
        self.tokenizer = AutoTokenizer.from_pretrained(spec["base"]["path"])
        self.head = load_file(job / "adapter" / "head.safetensors")
        self.labels: list[str] = spec["labels"]
        self.max_length: int = spec["recipe"]["max_length"]

    def predict(self, texts: list[str]) -> list[str]:
        with torch.inference_mode():
            logits_BC = self._logits(texts)
        return [self.labels[index] for index in logits_BC.argmax(1).tolist()]

    def _logits(self, texts: list[str]) -> torch.Tensor:
        read = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        )
        hidden_BTH = self.encoder(**read).last_hidden_state
        mask_BT1 = read["attention_mask"].unsqueeze(-1)
        pooled_BH = (hidden_BTH * mask_BT1).sum(1) / mask_BT1.sum(1)
        return pooled_BH @ self.head["weight"].T + self.head["bias"]


class Endpoint:
    """The endpoint over HTTP, on one kept connection, as a program would call it."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def predict(self, texts: list[str]) -> list[str]:
        body = json.dumps({"model": "banking77", "input": texts})
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/v1/classify", body, headers)
        answer = json.loads(self._connection.getresponse().read())
        return [entry["label"] for entry in answer["data"]]


def main() -> None:
    asked = arguments()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in (asked.job / "test.jsonl").read_text().splitlines()]
    reference = TorchModel(asked.job)
    engine = onnx.load(asked.job / "onnx", threads=1)
    with running(asked.job) as client:
        endpoint = Endpoint(client.url)
        ways: dict[str, Callable[[list[str]], Any]] = {
            "torch float32, in process": reference.predict,
            "int8 engine, in process": engine.classify,
            "**int8 endpoint, over HTTP**": endpoint.predict,
        }
        texts = random.Random(0).sample([row["text"] for row in rows], min(asked.texts, len(rows)))
        taken = timed(ways, texts)
        # The endpoint at once: the server closes a connection that is idle for 5 s.
        right = {
            "**int8 endpoint, over HTTP**": accuracy(endpoint.predict, rows),
            "torch float32, in process": accuracy(reference.predict, rows),
        }
    print(f"{len(rows)} rows; {len(texts)} single texts; load {os.getloadavg()[0]:.1f}\n")
    print(table(taken, right))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("job", type=Path, help="folder of a finished training job")
    parser.add_argument("--texts", type=int, default=500, help="single texts to time")
    return parser.parse_args()


@contextmanager
def running(job: Path) -> Iterator[Client]:
    """A server with the job's model live under the name banking77."""
    home = Path(tempfile.mkdtemp(prefix="serve-"))
    register(job, home)
    argv = [sys.executable, "-m", "server.cli", "serve", "--port", str(free_port())]
    server = subprocess.Popen(argv, cwd=ROOT, env=os.environ | {"THIMBLE_HOME": str(home)})
    try:
        wait_for(home / "server.json", server)
        client = connect(home)
        client.run_approved("deploy_endpoint", model="banking77@1")
        yield client
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        shutil.rmtree(home)


def register(job: Path, home: Path) -> None:
    """Put the exported model into the records of a new home, as a finished run would."""
    home.mkdir(exist_ok=True)
    Storage(home).prepare()
    database = Database(home / "records.sqlite")
    database.migrate()
    about = {"name": "banking77", "version": 1, "kind": "lora", "engine": "onnx"}
    origin = {"task": "classify", "run_id": "run_1", "dataset": "banking77@1"}
    with database.write() as session:
        identifier = next_id(session, "model")
        folder = f"models/{identifier}"
        rest = {"base_model": "minilm", "folder": folder, "metrics": {}, "passport": {}}
        session.add(Model(id=identifier, **stamp(Caller()), **about, **origin, **rest))
    database.close()
    shutil.copytree(job / "onnx", home / folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(path: Path, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while not path.exists():
        if server.poll() is not None or time.monotonic() > end:
            raise SystemExit("The server did not start.")
        time.sleep(0.1)


def timed(ways: dict[str, Callable[[list[str]], Any]], texts: list[str]) -> dict[str, list[float]]:
    """Milliseconds for each text alone, each way."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number, text in enumerate(texts[:WARM_UP] + texts):
        for name, predict in ways.items():
            started = time.perf_counter()
            predict([text])
            if number >= WARM_UP:
                taken[name].append((time.perf_counter() - started) * 1000)
    return taken


def accuracy(predict: Callable[[list[str]], list[str]], rows: list[dict[str, str]]) -> float:
    found: list[str] = []
    for start in range(0, len(rows), BATCH):
        found += predict([row["text"] for row in rows[start : start + BATCH]])
    return sum(label == row["label"] for label, row in zip(found, rows, strict=True)) / len(rows)


def table(taken: dict[str, list[float]], right: dict[str, float]) -> str:
    lines = ["| | accuracy | p50 | p95 | fastest |", "|---|---|---|---|---|"]
    for name, values in taken.items():
        share = f"{100 * right[name]:.2f} %" if name in right else ""
        ordered = sorted(values)
        p50, p95 = percentile(ordered, 0.5), percentile(ordered, 0.95)
        lines.append(f"| {name} | {share} | {p50:.1f} ms | {p95:.1f} ms | {ordered[0]:.1f} ms |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
