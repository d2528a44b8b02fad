"""What a run will take, before anything is spent: every parameter as a value, and time and memory
measured by a short probe on this very data, base and machine.

A quote is a record: `measuring` until its probe job ends (`finetune.follow` settles it), then
`ready` or `failed`. The parameters are in it at once.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from core.errors import RequestRefused
from core.events import Bus, QuoteReady
from core.identity import Caller
from core.records import tables
from core.records.database import Database, next_id
from core.records.queries import get, owned, stamp
from core.storage import Storage
from data.datasets import Datasets
from finetune import chat_lengths, config, lengths, tiny_chat
from finetune.bases import Base, Bases
from finetune.job import TASKS, Workshop, labels_of
from finetune.recipes.base import Facts, Number, Parameter, Parameters
from launchers.base import Launcher

VALID_S = 7 * 24 * 3600.0
"""How long a measurement is trusted; as long as a request for approval lives."""
NAMES = ("dataset", "base_model")
"""Arguments beside the parameters."""
SIZES = ("rank", "batch_size", "max_length", "frozen_layers")
"""Parameters that change the pace or the memory of a step."""
COST = {"amount": 0, "currency": None, "why": "it runs on your own machine"}


class Quotes:
    def __init__(
        self,
        database: Database,
        storage: Storage,
        datasets: Datasets,
        bases: Bases,
        launcher: Launcher,
        bus: Bus,
    ) -> None:
        self.database = database
        self.bus = bus
        self.workshop = Workshop(storage, datasets, bases, launcher)

    def quote(self, caller: Caller, **arguments: Any) -> tables.Quote:
        """The quote for these arguments; the same ones again give the same quote.

        Args:
            arguments: `dataset`, `base_model` and the parameters of its task in
                `finetune.recipes`; what is missing or "auto" is decided here.

        Raises:
            RequestRefused: Unknown argument, dataset or base, or a value outside its limits.
            ServiceFailed: The base was changed on the disk, or the disk is full.
        """
        config.refuse_unknown(arguments, (*NAMES, *config.every_limit()))
        given = {name: value for name, value in arguments.items() if config.is_set(value)}
        dataset = self.workshop.datasets.get(caller, str(given.pop("dataset", "")))
        refuse_untrainable(dataset)
        base = self.workshop.base_for(dataset, str(given.pop("base_model", config.AUTO)))
        self.workshop.need_room()
        read = self.read(dataset, base)
        facts = Facts(
            train_rows=dataset.splits["train"],
            longest_tokens=read.longest,
            max_positions=base.max_positions,
            hidden_size=base.hidden_size,
            model_type=base.model_type,
        )
        parameters = config.resolve(TASKS[dataset.task], facts, given)
        found = fit_notes(read, int(parameters["max_length"].value), base)
        return self.settle(caller, dataset, base, parameters, found)

    def again(self, caller: Caller, run: tables.Run) -> tables.Quote:
        """A quote for the very parameters of an earlier run, with their origins."""
        dataset = self.workshop.datasets.get(caller, run.dataset)
        base = self.workshop.base_for(dataset, run.base_model)
        stored = (run.quote or {}).get("parameters")
        parameters = config.from_dict(stored) if stored else as_set(TASKS[dataset.task], run.recipe)
        read = self.read(dataset, base)
        found = fit_notes(read, int(parameters["max_length"].value), base)
        return self.settle(caller, dataset, base, parameters, found)

    def get(self, caller: Caller, identifier: str) -> tables.Quote:
        with self.database.read() as session:
            return get(session, tables.Quote, caller, identifier)

    def finish(self, identifier: str, probe: Mapping[str, Any]) -> None:
        """Make a quote ready with what its probe measured."""
        with self.database.write() as session:
            quote = session.get_one(tables.Quote, identifier)
            known = {name: value for name, value in quote.result.items() if name != "progress"}
            quote.result = known
            complete(quote, from_probe(probe, known))
        self.bus.publish(QuoteReady(identifier))

    def show(self, identifier: str, progress: dict[str, Any]) -> None:
        """Write down how far that is what a quote waits for before it can be measured."""
        with self.database.write() as session:
            quote = session.get_one(tables.Quote, identifier)
            quote.result = quote.result | {"progress": progress}

    def fail(self, identifier: str, error: dict[str, Any]) -> None:
        """Write down that a quote cannot be made, and why."""
        with self.database.write() as session:
            quote = session.get_one(tables.Quote, identifier)
            quote.state, quote.error = "failed", error
        self.bus.publish(QuoteReady(identifier))

    def relaunch(self, identifier: str, attempt: int) -> None:
        with self.database.write() as session:
            quote = session.get_one(tables.Quote, identifier)
            quote.result = quote.result | {"attempt": attempt}

    def measuring(self) -> list[tables.Quote]:
        """The quotes of everybody whose probe has not ended."""
        wanted = select(tables.Quote).where(tables.Quote.state == "measuring")
        with self.database.read() as session:
            return list(session.scalars(wanted))

    def sweep(self) -> int:
        """Remove the folders of probes that nobody waits for; returns how many.

        Call it at start only: a quote that is just being asked for looks the same.
        """
        awaited = {quote.id for quote in self.measuring()}
        folders = (self.workshop.storage.home / "jobs").glob("quote_*")
        left = [folder.name for folder in folders if folder.name not in awaited]
        for name in left:
            self.workshop.discard(name)
        return len(left)

    def read(self, dataset: tables.Dataset, base: Base) -> lengths.Lengths:
        folder = self.workshop.datasets.folder(dataset)
        if base.kind == "causal":
            return chat_lengths.of_base(folder, base)
        return lengths.measure(folder / "train.parquet", base.path / "tokenizer.json")

    def settle(
        self,
        caller: Caller,
        dataset: tables.Dataset,
        base: Base,
        parameters: Parameters,
        found: list[str],
    ) -> tables.Quote:
        """An earlier quote for the same, or a new one from a known measurement, or a probe."""
        result = plan(dataset, base, parameters, found)
        key = self.key(dataset, base, result["arguments"])
        digest = hash_of([key, dataset.ref, base.name, result["parameters"]])
        with self.database.write() as session:
            fresh = [row for row in session.scalars(owned(tables.Quote, caller)) if usable(row)]
            for row in reversed(fresh):
                if row.arguments_hash == digest:
                    return row
            quote = tables.Quote(
                id=next_id(session, "quote"),
                arguments=result["arguments"],
                arguments_hash=digest,
                state="measuring",
                result=result | {"measured_as": key, "attempt": 1},
                **stamp(caller),
            )
            complete(quote, measurement(fresh, key))
            session.add(quote)
            return quote

    def key(self, dataset: tables.Dataset, base: Base, arguments: Mapping[str, Number]) -> str:
        """What a measurement depends on; passes and learning rates are not among it."""
        sizes = [arguments.get(name) for name in SIZES]
        capacity = self.workshop.launcher.capacity
        # A base that is made here has its tokenizer before it has weights, which take no more
        # time for being others: the same question is the same quote before and after.
        weights = "" if base.name == tiny_chat.NAME else base.sha256
        model = [weights, base.template_sha256, base.tokenizer_sha256]
        return hash_of([dataset.fingerprint, model, sizes, capacity.cpus, capacity.gpus])


def fit_notes(read: lengths.Lengths, max_length: int, base: Base) -> list[str]:
    if isinstance(read, chat_lengths.ChatLengths):
        return chat_lengths.notes(read, max_length, base)
    return lengths.notes(read, max_length, base)


def refuse_untrainable(dataset: tables.Dataset) -> None:
    if dataset.task not in TASKS:
        raise RequestRefused(
            f"{dataset.ref} is for {dataset.task!r}; only {', '.join(TASKS)} can be tuned yet.",
            code="unsupported_task",
            param="dataset",
            fix="Make a dataset with a text and a label column.",
        )
    for problem in dataset.problems:
        if problem["severity"] == "error":
            raise RequestRefused(
                f"{dataset.ref} cannot be trained on: {problem['message']}",
                code="unfit_dataset",
                param="dataset",
                fix=problem["fix"],
            )


def as_set(task: str, recipe: Mapping[str, Any]) -> Parameters:
    """Parameters of a run that was started without a quote: somebody gave every one of them."""
    return {
        name: Parameter(recipe[name], "set", "set for the earlier run")
        for name in config.limits(task)
    }


def plan(
    dataset: tables.Dataset, base: Base, parameters: Parameters, notes: list[str]
) -> dict[str, Any]:
    """All of a quote that needs no measuring."""
    values = config.values_of(parameters)
    return {
        "task": TASKS[dataset.task],
        "dataset": dataset.ref,
        "base_model": base.name,
        "parameters": config.as_dict(parameters),
        "arguments": {"dataset": dataset.ref, "base_model": base.name, **values},
        "steps": config.total_steps(dataset.splits["train"], values),
        "rows": dict(dataset.splits),
        "classes": len(labels_of(dataset)) or None,
        "baselines": baselines(dataset, base.name),
        "cost": dict(COST),
        "notes": notes,
    }


def baselines(dataset: tables.Dataset, base: str) -> list[dict[str, str]]:
    """The cheap alternatives that every run tries too, and has to beat."""
    if dataset.task == "chat":
        fixed = {"name": "frequent", "title": "Always the most frequent answer"}
        return [
            {"name": "base", "title": f"{base} as it is"},
            {"name": "nearest", "title": "The answer to the most similar training question"},
            *([fixed] if has_frequent_answer(dataset) else []),
        ]
    return [
        {"name": "majority", "title": "Always the most frequent label"},
        {"name": "tfidf", "title": "TF-IDF of words and characters + linear"},
        {"name": "frozen", "title": f"Linear on frozen {base}"},
    ]


def has_frequent_answer(dataset: tables.Dataset) -> bool:
    """Whether an answer comes often enough that the worker tries it as a fixed one: 1 in 100."""
    answers = dataset.profile["answers"]
    most = max((one["count"] for one in answers["most_frequent"]), default=0)
    return bool(most >= max(2, answers["count"] / 100))


def usable(quote: tables.Quote) -> bool:
    return quote.state != "failed" and time.time() - quote.created_at < VALID_S


def measurement(quotes: list[tables.Quote], key: str) -> dict[str, Any] | None:
    """What an earlier probe measured under the same circumstances."""
    for quote in reversed(quotes):
        if quote.state == "ready" and quote.result["measured_as"] == key:
            found: dict[str, Any] = quote.result["measured"]
            return found
    return None


def complete(quote: tables.Quote, measured: Mapping[str, Any] | None) -> None:
    """Complete a quote with what was measured. Without a measurement it stays as it is."""
    if measured is not None:
        quote.result = quote.result | estimate(measured, quote.result)
        quote.state = "ready"


def from_probe(probe: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a probe: its result and the steps and passes it was asked about."""
    asked = {"steps": result["steps"], "epochs": result["arguments"]["epochs"]}
    return dict(probe) | {"asked": asked}


