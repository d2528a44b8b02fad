"""The names that exist for a user, as the model is told them at the start of a turn."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from core.identity import Caller
from core.records import tables
from core.records.queries import owned

NEWEST = 30
"""How many of each kind are told; older ones are still known to the tools."""
ACTIVE = ("queued", "running", "paused")


@dataclass(frozen=True)
class FileName:
    id: str
    filename: str


@dataclass(frozen=True)
class RunName:
    id: str
    dataset: str = ""
    """Name without version."""
    state: str = ""
    recommended: str = ""
    """Kind of the model that the report recommends: `lora`, `frozen` or `tfidf`."""

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


@dataclass(frozen=True)
class EndpointName:
    name: str
    state: str = "live"
    task: str = ""
    """`classification` or `chat`; empty where that is not told."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Each list has the oldest first. Datasets and models are `name@version`, or bare names."""

    datasets: list[str] = field(default_factory=list)
    runs: list[RunName] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    endpoints: list[EndpointName] = field(default_factory=list)
    files: list[FileName] = field(default_factory=list)
    approvals: list[str] = field(default_factory=list)
    """What waits for a decision now."""
    documents: bool = False
    """Whether the user has added documents of their own."""
    tasks: dict[str, str] = field(default_factory=dict)
    """`classification` or `chat` of a dataset or model, by its bare name."""
    bases: dict[str, str] = field(default_factory=dict)
    """Base models with their kind: `encoder` for classifiers, `causal` for chat models."""

    @property
    def live(self) -> list[str]:
        return [endpoint.name for endpoint in self.endpoints if endpoint.state != "stopped"]


def from_house(house: Any, caller: Caller) -> World:
    """The newest records of the caller."""
    with house.database.read() as session:

        def newest(table: type[Any], *conditions: Any) -> list[Any]:
            query = owned(table, caller).where(*conditions).order_by(None)
            rows = session.scalars(query.order_by(table.created_at.desc()).limit(NEWEST)).all()
            return list(rows)[::-1]

        known = made_of(newest, session, caller)
    bases = {name: house.bases.kind_of(name) for name in house.bases.names()}
    return replace(known, bases=bases)


def made_of(newest: Callable[..., list[Any]], session: Session, caller: Caller) -> World:
    docs = owned(tables.Document, caller).limit(1)
    waiting = tables.Approval.state.in_(("waiting", "measuring"))
    datasets, models = newest(tables.Dataset), newest(tables.Model)
    tasks = {row.ref: row.task for row in models}
    return World(
        datasets=[row.ref for row in datasets],
        runs=[run_name(row) for row in newest(tables.Run)],
        models=[row.ref for row in models],
        endpoints=[
            EndpointName(row.name, row.state, tasks.get(row.model, ""))
            for row in newest(tables.Endpoint)
        ],
        tasks={row.name: row.task for row in (*models, *datasets)},
        files=[FileName(row.id, row.filename) for row in newest(tables.File)],
        approvals=[row.id for row in newest(tables.Approval, waiting)],
        documents=session.scalar(docs) is not None,
    )


def run_name(run: tables.Run) -> RunName:
    verdict = (run.result or {}).get("verdict")
    recommended = str(verdict.get("recommend", "")) if isinstance(verdict, dict) else ""
    return RunName(run.id, run.dataset.partition("@")[0], run.state, recommended)


FENCE = re.compile(r"<world>(.*)</world>", re.DOTALL)


def rendered(world: World) -> str:
    """The world as one fenced line of JSON; nothing in a name can close the fence."""
    text = json.dumps(asdict(world), ensure_ascii=False).replace("<", "\\u003c")
    return f"<world>{text}</world>"


def read_back(text: str) -> World:
    """The world out of a system message; an empty one when there is none."""
    found = FENCE.search(text)
    return from_json(json.loads(found[1])) if found else World()


def from_json(data: dict[str, Any]) -> World:
    return World(
        datasets=data["datasets"],
        runs=[RunName(**run) for run in data["runs"]],
        models=data["models"],
        endpoints=[EndpointName(**endpoint) for endpoint in data["endpoints"]],
        files=[FileName(**file) for file in data["files"]],
        approvals=data["approvals"],
        documents=data["documents"],
        tasks=data.get("tasks", {}),
        bases=data.get("bases", {}),
    )
