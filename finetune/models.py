"""The models that runs left behind: versions that can be listed, deployed, exported, deleted.

A model's folder holds what its engine loads (`model.onnx` or `vectorizer.json`, and so on); a
tuned one also has `adapter/`, in PEFT's format.
"""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import RequestRefused, ServiceFailed
from core.identity import Caller
from core.job import JOB_FILE, read_json, sync_folder
from core.records import tables
from core.records.database import Database, next_id
from core.records.queries import next_version, owned, versioned
from core.storage import Storage
from core.weights import file_sha256
from finetune.job import ENDED

TUNED = "lora"
LONGEST_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something that a finished run offers to keep."""

    kind: str
    engine: str
    sources: Mapping[str, str]
    """Place in the model's folder ("" is its top) to a folder in the job's."""
    metrics: Mapping[str, Any]


class Models:
    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def get(self, caller: Caller, ref: str) -> tables.Model:
        """A model by `name` (its newest version) or `name@2`."""
        with self.database.read() as session:
            found: tables.Model = versioned(session, tables.Model, caller, ref)
            return found

    def of_run(self, run: tables.Run) -> dict[str, str]:
        """Kind to `name@version` of what the run left."""
        wanted = select(tables.Model).where(
            tables.Model.run_id == run.id, tables.Model.owner == run.owner
        )
        with self.database.read() as session:
            return {model.kind: model.ref for model in session.scalars(wanted)}

    def listing(self, caller: Caller, wanted: str = "") -> list[dict[str, Any]]:
        """The versions, newest first, with scores and the endpoints that serve them.

        Args:
            wanted: Only this `name`, or `name@2`, then with the passport.

        Raises RequestRefused when there is no such model.
        """
        found = self.list(caller)
        if wanted:
            self.get(caller, wanted)
            found = [model for model in found if wanted in (model.name, model.ref)]
        with self.database.read() as session:
            endpoints = session.scalars(owned(tables.Endpoint, caller)).all()
        serving = [(row.model, row.name) for row in endpoints if row.state != "stopped"]
        return [line(model, serving, passport=bool(wanted)) for model in reversed(found)]

    def folder(self, model: tables.Model) -> Path:
        return self.storage.home / model.folder

    def delete(self, caller: Caller, ref: str) -> tables.Model:
        """Forget one version and remove its files. Its number is never given again.

        Raises RequestRefused while an endpoint needs it, naming the endpoint.
        """
        with self.database.write() as session:
            model: tables.Model = versioned(session, tables.Model, caller, ref)
            self.refuse_used(session, caller, model)
            session.delete(model)
        shutil.rmtree(self.folder(model), ignore_errors=True)
        return model

    def sweep(self) -> int:
        """Remove folders that neither a record nor a run names; returns how many.

        Call it at start only: a model being registered looks the same.
        """
        with self.database.read() as session:
            known = {*session.scalars(select(tables.Model.id))}
            for run in session.scalars(select(tables.Run).where(tables.Run.state.not_in(ENDED))):
                known |= {*(run.progress.get("reserved") or {}).values()}
        root = self.storage.home / "models"
        orphans = [path for path in root.iterdir() if path.name not in known]
        for orphan in orphans:
            shutil.rmtree(orphan)
        return len(orphans)

    def check_unused(self, caller: Caller, ref: str) -> tables.Model:
        """The model, when `delete` would remove it."""
        model = self.get(caller, ref)
        with self.database.read() as session:
            self.refuse_used(session, caller, model)
        return model

    def refuse_used(self, session: Session, caller: Caller, model: tables.Model) -> None:
        endpoints = session.scalars(owned(tables.Endpoint, caller)).all()
        using = [row.name for row in endpoints if row.model == model.ref and row.state != "stopped"]
        if using:
            raise RequestRefused(
                f"{model.ref} serves the endpoint {', '.join(using)}.",
                code="in_use",
                param="model",
                fix="Stop the endpoint first, or deploy another model under its name.",
            )

    def register(
        self, run: tables.Run, result: Mapping[str, Any], job_folder: Path, dataset: tables.Dataset
    ) -> None:
        """Keep the models of a finished run and mark it succeeded, both or neither.

        A crash at any point leaves it repeatable: ids are reserved in the run first, folders
        appear whole, and records and state change in one transaction at the end.
        """
        found = candidates(result)
        reserved = self.reserve(run, found)
        job = read_json(job_folder / JOB_FILE)
        rows = []
        for candidate in found:
            identifier = reserved[candidate.kind]
            files = self.place(identifier, candidate, job_folder)
            passport = passport_of(run, result, dataset, job, files)
            rows.append(model_row(identifier, candidate, run, passport))
        with self.database.write() as session:
            if session.get_one(tables.Run, run.id).state == "succeeded":
                return
            for row in rows:
                row.version = new_version(session, row)
                session.add(row)
            finish(session.get_one(tables.Run, run.id), result, rows)

    def reserve(self, run: tables.Run, found: list[Candidate]) -> dict[str, str]:
        """Kind to model id, the same ones however often it is asked."""
        with self.database.write() as session:
            row = session.get_one(tables.Run, run.id)
            known: dict[str, str] = row.progress.get("reserved") or {}
            if not known:
                known = {candidate.kind: next_id(session, "model") for candidate in found}
                row.progress = row.progress | {"reserved": known}
            return known

    def place(self, identifier: str, candidate: Candidate, job_folder: Path) -> dict[str, str]:
        """Bring a model's files into its folder; returns their hashes."""
        target = self.storage.path("models", identifier)
        if not target.exists():
            part = self.storage.path("models", f"{identifier}.part")
            shutil.rmtree(part, ignore_errors=True)
            for place, source in candidate.sources.items():
                take_folder(inside(job_folder, source), part / place)
            part.rename(target)
            sync_folder(target.parent)
        return {
            path.relative_to(target).as_posix(): file_sha256(path)
            for path in sorted(target.rglob("*"))
            if path.is_file()
        }

    def list(self, caller: Caller) -> list[tables.Model]:
        """All versions, oldest first."""
        with self.database.read() as session:
            return list(session.scalars(owned(tables.Model, caller)))


