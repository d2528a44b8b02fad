"""The tables. Every one that holds something of a user names its owner and project.

Times are seconds since 1970 (UTC). Identifiers are text made by us (`Database.next_id`).
The chat history's tables belong to Chainlit and are made by the first migration.
"""

import time
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = dict[str, Any]


class Table(DeclarativeBase):
    type_annotation_map: ClassVar = {Json: JSON, list[Any]: JSON}


class Owned:
    """Columns that every record of a user has."""

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    project: Mapped[str]
    created_at: Mapped[float] = mapped_column(default=time.time)


class Counter(Table):
    """The last number given to each kind of id, so that none is ever used twice."""

    __tablename__ = "counters"
    kind: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class File(Owned, Table):
    __tablename__ = "files"
    filename: Mapped[str]
    """As the client named it; shown, never used as a path."""
    purpose: Mapped[str] = mapped_column(default="user_data")
    bytes: Mapped[int]
    sha256: Mapped[str]


class Dataset(Owned, Table):
    """One immutable version of a dataset."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("owner", "project", "name", "version"),)
    name: Mapped[str]
    version: Mapped[int]
    task: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(index=True)
    """Hash of everything that decides the content; the same again is the same version."""
    file_id: Mapped[str]
    validation_file_id: Mapped[str | None]
    test_file_id: Mapped[str | None]
    columns: Mapped[Json]
    """Role to column, such as {"text": "body", "label": "queue"}."""
    rows: Mapped[int]
    splits: Mapped[Json]
    """Split to number of rows."""
    profile: Mapped[Json]
    problems: Mapped[list[Any]]

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


class Quote(Owned, Table):
    """What a run will take. The same question again is the same quote."""

    __tablename__ = "quotes"
    arguments: Mapped[Json]
    arguments_hash: Mapped[str] = mapped_column(index=True)
    state: Mapped[str]
    """`measuring`, `ready` or `failed`."""
    result: Mapped[Json] = mapped_column(default=dict)
    error: Mapped[Json | None]


class Approval(Owned, Table):
    """Something that spends or destroys, asked for and perhaps decided."""

    __tablename__ = "approvals"
    tool: Mapped[str]
    arguments: Mapped[Json]
    """Resolved: every `auto` is a value, every dataset and model a version."""
    asked: Mapped[Json]
    """As they were given, to show beside the resolved ones and to know a repeat."""
    quote_id: Mapped[str | None] = mapped_column(index=True)
    quote: Mapped[Json | None]
    state: Mapped[str] = mapped_column(index=True)
    """`measuring`, `waiting`, `running`, `done`, `rejected`, `expired` or `failed`."""
    thread_id: Mapped[str | None]
    topic: Mapped[str] = mapped_column(default="", server_default="")
    """What it is about, such as `fine-tune tickets@1`; empty for what stands alone."""
    replaced_by: Mapped[str | None]
    """The newer request of the same topic and thread that took its place."""
    actor: Mapped[str]
    expires_at: Mapped[float]
    decided_at: Mapped[float | None]
    decided_by: Mapped[str | None]
    result: Mapped[Json | None]
    error: Mapped[Json | None]


class Run(Owned, Table):
    """One fine-tuning run; `finetune.follow` alone changes its state."""

    __tablename__ = "runs"
    dataset: Mapped[str]
    base_model: Mapped[str]
    recipe: Mapped[Json]
    quote: Mapped[Json | None]
    approval_id: Mapped[str | None] = mapped_column(unique=True)
    thread_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(index=True, default="queued")
    attempt: Mapped[int] = mapped_column(default=1)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[Json] = mapped_column(default=dict)
    """The newest step: step, total_steps, loss, tokens_per_s, eta_s, phase, curve."""
    result: Mapped[Json | None]
    """The worker's result.json, with the verdict in words."""
    model: Mapped[str | None]
    error: Mapped[Json | None]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    reported_at: Mapped[float | None]
    """When the report was posted to the thread; None: not yet."""


class Model(Owned, Table):
    """One immutable version of a model that can be deployed."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("owner", "project", "name", "version"),)
    name: Mapped[str]
    version: Mapped[int]
    kind: Mapped[str]
    """`lora`, or a baseline: `frozen`, `tfidf`."""
    engine: Mapped[str]
    """Which file of serving/engines/ serves it."""
    task: Mapped[str]
    run_id: Mapped[str]
    dataset: Mapped[str]
    base_model: Mapped[str]
    folder: Mapped[str]
    """Below THIMBLE_HOME, such as `models/model_3`."""
    metrics: Mapped[Json]
    passport: Mapped[Json]
    """Hashes of data, base and artifact, seed and versions."""

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


class Endpoint(Owned, Table):
    __tablename__ = "endpoints"
    __table_args__ = (UniqueConstraint("owner", "project", "name"),)
    name: Mapped[str]
    model: Mapped[str]
    state: Mapped[str]
    """`starting`, `live`, `failed` or `stopped`."""
    error: Mapped[Json | None]
    requests: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    live_at: Mapped[float | None]


class Document(Owned, Table):
    """One document of a collection; its passages are in the index."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("owner", "project", "collection", "source"),)
    collection: Mapped[str]
    source: Mapped[str]
    sha256: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    chunks: Mapped[int]


class Message(Table):
    """What was said to and by the model in a thread: the agent's memory."""

    __tablename__ = "messages"
    __table_args__ = (Index("messages_of_thread", "thread_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    owner: Mapped[str]
    project: Mapped[str]
    thread_id: Mapped[str]
    content: Mapped[Json]
    created_at: Mapped[float] = mapped_column(default=time.time)


class Preference(Table):
    """What one owner has chosen for the chat."""

    __tablename__ = "preferences"
    owner: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[Json]


class Usage(Table):
    """What one request to a language model took."""

    __tablename__ = "usage"
    __table_args__ = (Index("usage_of_owner", "owner", "project", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    owner: Mapped[str]
    project: Mapped[str]
    thread_id: Mapped[str]
    model: Mapped[str]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost: Mapped[float | None]
    """In `currency`; None where no price is set."""
    currency: Mapped[str | None]
    at: Mapped[float] = mapped_column(default=time.time)


class Audit(Table):
    """One line for each call through the door and each decision."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(default=time.time)
    owner: Mapped[str]
    project: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    arguments: Mapped[Json]
    outcome: Mapped[str]


class Idempotency(Table):
    """The answer already given to a POST with this key."""

    __tablename__ = "idempotency"
    key: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str]
    """Hash of method, path and body."""
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[float] = mapped_column(default=time.time)
