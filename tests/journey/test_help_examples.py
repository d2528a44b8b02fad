"""The examples of the help, run as they stand: each page on a home of its own, in order."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune import tiny_chat
from finetune.bases import Bases
from knowledge import builtin
from server.help_pages import NAMES
from tests.running import RunningThimble, copy_home

pytestmark = pytest.mark.slow
FILES = Path(__file__).parents[1] / "files"
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
BEGUN = frozenset({"settings-of-a-run", "endpoints"})
"""Pages that begin with a dataset, and the last with an endpoint: both are called `tickets`."""
CHATS = "chat-models"
"""The page that trains a chat model, in a home whose `tiny-chat` need not be built first."""


def program(name: str) -> str:
    """A page's blocks as one shell script; those marked `norun`, and data, are not in it."""
    text = (builtin.folder_of("en") / f"{name}.md").read_text("utf-8")
    return "\n".join(
        step(*block) for block in FENCE.findall(text) if block[1] in ("bash", "python")
    )


def step(indent: str, language: str, code: str) -> str:
    plain = "\n".join(line.removeprefix(indent) for line in code.splitlines())
    if language == "python":
        plain = f"python - <<'END_OF_EXAMPLE'\n{plain}\nEND_OF_EXAMPLE"
    return plain


RUNNABLE = [name for name in NAMES if program(name).strip()]


@pytest.fixture(scope="module")
def begun_home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the dataset, the model and the live endpoint that a first job leaves."""
    home = copy_home(prepared_home, tmp_path_factory.mktemp("begun") / "home")
    with RunningThimble(home) as running, running.client() as thimble:
        file_id = thimble.upload(FILES / "tickets.csv")
        thimble.call("create_dataset", name="tickets", file_id=file_id)
        thimble.run_approved("start_finetune", dataset="tickets", epochs=1)
        assert thimble.wait()["state"] == "succeeded"
        thimble.run_approved("deploy_endpoint", model="tickets", name="tickets")
    return home


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The folder that a reader works in, with the file that the pages speak of."""
    shutil.copy(FILES / "tickets.csv", tmp_path)
    yield tmp_path


@pytest.mark.timeout(1_000)
@pytest.mark.parametrize("name", RUNNABLE)
def test_the_examples_of_a_page_work_as_they_stand(
    name: str, prepared_home: Path, begun_home: Path, place: Path
) -> None:
    # As on a reader's machine: the home is ~/.thimble, and no variable says so.
    home = copy_home(begun_home if name in BEGUN else prepared_home, place / ".thimble")
    if name == CHATS:
        tiny_chat.random_weights(Bases(home).get(tiny_chat.NAME).path)
    with RunningThimble(home, HOME=str(place)) as running:
        script = program(name).replace("http://127.0.0.1:8000", running.url)
        done = run(script, place)
    told = f"{script}\n{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    assert done.returncode == 0, told
    # curl ends well also when the server refuses.
    assert '"request_id"' not in done.stdout, told


def run(script: str, place: Path) -> subprocess.CompletedProcess[str]:
    commands = Path(sys.executable).parent
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THIMBLE_")
    }
    environment |= {"HOME": str(place), "PATH": f"{commands}:{environment['PATH']}"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_few_examples_are_not_run() -> None:
    texts = [(builtin.folder_of("en") / f"{name}.md").read_text("utf-8") for name in NAMES]
    shells = [info for text in texts for info in re.findall(r"^ *```(bash.*)$", text, re.MULTILINE)]

    assert shells.count("bash") > 2 * shells.count("bash norun")
