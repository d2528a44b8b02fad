"""The README's own lines, run as they stand on a server of the tests."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune import tiny_chat
from finetune.bases import Bases
from tests.running import RunningThimble, copy_home

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def thimble(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningThimble]:
    home = copy_home(prepared_home, tmp_path_factory.mktemp("readme") / "home")
    # Weights that know nothing, instead of the minutes that it takes to make them.
    tiny_chat.random_weights(Bases(home).get(tiny_chat.NAME).path)
    with RunningThimble(home) as running:
        yield running


def block(heading: str) -> str:
    """The first block of code below a heading."""
    found = re.search(rf"^## {heading}\n.*?^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def test_the_python_program_ends_with_an_answer(thimble: RunningThimble) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("From Python")],
        cwd=ROOT,
        env=thimble.environment,
        capture_output=True,
        text=True,
    )
    assert "'label'" in done.stdout, done.stderr


@pytest.mark.timeout(900)
def test_the_chat_program_ends_with_an_answer_as_it_comes(thimble: RunningThimble) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("A chat model")],
        cwd=ROOT,
        env=thimble.environment,
        capture_output=True,
        text=True,
    )
    verdict, _, answer = done.stdout.partition("\n")
    assert "perplexity" in verdict, done.stderr
    assert answer


def test_the_curl_lines_lead_from_a_file_to_an_approval(thimble: RunningThimble) -> None:
    lines = block("Over HTTP").replace("http://127.0.0.1:8000", thimble.url)
    upload, create, start, *_ = re.findall(r"curl (?:[^\n]*\\\n)*[^\n]*", lines)
    file_id = re.search(r'"id":"(file-[0-9a-f]+)"', shell(upload))
    assert file_id is not None
    assert '"dataset":"tickets@1"' in shell(create.replace("file-…", file_id[1]))
    assert '"tool":"start_finetune"' in shell(start.partition("#")[0])


def shell(line: str) -> str:
    return subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True).stdout