def estimate(measured: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Time and memory of the planned run.

    seconds = loading + baselines + steps · seconds a step + evaluations + export, as the probe
    has them for the recipe it was asked about; other numbers of steps and passes are added or
    taken off at its measured speed. The interval keeps its proportions.
    """
    known, asked = measured["estimate"], measured["asked"]
    steps = result["steps"] - asked["steps"]
    passes = result["arguments"]["epochs"] - asked["epochs"]
    evaluated = passes * result["rows"]["validation"]
    expected = known["seconds"] + steps * measured["seconds_per_step"]
    expected += evaluated * measured["eval_seconds_per_row"]
    scale = expected / known["seconds"]
    seconds = {
        "low": round(known["low"] * scale, 1),
        "expected": round(expected, 1),
        "high": round(known["high"] * scale, 1),
    }
    return training_facts(measured, result) | {
        "seconds": seconds,
        "minutes": {name: round(value / 60, 2) for name, value in seconds.items()},
        "memory_mb": round(known["memory_bytes"] / 2**20),
        "device": measured.get("device", "cpu"),
        "measured": dict(measured),
    }


def training_facts(measured: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """What the probe of a chat model found out beside the time: the loop, and what will train."""
    if "loop" not in measured:
        return {}
    passes = result["rows"]["train"] * result["arguments"]["epochs"]
    return {
        "loop": measured["loop"],
        "loop_why": measured["loop_why"],
        "tokens": round(passes * measured["tokens_per_row"]),
        "trained_tokens": round(passes * measured["trained_tokens_per_row"]),
    }


def as_dict(quote: tables.Quote) -> dict[str, Any]:
    """What users are shown; `minutes` and `memory_mb` are None until they are measured."""
    hidden = ("measured", "measured_as", "attempt")
    shown = {name: value for name, value in quote.result.items() if name not in hidden}
    unknown = {"minutes": None, "seconds": None, "memory_mb": None, "device": None}
    return {"quote": quote.id, "state": quote.state, **unknown, **shown, "error": quote.error}


def hash_of(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
