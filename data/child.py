"""Reads uploads in a process of its own, with bounded memory and time.

A file made to break a reader then ends this child, not the server. `python -m data.child` takes
a request as JSON on standard input and answers on standard output.
"""

import json
import logging
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import data
from core.errors import RequestRefused, ServiceFailed
from data.formats.base import Facts, Limits, Table
from data.prepare import prepare
from data.reading import read_table
from data.request import Prepared, Request

log = logging.getLogger(__name__)

MEMORY_BYTES = 6 * 2**30
"""Address space, of which pyarrow reserves more than it uses."""
SECONDS = 300
SLOTS = threading.BoundedSemaphore(2)
"""Files read at the same time; further ones wait."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR")


def run(request: Request, memory_bytes: int = MEMORY_BYTES, seconds: int = SECONDS) -> Prepared:
    """`prepare` in a child.

    Raises:
        RequestRefused: What is wrong with the file, or that it needs too much memory or time.
        ServiceFailed: The child could not do its work for a reason that is not the file's.
    """
    answer = asked({"prepare": request.as_dict()}, memory_bytes, seconds)
    return Prepared(**answer["prepared"])


def read(
    path: Path,
    filename: str,
    limits: Limits,
    memory_bytes: int = MEMORY_BYTES,
    seconds: int = SECONDS,
) -> Table:
    """`read_table` in a child; the table has no line numbers.

    Raises as `run` does, and RequestRefused for texts of more than `limits.decoded_bytes`.
    """
    wanted = {"path": str(path), "filename": filename, "limits": asdict(limits)}
    answer = asked({"read": wanted}, memory_bytes, seconds)
    return Table(answer["table"], Facts(**answer["facts"]))


def asked(request: Mapping[str, Any], memory_bytes: int, seconds: int) -> dict[str, Any]:
    """The child's answer. Raises RequestRefused when it is a refusal."""
    with SLOTS:
        answer: dict[str, Any] = json.loads(start(request, memory_bytes, seconds))
    if refused := answer.get("refused"):
        raise RequestRefused(
            refused["message"],
            code=refused["code"],
            param=refused["param"],
            fix=refused["fix"],
        )
    return answer


def start(request: Mapping[str, Any], memory_bytes: int, seconds: int) -> str:
    """What the child says on standard output."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "data.child", str(memory_bytes), str(seconds)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=Path(data.__file__).parent.parent,
            env=environment(),
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise too_much(f"it took longer than {seconds} s") from error
    if done.returncode < 0:
        raise too_much(f"the reader was stopped by signal {-done.returncode}")
    if done.returncode > 0:
        log.error("the reader of files failed: %s", done.stderr)
        raise ServiceFailed(
            "The file could not be read for a reason inside Thimble.",
            code="reader_failed",
            fix="The server's log has the details.",
        )
    return done.stdout


def environment() -> dict[str, str]:
    given = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return given | threads | {"ARROW_DEFAULT_MEMORY_POOL": "system", "PYTHONUTF8": "1"}


def deleted() -> RequestRefused:
    return RequestRefused(
        "The file was deleted while it was read.",
        code="not_found",
        param="file_id",
        fix="Upload it again.",
    )


def too_much(why: str) -> RequestRefused:
    return RequestRefused(
        f"The file cannot be read with the memory and time that one file may take: {why}.",
        code="file_too_large",
        param="file_id",
        fix="Upload a part of it, or only the text and the label column.",
    )


def limit(memory_bytes: int, seconds: int) -> None:
    for kind, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, seconds)):
        _soft, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, hard))


def answer_to(request: Mapping[str, Any]) -> dict[str, Any]:
    if "prepare" in request:
        return {"prepared": asdict(prepare(Request.from_dict(request["prepare"])))}
    wanted = request["read"]
    limits = Limits(**wanted["limits"])
    table = read_table(Path(wanted["path"]), wanted["filename"], limits)
    sizes = (len(value) for column in table.columns.values() for value in column if value)
    if sum(sizes) > limits.decoded_bytes:
        raise too_much(f"its texts have more than {limits.decoded_bytes >> 20} MiB")
    return {"table": table.columns, "facts": asdict(table.facts)}


def main(memory_bytes: str, seconds: str) -> None:
    limit(int(memory_bytes), int(seconds))
    try:
        answer = answer_to(json.load(sys.stdin))
    except RequestRefused as refusal:
        answer = {"refused": refusal.as_dict()}
    except FileNotFoundError:
        answer = {"refused": deleted().as_dict()}
    except MemoryError:
        answer = {"refused": too_much("the memory was used up").as_dict()}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
