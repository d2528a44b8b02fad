"""The records of endpoints. Each function is one step that happens whole or not at all."""

import time
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import RequestRefused, ThimbleError
from core.identity import Caller
from core.records.database import Database, next_id
from core.records.queries import owned, stamp, versioned
from core.records.tables import Endpoint, Model
from serving.monitor import Counts

WANTED = ("starting", "live")
"""States of what should be up."""


class Endpoints:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, caller: Caller, *, stopped: bool = False) -> list[Endpoint]:
        """The caller's endpoints, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(owned(Endpoint, caller)).all()
        return [row for row in rows if stopped or row.state != "stopped"]

    def wanted(self) -> list[tuple[Endpoint, Model]]:
        """What should be up, of every owner, with the model that it should serve."""
        with self._database.read() as session:
            rows = session.scalars(select(Endpoint).where(Endpoint.state.in_(WANTED))).all()
            return [(row, model_of(session, row)) for row in rows]

    def get(self, caller: Caller, name: str) -> Endpoint:
        """By its name, also when it is stopped. Raises RequestRefused listing those that are up."""
        with self._database.read() as session:
            row = find(session, caller, name)
        if row is None:
            raise self.unknown(caller, name, "endpoint")
        return row

    def pick(self, caller: Caller, name: str = "") -> Endpoint:
        """The endpoint of this name; for "" the one that went live last. It is not stopped."""
        up = [row for row in self.all(caller) if row.state in WANTED]
        if name:
            up = [row for row in up if row.name == name]
        if not up:
            raise self.unknown(caller, name, "endpoint")
        return max(up, key=lambda row: row.live_at or 0.0)

    def rival(self, caller: Caller, model: Model, wanted: str) -> str:
        """Under which name to ask what a model is compared with.

        Args:
            wanted: An endpoint, a model (`name` or `name@version`), or `base`: of a chat model its
                base, untuned; of a classifier the linear model on the untouched base that was
                trained on the same rows.
        """
        if wanted == "base":
            return model.base_model if model.task == "chat" else self._untuned(caller, model).ref
        with self._database.read() as session:
            row = find(session, caller, wanted)
            if row is not None and row.state in WANTED:
                return row.name
            found: Model = versioned(session, Model, caller, wanted)
        return found.ref

    def _untuned(self, caller: Caller, model: Model) -> Model:
        wanted = owned(Model, caller).where(Model.run_id == model.run_id, Model.kind == "frozen")
        with self._database.read() as session:
            found: Model | None = session.scalars(wanted).first()
        if found is None:
            raise RequestRefused(
                f"No untuned model was kept beside {model.ref}.",
                code="not_found",
                param="compare_with",
                fix="Name another model; list_models shows them.",
            )
        return found

    def model(self, caller: Caller, ref: str) -> Model:
        """By `name@version`, or the newest version of a name."""
        with self._database.read() as session:
            found: Model = versioned(session, Model, caller, ref)
        return found

    def task(self, caller: Caller, row: Endpoint) -> str:
        """What its model does: `classify` or `chat`; "" once the model was deleted."""
        name, _, version = row.model.partition("@")
        wanted = owned(Model, caller).where(Model.name == name, Model.version == int(version or 0))
        with self._database.read() as session:
            found: Model | None = session.scalars(wanted).first()
        return found.task if found else ""

    def resolve(self, caller: Caller, target: str) -> tuple[str | None, Model]:
        """The endpoint's id, if it is one, and the model that answers for `target`.

        A bare model name is no target: nothing answers under a name before it was deployed or
        after it was stopped.
        """
        with self._database.read() as session:
            row = find(session, caller, target)
            if row is not None and row.state in WANTED:
                return row.id, model_of(session, row)
            if "@" in target:
                return None, versioned(session, Model, caller, target)
        raise self.unknown(caller, target, "model")

    def prepare(self, caller: Caller, model: Model, name: str) -> Endpoint:
        """The endpoint's record before its model is loaded; one that is live stays as it is."""
        with self._database.write() as session:
            row = find(session, caller, name)
            if row is None:
                identifier = next_id(session, "endpoint")
                row = Endpoint(id=identifier, name=name, model="", state="", **stamp(caller))
                session.add(row)
            if row.state == "stopped":
                row.requests, row.errors = 0, 0
            if row.state != "live":
                row.state, row.model, row.error, row.live_at = "starting", model.ref, None, None
            return row

    def go_live(self, identifier: str, model_ref: str) -> Endpoint:
        """Write down that the model is up. What was stopped meanwhile stays stopped."""
        with self._database.write() as session:
            row = session.get_one(Endpoint, identifier, with_for_update=True)
            if row.state in WANTED:
                row.state, row.model, row.error = "live", model_ref, None
                row.live_at = time.time()
            return row

    def fail(
        self, identifier: str, error: ThimbleError, states: tuple[str, ...]
    ) -> Endpoint | None:
        """Write down why it is not up, when it is in one of these states; None: it is not."""
        with self._database.write() as session:
            row = session.get_one(Endpoint, identifier, with_for_update=True)
            if row.state not in states:
                return None
            row.state, row.error = "failed", error.as_dict()
            return row

    def stop(self, caller: Caller, name: str) -> Endpoint:
        """Stopping a stopped one changes nothing."""
        self.get(caller, name)
        with self._database.write() as session:
            row = find(session, caller, name)
            assert row is not None, "records of endpoints are never removed"
            row.state, row.error, row.live_at = "stopped", None, None
            return row

    def add_counts(self, counts: Mapping[str, Counts]) -> None:
        if not counts:
            return
        with self._database.write() as session:
            for identifier, more in counts.items():
                row = session.get_one(Endpoint, identifier, with_for_update=True)
                row.requests += more.requests
                row.errors += more.errors

    def unknown(self, caller: Caller, name: str, kind: str) -> RequestRefused:
        live = [row.name for row in self.all(caller) if row.state in WANTED]
        return RequestRefused(
            f"There is no live endpoint {name[:80]!r}." if name else "No endpoint is live.",
            code="not_found",
            param=kind,
            fix=f"Live: {', '.join(live[:10])}." if live else "deploy_endpoint puts a model live.",
        )


def find(session: Session, caller: Caller, name: str) -> Endpoint | None:
    found: Endpoint | None = session.scalar(owned(Endpoint, caller).where(Endpoint.name == name))
    return found


def model_of(session: Session, row: Endpoint) -> Model:
    model: Model = versioned(session, Model, Caller(row.owner, row.project), row.model)
    return model
