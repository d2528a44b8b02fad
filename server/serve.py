"""Start the server of a home: the checks before listening, each with a clear refusal."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

import psutil
import uvicorn

from core import home
from core.errors import SettingsError
from core.settings import Settings
from server.gate import LOOPBACK

Say = Callable[[str], None]
GRACE_S = 5


def serve_home(settings: Settings, host: str, port: int, say: Say) -> None:
    """Serve until interrupted. Raises SettingsError when it cannot start as asked."""
    refuse_open_door(settings, host)
    lock = home.take(settings.home)
    # uvicorn ends in order and then raises the signal again: this way the lock is released too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        listener = listen(host, port)
        # The house takes seconds to import: what cannot be served is said before that.
        from server import setup
        from server.app import build_house, create_app

        url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"
        house = build_house(settings, url)
        setup.prepare(house, say)
        server = uvicorn.Server(uvicorn_config(create_app(house)))
        announce_when_ready(server, lock, url, say)
        server.run(sockets=[listener])
    finally:
        lock.release()


def refuse_open_door(settings: Settings, host: str) -> None:
    if host not in LOOPBACK and settings.api_key is None:
        raise SettingsError(
            f"--host {host} would let other machines in, and there is no key.",
            param="THIMBLE_API_KEY",
            fix="Set THIMBLE_API_KEY, or leave --host out.",
        )


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Port {port} on {host} cannot be used: {error.strerror}{owner_of(port)}.",
            code="port_taken",
            param="--port",
            fix="Stop that program, or use --port with another number.",
        ) from error
    return listener


def owner_of(port: int) -> str:
    """Who listens there, as far as the system tells: ` (python, process 4711)`."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == "LISTEN" and connection.laddr.port == port and connection.pid:
                return f" ({psutil.Process(connection.pid).name()}, process {connection.pid})"
    except psutil.Error:
        return ""
    return ""


def uvicorn_config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        ws="websockets-sansio",
        proxy_headers=False,
        server_header=False,
    )


def announce_when_ready(server: uvicorn.Server, lock: home.HomeLock, url: str, say: Say) -> None:
    """Write server.json and say the address once requests are answered, not before."""

    def wait() -> None:
        while not server.started:
            time.sleep(0.05)
        lock.announce(url)
        say(f"Thimble is ready: {url} (process {os.getpid()}, state in {lock.home}). Stop: Ctrl+C.")

    threading.Thread(target=wait, daemon=True).start()
