"""One server per home: who holds it, proved by a lock that the system drops with the process."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import SettingsError
from core.job import read_json, write_bytes, write_json

SERVER_FILE = "server.json"
LOCK_FILE = "server.lock"
TOKEN_FILE = "owner.token"
NETWORK_FILE_SYSTEMS = {
    "9p", "afs", "ceph", "cifs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4",
    "smb3", "smbfs",
}  # fmt: skip
MOUNTS = Path("/proc/mounts")


@dataclass
class HomeLock:
    """Held until `release` or the end of the process, however it ends."""

    home: Path
    _file: IO[str]

    def announce(self, url: str) -> None:
        """Let clients find this server."""
        write_json(
            self.home / SERVER_FILE, {"url": url, "pid": os.getpid(), "started_at": time.time()}
        )

    def release(self) -> None:
        (self.home / SERVER_FILE).unlink(missing_ok=True)
        self._file.close()


def take(home: Path) -> HomeLock:
    """Make the home if need be and hold it.

    Raises SettingsError: not writable, on a network file system, or held by a living server
    (named). A dead holder's lock is gone with it, so its home is simply taken over.
    """
    make_writable(home)
    refuse_network(home, MOUNTS.read_text().splitlines() if MOUNTS.exists() else [])
    file = (home / LOCK_FILE).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SettingsError(
            f"{home} is in use by {holder(home)}.",
            code="home_in_use",
            param="THIMBLE_HOME",
            fix="Stop that server, or set THIMBLE_HOME to another folder.",
        ) from None
    return HomeLock(home, file)


def holder(home: Path) -> str:
    server = read_json(home / SERVER_FILE)
    if not server:
        return "another Thimble that is just starting or stopping"
    return f"the Thimble at {server['url']} (process {server['pid']})"


def make_writable(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        probe = home / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"THIMBLE_HOME={str(home)!r} cannot be written: {error.strerror}.",
            param="THIMBLE_HOME",
            fix="Make the folder writable, or set THIMBLE_HOME to another.",
        ) from error


def refuse_network(home: Path, mounts: Iterable[str]) -> None:
    """Locks and SQLite are not safe over a network.

    Args:
        mounts: Lines of /proc/mounts; none where the system has no such file.
    """
    found = [line.split() for line in mounts]
    path = str(home.resolve())
    holding = [m for m in found if path == m[1] or path.startswith(m[1].rstrip("/") + "/")]
    if not holding:
        return
    mount = max(holding, key=lambda m: len(m[1]))
    if mount[2] in NETWORK_FILE_SYSTEMS:
        raise SettingsError(
            f"THIMBLE_HOME={str(home)!r} lies on a network file system ({mount[2]} at {mount[1]}), "
            "where the records could be damaged.",
            param="THIMBLE_HOME",
            fix="Set THIMBLE_HOME to a folder on a local disk.",
        )


def is_held(home: Path) -> bool:
    """Whether a living process holds the home: a file that a crash left says nothing."""
    with (home / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def owner_token(home: Path) -> str:
    """The secret that lets its holder decide approvals; made on first use, for the owner only."""
    path = home / TOKEN_FILE
    if not path.exists():
        old = os.umask(0o077)
        try:
            write_bytes(path, secrets.token_urlsafe(32).encode())
        finally:
            os.umask(old)
    return path.read_text().strip()


def running_server(home: Path) -> str:
    """The URL of the server of this home. Raises SettingsError when none runs."""
    server = read_json(home / SERVER_FILE)
    if server is None or not is_held(home):
        raise SettingsError(
            f"No Thimble runs on {home}.",
            code="no_server",
            param="THIMBLE_HOME",
            fix="Start it with `make chat` or `thimble serve`.",
        )
    return str(server["url"])