def line(
    model: tables.Model, serving: Sequence[tuple[str, str]], *, passport: bool
) -> dict[str, Any]:
    """One model version as users see it."""
    test, answers = model.metrics["test"], model.metrics.get("answers") or {}
    shown = {
        "model": model.ref,
        "kind": model.kind,
        "engine": model.engine,
        "task": model.task,
        "dataset": model.dataset,
        "base_model": model.base_model,
        "run": model.run_id,
        "accuracy": test.get("accuracy"),
        "interval": test["interval"],
        "macro_f1": test.get("macro_f1"),
        "perplexity": test.get("perplexity"),
        "metric": answers.get("metric"),
        "score": answers.get("score"),
        "endpoints": [name for ref, name in serving if ref == model.ref],
        "created_at": model.created_at,
    }
    return shown | {"passport": model.passport} if passport else shown


def candidates(result: Mapping[str, Any]) -> list[Candidate]:
    """What can be deployed of a run: the tuned model, and each baseline that left a folder."""
    tuned = Candidate(
        kind=TUNED,
        engine=result["export"]["engine"],
        sources=tuned_sources(result["export"]["folder"], result["adapter"]),
        metrics=tuned_metrics(result),
    )
    cheaper = [
        Candidate(
            kind=baseline["name"],
            engine=baseline["engine"],
            sources={"": baseline["folder"]},
            metrics={"test": scores(baseline)},
        )
        for baseline in result["baselines"]
        if baseline["folder"]
    ]
    return [tuned, *cheaper]


def tuned_sources(export: str, adapter: str) -> dict[str, str]:
    """A chat model is its adapter; of a classifier the exported graph is served."""
    return {"": adapter} if export == adapter else {"": export, "adapter": adapter}


def tuned_metrics(result: Mapping[str, Any]) -> dict[str, Any]:
    answers = {"answers": result["answers"]} if result.get("answers") else {}
    return {**result["metrics"], **answers}


def scores(baseline: Mapping[str, Any]) -> dict[str, Any]:
    return {name: baseline.get(name) for name in ("accuracy", "interval", "macro_f1")}


def model_row(
    identifier: str, candidate: Candidate, run: tables.Run, passport: dict[str, Any]
) -> tables.Model:
    return tables.Model(
        id=identifier,
        owner=run.owner,
        project=run.project,
        name=model_name(run.dataset, candidate.kind),
        kind=candidate.kind,
        engine=candidate.engine,
        task=passport["task"],
        run_id=run.id,
        dataset=run.dataset,
        base_model=run.base_model,
        folder=f"models/{identifier}",
        metrics=dict(candidate.metrics),
        passport=passport,
    )


def model_name(dataset: str, kind: str) -> str:
    """`banking77` for what was tuned on `banking77@1`, `banking77-tfidf` for a baseline."""
    name = dataset.partition("@")[0]
    suffix = "" if kind == TUNED else f"-{kind}"
    return name[: LONGEST_NAME - len(suffix)].rstrip("-.") + suffix


def new_version(session: Session, model: tables.Model) -> int:
    """One more than any version of that name ever had, deleted ones included."""
    caller = Caller(model.owner, model.project)
    kind = f"model version of {model.owner}/{model.project}/{model.name}"
    lowest = next_version(session, tables.Model, caller, model.name)
    number = 0
    while number < lowest:
        number = int(next_id(session, kind).rpartition("_")[2])
    return number


def passport_of(
    run: tables.Run,
    result: Mapping[str, Any],
    dataset: tables.Dataset,
    job: Mapping[str, Any],
    files: dict[str, str],
) -> dict[str, Any]:
    """Everything that decided this model, and the hashes that tell whether it is this one."""
    return {
        "task": job["task"],
        "labels": job["labels"],
        "run": run.id,
        "dataset": dataset.ref,
        "dataset_fingerprint": dataset.fingerprint,
        "base_model": run.base_model,
        "base_sha256": job["base"]["sha256"],
        "recipe": job["recipe"],
        "files": files,
        "device": result.get("device"),
        "versions": result.get("versions"),
        "made_at": time.time(),
    }


def finish(run: tables.Run, result: Mapping[str, Any], rows: list[tables.Model]) -> None:
    run.state = "succeeded"
    run.result = dict(result)
    run.model = next(row.ref for row in rows if row.kind == TUNED)
    run.error = None
    run.ended_at = time.time()


def inside(folder: Path, relative: str) -> Path:
    """A folder of the job that its result names; never one elsewhere."""
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_dir():
        raise ServiceFailed(
            f"The result names the folder {relative[:80]!r}, which the job does not have.",
            code="bad_result",
            fix="Start the run again.",
        )
    return path


def take_folder(source: Path, target: Path) -> None:
    """The files of a folder under a second name where the disk can do that, else copied.

    They are never written to again, so sharing their bytes is safe.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in source.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, place)
        except OSError:
            shutil.copyfile(path, place)
        sync_file(place)
    sync_folder(target)


def sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
