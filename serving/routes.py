"""Where a question goes: from the name that was asked to the model that answers and its engine."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import RequestRefused
from core.identity import Caller
from core.records.tables import Model
from core.storage import Storage
from serving.endpoints import Endpoints
from serving.engines.base import read_meta
from serving.process import Artifact, BaseFiles

CHAT = "chat"
CHAT_ENGINE = "torch_lm"
SHA_SHOWN = 12

BaseFilesOf = Callable[[str], BaseFiles]
"""The files of a causal base by its name. Raises RequestRefused for an unknown one."""


def no_base(name: str) -> BaseFiles:
    """Of a house without bases that write."""
    raise RequestRefused(f"There is no base {name[:80]!r}.", code="not_found", param="model")


@dataclass(frozen=True)
class EngineKey:
    """Which process: one for each engine, and where models share a base, one for each base."""

    kind: str
    """A module of `serving.engines`."""
    base: str = ""
    """The hash of the base; "" for engines whose models stand alone."""

    @property
    def job(self) -> str:
        return f"engine-{self.kind}" + (f"-{self.base[:SHA_SHOWN]}" if self.base else "")


@dataclass(frozen=True)
class Route:
    endpoint: str | None
    """Id of its record; None when a model version or a base was asked directly."""
    model: str
    task: str
    engine: EngineKey
    artifact: Artifact
    labels: list[str]
    """None of a chat model."""


class Routes:
    """Routes of endpoints are kept until `forget`; any other is looked up each time."""

    def __init__(self, endpoints: Endpoints, storage: Storage, base_files: BaseFilesOf) -> None:
        self._endpoints = endpoints
        self._storage = storage
        self._base_files = base_files
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], Route] = {}
        self._age = 0
        """Counts changes, so that a route read before one is not kept after it."""

    def to(self, caller: Caller, target: str) -> Route:
        """The route to an endpoint, a `model@version` or a causal base.

        Raises RequestRefused: nothing answers under this name, or its files cannot be served.
        """
        key, age = (caller.user, caller.project, target), self._age
        if route := self._known.get(key):
            return route
        route = self._found(caller, target)
        with self._lock:
            if route.endpoint is not None and age == self._age:
                self._known[key] = route
        return route

    def check_free(self, name: str) -> None:
        """Raises RequestRefused where a causal base answers under this name: an endpoint called
        the same would answer in its place, also where the two are compared."""
        try:
            self._base_files(name)
        except RequestRefused as refusal:
            if refusal.code in ("not_found", "wrong_task"):
                return
        raise RequestRefused(
            f"There is a base model {name!r} already.",
            code="name_taken",
            param="name",
            fix="Choose another name.",
        )

    def forget(self) -> None:
        """Another model answers under a name, or none."""
        with self._lock:
            self._age += 1
            self._known.clear()

    def artifact(self, model: Model) -> Artifact:
        """Raises RequestRefused for a chat model whose base is gone or is another one now."""
        folder = self._storage.home / model.folder
        files = model.passport.get("files", {})
        base = self._base_of(model) if model.task == CHAT else None
        return Artifact(model.id, folder, files, base)

    def _found(self, caller: Caller, target: str) -> Route:
        try:
            endpoint, model = self._endpoints.resolve(caller, target)
        except RequestRefused as unknown:
            return self._to_base(target, unknown)
        artifact = self.artifact(model)
        return Route(
            endpoint, model.ref, model.task, key_of(model), artifact, self._labels_of(model)
        )

    def _to_base(self, target: str, unknown: RequestRefused) -> Route:
        try:
            base = self._base_files(target)
        except RequestRefused as refusal:
            raise (unknown if refusal.code == "not_found" else refusal) from None
        artifact = Artifact(f"base-{base.sha256[:SHA_SHOWN]}", None, {}, base)
        key = EngineKey(CHAT_ENGINE, base.sha256)
        return Route(None, base.name, CHAT, key, artifact, [])

    def _labels_of(self, model: Model) -> list[str]:
        if model.task == CHAT:
            return []
        labels: list[str] = read_meta(self._storage.home / model.folder)["labels"]
        return labels

    def _base_of(self, model: Model) -> BaseFiles:
        base = self._base_files(model.base_model)
        if base.sha256 != model.passport.get("base_sha256"):
            raise RequestRefused(
                f"{model.ref} was trained on another {model.base_model} than there is now.",
                code="base_changed",
                param="model",
                fix="Register the base that it was trained on, or train it again.",
            )
        return base


def need_task(route: Route, task: str) -> None:
    """Raises RequestRefused naming the route that this model answers on."""
    if route.task == task:
        return
    if route.task == CHAT:
        raise RequestRefused(
            f"{route.model} is a chat model: it answers on /v1/chat/completions and has no labels.",
            code="wrong_task",
            param="model",
            fix="Ask it with POST /v1/chat/completions.",
        )
    raise RequestRefused(
        f"{route.model} is a classifier: it tells labels on /v1/classify and cannot write.",
        code="wrong_task",
        param="model",
        fix="Ask it with POST /v1/classify.",
    )


def key_of(model: Model) -> EngineKey:
    """Told from the record alone, so that it is known also when the base is gone."""
    base = str(model.passport.get("base_sha256", "")) if model.task == CHAT else ""
    return EngineKey(model.engine, base)
