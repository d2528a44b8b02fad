"""How long a start takes, and what the web process holds: a fresh home, then the same again.

python -m benchmarks.start
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from server.client import Client, connect


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        print("| start | ready after | first answer after | web process, idle |")
        print("|---|---|---|---|")
        for name in ("fresh home", "again"):
            print(f"| {name} | {' | '.join(measure(home))} |")


def measure(home: Path) -> list[str]:
    """Seconds to ready, seconds to the first answer, MB (10^6) of resident memory then."""
    began = time.monotonic()
    server = start(home)
    try:
        ready = time.monotonic() - began
        with connect(home) as client:
            ask(client, "How do I format data for fine-tuning?")
        answered = time.monotonic() - began
        time.sleep(5)
        memory = psutil.Process(server.pid).memory_info().rss
        return [f"{ready:.1f} s", f"{answered:.1f} s", f"{memory / 1e6:.0f} MB"]
    finally:
        server.terminate()
        server.wait()


def start(home: Path) -> "subprocess.Popen[bytes]":
    code = (
        "import sys; from pathlib import Path; from core.settings import Settings; "
        "from server.serve import serve_home; "
        "serve_home(Settings(home=Path(sys.argv[1])), '127.0.0.1', 8765, print)"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.DEVNULL)
    while not (home / "server.json").exists():
        if server.poll() is not None:
            raise SystemExit("the server did not start")
        time.sleep(0.05)
    return server


def ask(client: Client, text: str) -> None:
    words = "".join(event.get("text", "") for event in client.chat("benchmark", text))
    if not words:
        raise SystemExit("no answer came")


if __name__ == "__main__":
    main()
