"""Ask an engine's process: JSON over HTTP on a unix socket, with connections that are kept."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

from core.errors import RequestRefused, ServiceFailed, ThimbleError

TIMEOUT_S = 60.0
CHUNK_BYTES = 65_536
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
            response = exchange(connection, method, path, content, timeout_s)
            status, body = response.status, response.read()
        except TimeoutError:
            connection.close()
            raise slow(timeout_s) from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise EngineGone(str(error)) from error
        self._give_back(connection)
        return read(status, body)

    def stream(
        self, path: str, content: Any, timeout_s: float = TIMEOUT_S
    ) -> Iterator[dict[str, Any]]:
        """Each line of an answer as it comes. Closing the iterator tells the process to stop.

        Args:
            timeout_s: Longest silence; a process that lives breaks it before.

        Raises:
            EngineGone: The process ended, perhaps in the middle of the answer.
            RequestRefused, ServiceFailed, NotLoaded: As `ask`.
        """
        connection = self._connection()
        whole = False
        try:
            response = exchange(connection, "POST", path, content, timeout_s)
            if response.status != 200:
                body, whole = response.read(), True
                read(response.status, body)
            yield from lines(response)
            whole = True
        except TimeoutError:
            raise slow(timeout_s) from None
        except (OSError, http.client.HTTPException) as error:
            raise EngineGone(str(error)) from error
        finally:
            # A connection with an answer still in it is of no use to the next question.
            if whole:
                self._give_back(connection)
            else:
                connection.close()

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
) -> http.client.HTTPResponse:
    connection.timeout = timeout_s
    if connection.sock is not None:
        connection.sock.settimeout(timeout_s)
    body = None if content is None else json.dumps(content).encode()
    connection.request(method, path, body, {"Content-Type": "application/json"})
    return connection.getresponse()


def lines(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    rest = b""
    while chunk := response.read1(CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:  # an empty one only says that the process lives
                yield json.loads(line)
    if rest:
        raise http.client.IncompleteRead(rest)


def read(status: int, body: bytes) -> dict[str, Any]:
    if status == 404:
        raise NotLoaded
    if status == 422:
        raise rebuilt(json.loads(body)["error"])
    if status != 200:
        raise ServiceFailed(
            "The model failed on this text.", code="engine_error", fix="See the engine's log."
        )
    answer: dict[str, Any] = json.loads(body)
    return answer


def rebuilt(error: dict[str, Any]) -> ThimbleError:
    """The error that the process wrote down."""
    kind = ServiceFailed if error["type"] == "ServiceFailed" else RequestRefused
    return kind(error["message"], code=error["code"], param=error["param"], fix=error["fix"])


def slow(timeout_s: float) -> ServiceFailed:
    return ServiceFailed(
        f"The model did not answer within {timeout_s:.0f} s.",
        code="engine_slow",
        fix="Send fewer or shorter texts, or try again when the machine is less busy.",
    )
