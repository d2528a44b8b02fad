"""A server that is killed while it makes a dataset leaves none or a whole one."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from data.datasets import SPLITS
from tests.data.room import CALLER, Room

ROOT = Path(__file__).parents[2]
MAKER = """
import sys
from pathlib import Path
from core.identity import Caller
from core.records.database import Database
from core.storage import Storage
from data.datasets import Datasets

home = Path(sys.argv[1])
datasets = Datasets(Database(home / "records.sqlite"), Storage(home))
print("ready", flush=True)
for seed in range(1000):
    datasets.create(Caller(), name="tickets", file_id=sys.argv[2], seed=seed)
"""


@pytest.mark.faults
@pytest.mark.parametrize("after_s", [0.2, 1.1, 1.7])
def test_kill_9_while_datasets_are_made_leaves_only_whole_ones(
    room: Room, samples: Path, after_s: float
) -> None:
    file_id = room.upload_file(samples / "tickets.csv")
    argv = [sys.executable, "-c", MAKER, str(room.home), file_id]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == b"ready\n"
        time.sleep(after_s)
        maker.kill()
    after = Room(room.home)
    after.datasets.sweep()

    for dataset in after.datasets.list(CALLER):
        assert {s: len(list(after.datasets.rows(dataset, s))) for s in SPLITS} == dataset.splits
    new = after.datasets.create(CALLER, name="tickets", file_id=file_id, seed=5000)
    known = {dataset.id for dataset in after.datasets.list(CALLER)}
    time.sleep(1)  # the orphaned reader, if there is one, ends by itself
    after.datasets.sweep()
    assert {path.name for path in (room.home / "datasets").iterdir()} == known
    assert new.id in known
