"""Ask an engine's process: JSON over HTTP on a unix socket, with connections that are kept."""

import http.client
import json
import socket
import threading
from typing import Any

from core.errors import RequestRefused, ServiceFailed

TIMEOUT_S = 60.0
LOAD_TIMEOUT_S = 300.0


class EngineGone(Exception):
    """The process does not answer any more; the question may be asked again of the next one."""


class NotLoaded(Exception):
    """The process does not hold this model."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Wire:
    """The way to one process. Threads may use it at once, each on its own connection."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[UnixConnection] = []
        self._closed = False

    def ask(
        self, method: str, path: str, content: Any = None, timeout_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """The answer.

        Raises:
            EngineGone: The process ended or closed the connection.
            NotLoaded: It does not hold the model.
            RequestRefused: It cannot load the model.
            ServiceFailed: It failed, or did not answer in time.
        """
        connection = self._connection()
        try:
            status, body = exchange(connection, method, path, content, timeout_s)
        except TimeoutError:
            connection.close()
            raise ServiceFailed(
                f"The model did not answer within {timeout_s:.0f} s.",
                code="engine_slow",
                fix="Send fewer or shorter texts, or try again when the machine is less busy.",
            ) from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise EngineGone(str(error)) from error
        self._give_back(connection)
        return read(status, body)

    def close(self) -> None:
        """Let go of the connections, and of those in use when they come back."""
        with self._lock:
            self._closed = True
            for connection in self._idle:
                connection.close()

    def _connection(self) -> UnixConnection:
        with self._lock:
            return self._idle.pop() if self._idle else UnixConnection(self._path)

    def _give_back(self, connection: UnixConnection) -> None:
        with self._lock:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)


def exchange(
    connection: UnixConnection, method: str, path: str, content: Any, timeout_s: float
) -> tuple[int, bytes]:
    connection.timeout = timeout_s
    if connection.sock is not None:
        connection.sock.settimeout(timeout_s)
    body = None if content is None else json.dumps(content).encode()
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


def read(status: int, body: bytes) -> dict[str, Any]:
    if status == 404:
        raise NotLoaded
    if status == 422:
        error = json.loads(body)["error"]
        raise RequestRefused(error["message"], code=error["code"], fix=error["fix"])
    if status != 200:
        raise ServiceFailed(
            "The model failed on this text.", code="engine_error", fix="See the engine's log."
        )
    answer: dict[str, Any] = json.loads(body)
    return answer
