"""`tiny-chat` with its real weights: built once for a machine, then kept in pytest's cache."""

import hashlib
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from core.job import RESULT_FILE, read_json
from finetune import tiny_chat
from finetune.bases import Bases
from finetune.job import worker_argv
from finetune.worker import pretrain


def put_tiny_chat(home: Path, cache: Path) -> None:
    """Make `tiny-chat` ready in a home, as if its job had run there.

    Args:
        cache: Where it is kept, such as `request.config.cache.mkdir("tiny-chat")`. The first call
            on a machine, and after a change of what it is made from, takes minutes.
    """
    base = Bases(home).get(tiny_chat.NAME)
    job = cache / key(base.path)
    if not (job / RESULT_FILE).exists():
        shutil.rmtree(job, ignore_errors=True)
        tiny_chat.write_job(base.path, job, threads=1)
        subprocess.run(worker_argv(job), check=True, timeout=3600, stdout=sys.stderr)
    tiny_chat.adopt(job, base.path)
    assert Bases(home).get(tiny_chat.NAME).ready
    assert read_json(job / RESULT_FILE)["folder"] == pretrain.BASE


def key(base: Path) -> str:
    """Of all that decides the weights."""
    sources = [*tiny_chat.help_pages(), *pretrain.FOLDER.glob("*.*"), Path(tiny_chat.__file__)]
    parts = [path.read_bytes() for path in sorted(sources) if path.is_file()]
    parts += [(base / name).read_bytes() for name in tiny_chat.WRITTEN]
    digest = hashlib.sha256(version("torch").encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]
