"""One SQLite file, opened so that no update is lost: `BEGIN IMMEDIATE` for whoever writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import core
from core.errors import ServiceFailed
from core.records.tables import Counter

BUSY_TIMEOUT_MS = 10_000
WAL_SAFE_FROM = (3, 51, 3)
"""Older SQLite can corrupt a WAL database when two connections checkpoint at once."""


def pragmas() -> tuple[str, ...]:
    journal = "WAL" if sqlite3.sqlite_version_info >= WAL_SAFE_FROM else "TRUNCATE"
    return (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        f"journal_mode={journal}",
        "synchronous=FULL",
        "foreign_keys=ON",
    )


def prepare(engine: Engine) -> None:
    """Give each connection our pragmas, and begin as its `writes` option says.

    For an async engine pass its `sync_engine`.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in pragmas():
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Database:
    """The records of one home.

    Use `with database.write() as session:` to change and `with database.read() as session:` to
    look. Leaving the block commits, an exception rolls back. Objects stay readable afterwards.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = create_engine(f"sqlite:///{path}")
        prepare(self.engine)
        self._reading = self.engine.execution_options(writes=False)

    def migrate(self) -> None:
        """Bring the file to the newest schema."""
        config = Config()
        config.set_main_option("script_location", str(Path(core.__file__).parent / "migrations"))
        with self.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._session(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._session(self._reading) as session, session.begin():
            yield session

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False) as session:
                yield session
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            raise ServiceFailed(
                f"The records are busy: no access within {BUSY_TIMEOUT_MS // 1000} s.",
                code="records_busy",
                fix="Try again in a moment.",
            ) from error

    def close(self) -> None:
        self.engine.dispose()


def next_id(session: Session, kind: str) -> str:
    """The next id of a kind, such as `run_8`. Call it inside `write()`."""
    counter = session.get(Counter, kind, with_for_update=True)
    if counter is None:
        counter = Counter(kind=kind, last=0)
        session.add(counter)
    counter.last += 1
    return f"{kind}_{counter.last}"
