"""A real Thimble in a process of its own, for tests that walk the product or kill it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from server.client import Client, connect

START_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningThimble:
    """`thimble serve` on a home; use it as a context manager."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.environment = os.environ | {"THIMBLE_HOME": str(home)} | environment
        self.log = home.parent / f"{home.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        argv = [sys.executable, "-m", "server.cli", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, env=self.environment)
        end = time.monotonic() + START_S
        while not self.is_ready():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"not ready in {START_S} s\n{self.log.read_text()}"
            time.sleep(0.1)

    def is_ready(self) -> bool:
        file = self.home / "server.json"
        return file.exists() and f'"pid": {self.pid},' in file.read_text()

    def kill(self) -> None:
        """-9, as a power cut or an out-of-memory killer would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        self.kill()
        self.start()

    def client(self) -> Client:
        return connect(self.home)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def copy_home(prepared: Path, target: Path) -> Path:
    """A home whose embedder and help index are made already."""
    shutil.copytree(prepared, target, ignore=shutil.ignore_patterns("server.*", "*.token"))
    return target
