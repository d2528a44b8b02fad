import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import home
from core.errors import SettingsError

HOLD = """
import sys, time
from pathlib import Path
from core import home
lock = home.take(Path(sys.argv[1]))
lock.announce("http://127.0.0.1:8123")
print("taken", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def test_the_second_server_of_a_home_is_refused_and_told_who_holds_it(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(SettingsError, match=rf"http://127.0.0.1:8123 \(process {holder.pid}\)"):
        home.take(tmp_path)


def test_a_holder_killed_with_9_is_taken_over(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    holder.kill()
    holder.wait()
    home.take(tmp_path).release()


def test_what_a_killed_server_left_is_not_taken_for_a_running_one(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    assert home.running_server(tmp_path) == "http://127.0.0.1:8123"
    holder.kill()
    holder.wait()
    with pytest.raises(SettingsError, match="Start it with `make chat`"):
        home.running_server(tmp_path)


def test_the_owners_token_is_readable_by_the_owner_alone_and_stays_the_same(tmp_path: Path) -> None:
    token = home.owner_token(tmp_path)
    assert home.owner_token(tmp_path) == token
    assert (tmp_path / home.TOKEN_FILE).stat().st_mode & 0o077 == 0


def test_a_home_on_a_network_file_system_is_refused_by_its_type(tmp_path: Path) -> None:
    mounts = ["/dev/sda1 / ext4 rw 0 0", f"server:/export {tmp_path} nfs4 rw 0 0"]
    with pytest.raises(SettingsError, match="nfs4"):
        home.refuse_network(tmp_path / "state", mounts)


def test_a_local_folder_below_a_network_mount_is_judged_by_its_own_mount(tmp_path: Path) -> None:
    mounts = ["server:/export / nfs rw 0 0", f"/dev/sdb1 {tmp_path} ext4 rw 0 0"]
    home.refuse_network(tmp_path, mounts)


def test_a_home_that_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="cannot be written"):
        home.take(tmp_path / "file" / "home")
