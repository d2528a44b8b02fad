"""Engines and servers are killed with -9; requests get an answer or a typed error, and it heals."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import ServiceFailed
from core.records.database import Database
from serving.routes import EngineKey
from tests.serving.conftest import Room, wait_until

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parent.parent.parent
SERVER = """
import os, signal, sys
from pathlib import Path
from core.events import Bus
from core.identity import Caller
from core.records.database import Database
from core.storage import Storage
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from serving.supervisor import Supervisor
home, *models = sys.argv[1:]
home = Path(home)
launcher, bus = LocalLauncher(home, os.environ, Capacity(cpus=2)), Bus()
supervisor = Supervisor(Database(home / "records.sqlite"), Storage(home), launcher, bus)
supervisor.start()
for model in models[:-1]:
    supervisor.deploy(Caller(), model, "zoo")
print("live", flush=True)
if models[-1] != "-":
    # The first thing that is told of a deployment: it is written down and not yet loaded.
    bus.subscribe(lambda event: os.kill(os.getpid(), signal.SIGKILL))
    supervisor.deploy(Caller(), models[-1], "zoo")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_requests_in_flight_when_the_engine_is_killed_are_answered_by_the_next_one(
    room: Room,
) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    pid = room.engine_pid()
    outcomes: list[str] = []

    def ask() -> None:
        try:
            found = room.supervisor.classify(room.caller, "zoo", ["meow " * 6000] * 60)
            outcomes.append(found.answers[-1][0][0])
        except ServiceFailed as error:
            outcomes.append(error.code)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    threading.Event().wait(0.3)
    assert outcomes == [], "the requests should be in flight"
    os.kill(pid, signal.SIGKILL)
    for asker in askers:
        asker.join(60)

    assert len(outcomes) == 4
    assert set(outcomes) <= {"cat", "engine_lost"}
    assert "cat" in outcomes
    wait_until(room.supervisor.healthy)
    assert room.engine_pid() != pid
    assert room.supervisor.classify(room.caller, "zoo", "woof").answers[0][0][0] == "dog"


def test_an_engine_that_dies_unnoticed_is_brought_back_without_being_asked(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    pid = room.engine_pid()

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not room.supervisor.healthy())
    assert room.supervisor.status(room.caller, "zoo")["state"] == "starting"

    wait_until(room.supervisor.healthy)
    assert room.supervisor.status(room.caller, "zoo")["state"] == "live"


def test_an_engine_that_hangs_is_replaced(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    pid = room.engine_pid()
    engine = room.supervisor._engines[EngineKey("onnx")]

    os.kill(pid, signal.SIGSTOP)
    engine.check(timeout_s=0.5)
    wait_until(lambda: room.supervisor.healthy() and room.engine_pid() != pid)

    assert room.supervisor.classify(room.caller, "zoo", "woof").answers[0][0][0] == "dog"
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_an_engine_that_always_dies_does_not_start_for_ever(room: Room) -> None:
    room.add()
    room.supervisor.deploy(room.caller, "pets", "zoo")
    stop = threading.Event()

    def kill() -> None:
        while not stop.is_set():
            if room.supervisor.healthy():
                os.kill(room.engine_pid(), signal.SIGKILL)
            stop.wait(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    wait_until(lambda: storm(room), seconds=60)
    stop.set()
    killer.join()


def storm(room: Room) -> bool:
    try:
        room.supervisor.classify(room.caller, "zoo", "woof")
    except ServiceFailed as error:
        return error.code == "engine_down"
    return False


def test_a_killed_server_leaves_no_engine_behind_and_the_next_one_serves(room: Room) -> None:
    room.add()
    room.supervisor.stop()

    run_server(room, "pets@1", "-")
    pid = room.engine_pid()

    wait_until(lambda: not alive(pid))
    room.start()
    assert room.supervisor.classify(room.caller, "zoo", "meow").answers[0][0][0] == "cat"
    wait_until(room.supervisor.healthy)


def test_a_server_killed_while_it_deploys_finishes_that_at_the_next_start(room: Room) -> None:
    room.add()
    room.supervisor.stop()

    run_server(room, "pets@1")
    room.start()

    wait_until(lambda: room.supervisor.status(room.caller, "zoo")["state"] == "live")
    assert room.supervisor.classify(room.caller, "zoo", "meow").model == "pets@1"
    assert room.supervisor.deploy(room.caller, "pets@1", "zoo").state == "live"
    assert len(room.supervisor.list(room.caller)) == 1


def test_a_server_killed_while_it_replaces_a_model_serves_the_old_one_and_can_replace_it(
    room: Room,
) -> None:
    room.add()
    room.add()
    room.supervisor.stop()

    run_server(room, "pets@1", "pets@2")
    room.start()

    assert room.supervisor.classify(room.caller, "zoo", "meow").model == "pets@1"
    room.supervisor.deploy(room.caller, "pets@2", "zoo")
    assert room.supervisor.classify(room.caller, "zoo", "meow").model == "pets@2"


def run_server(room: Room, *models: str) -> None:
    """Deploy all but the last in another process, which is killed while it deploys the last."""
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(room.home), *models],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == "live\n"


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_the_records_open_cleanly_after_such_a_kill(room: Room) -> None:
    room.add()
    room.supervisor.stop()
    run_server(room, "pets@1", "-")

    database = Database(room.home / "records.sqlite")
    with database.read() as session:
        checked = session.connection().exec_driver_sql("PRAGMA integrity_check").scalar()
    database.close()

    assert checked == "ok"
    room.start()
