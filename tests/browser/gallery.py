"""One card of every kind and state, made of results as the tools give them, in one thread."""

import json
import math
import sqlite3
import time
import uuid
from pathlib import Path
from typing import Any

from agent.channels.web.drawing import draw, element, message, name_id
from agent.language import Words
from agent.shown import approval_view, run_view, view_of
from agent.shown.errors import error_view
from agent.views import View
from finetune.promote import verdict
from tests.agent import chat_samples

Json = dict[str, Any]
LABELS = (
    "card_arrival", "declined_card_payment", "cash_withdrawal_not_recognised", "exchange_rate",
    "top_up_failed", "pin_blocked", "verify_my_identity", "transfer_timing", "lost_or_stolen_card",
    "beneficiary_not_allowed", "country_support", "age_limit", "fiat_currency_support",
    "edit_personal_details",
)  # fmt: skip
TEXTS = (
    "I am still waiting on my card?",
    "What can I do if my card still hasn't arrived after 2 weeks? I ordered it to my new address "
    "and the app says that it was sent out on the third, but nothing has come.",
    "My card payment was declined in the shop although there is money in the account",
    "<b>Why</b> is the exchange rate | so *bad*?",
)
PROBLEMS = [
    {"severity": "error", "message": "3 rows have no label.", "rows": [7, 19, 240], "count": 3,
     "fix": "Give each a label or take the rows out."},
    {"severity": "warning", "message": "12 rows have a text that occurs earlier. Copies are kept "
     "in one split, so that the test stays honest.", "rows": [3, 8, 15, 31, 44], "count": 12,
     "fix": "Remove copies if they are there by mistake; they weigh more in training."},
    {"severity": "note", "rows": [], "count": 0, "fix": "Nothing needs to be done.",
     "message": "The class 'card_arrival' has 187 rows and 'age_limit' has 44: 4 times as many."},
]  # fmt: skip


def views(w: Words) -> dict[str, View]:
    """Name of the state → its card."""
    shown = {
        "dataset": view_of("create_dataset", dataset(PROBLEMS[1:]), w),
        "dataset-not-ready": view_of("check_dataset", check(), w),
        "datasets": view_of("list_datasets", datasets(), w),
        "quote": view_of("quote_finetune", {**plan(), "state": "ready"}, w),
        "approval-measuring": approval_view(approval("measuring"), w),
        "approval-waiting": approval_view(approval("waiting"), w),
        "approval-done": approval_view(
            approval("done", decided_by="owner (web)", result={"run": "run_7"}), w
        ),
        "approval-replaced": approval_view(approval("rejected", replaced_by="ap_4"), w),
        "approval-deploy": approval_view(deploying(), w),
        "run-queued": run_view(run("queued"), w),
        "run-training": run_view(running(0.42), w),
        "run-report": run_view(report(), w),
        "run-not-worth-it": run_view(report(worth=False), w),
        "run-failed": run_view(failed(), w),
        "endpoint-live": view_of("endpoint_status", endpoint("live"), w),
        "endpoint-stopped": view_of("endpoint_status", endpoint("stopped"), w),
        "answer": view_of("ask_endpoint", answer(), w),
        "models": view_of("list_models", models(), w),
        "runs": view_of("list_runs", runs(), w),
        "passages": view_of("search_docs", passages(), w),
        "predictions": view_of("predict_file", predictions(), w),
        "documents": view_of("add_documents", documents(), w),
        "disk": view_of("disk_usage", disk(), w),
        "error": error_view(
            {
                "code": "not_found",
                "message": "There is no dataset 'tickts'.",
                "fix": "Known: tickets@1.",
            },
            w,
        ),
    }
    for name, tool, result in chat_samples.results(w.language):
        shown[name] = view_of(tool, result, w)
    shown |= dict(chat_samples.talked(w.language, w))
    return {name: view for name, view in shown.items() if view is not None}


# Data ------------------------------------------------------------------------------------------


def dataset(problems: list[Json]) -> Json:
    labels = [{"label": name, "rows": 187 - 11 * at} for at, name in enumerate(LABELS)]
    return {
        "dataset": "banking@1",
        "rows": sum(one["rows"] for one in labels),
        "splits": {"train": 1297, "validation": 162, "test": 163},
        "problems": problems,
        "sample": page(),
        "profile": {
            "format": "csv",
            "encoding": "utf-8",
            "delimiter": ",",
            "classes": len(labels),
            "columns": {
                "text": {"column": "text", "why": "the longest words on average"},
                "label": {"column": "intent", "why": "14 values that come again"},
            },
            "labels": labels,
            "lengths": {
                "unit": "characters",
                "median": 49,
                "p95": 128,
                "max": 431,
                "histogram": [
                    [at * 20, at * 20 + 20, round(400 * at * math.exp(-at / 1.6))]
                    for at in range(12)
                ],
            },
            "duplicates": {"rows": 12},
            "conflicts": {
                "groups": 1,
                "examples": [
                    {"text": "Where is it?", "labels": ["card_arrival", "transfer_timing"],
                     "rows": [12, 408]}
                ],
            },
            "language": {"latin": 0.998, "other": 0.002},
        },
    }  # fmt: skip


def page() -> Json:
    rows = [
        {"row": 2 + at, "split": ("train", "train", "test")[at % 3], "text": TEXTS[at % len(TEXTS)],
         "label": LABELS[at % 4]}
        for at in range(10)
    ]  # fmt: skip
    return {"dataset": "banking@1", "rows": rows, "page": 1, "pages": 163, "total": 1622}


def check() -> Json:
    return {
        "dataset": "banking@1",
        "verdict": "Not ready: correct the errors first.",
        "problems": PROBLEMS,
        "errors": 1,
        "warnings": 1,
        "notes": 1,
        "base_model": "minilm",
        "tokens": {"median": 14, "max": 98, "limit": 512},
    }


def datasets() -> Json:
    return {
        "datasets": [
            {"dataset": f"banking@{at}", "rows": 1622, "classes": 14, "problems": at,
             "created_at": 1.7e9 + 1e5 * at}
            for at in (1, 2, 3)
        ]
    }  # fmt: skip


# Plans and runs --------------------------------------------------------------------------------

PARAMETERS = {
    "epochs": (3, "default", "up to 30,000 training rows"),
    "rank": (8, "set", "set by you"),
    "alpha": (8.0, "default", "equal to the rank, so the scale is 1"),
    "learning_rate": (0.002, "default", "1,000 rows or more; chosen on Banking77"),
    "head_learning_rate": (0.001, "default", "half of learning_rate: the head starts from the "
                           "linear baseline"),
    "batch_size": (32, "default", "a usual size"),
    "max_length": (104, "default", "the longest text has 98 tokens"),
    "warmup_ratio": (0.06, "default", "a short rise, then a straight line to 0"),
    "weight_decay": (0.01, "default", "a usual small value"),
    "dropout": (0.1, "default", "of what the head reads; the encoder itself has none"),
    "clip": (1.0, "default", "a usual value"),
    "label_smoothing": (0.1, "default", "wrong labels in the data do less harm"),
    "average": (0.99, "default", "the average of the last weights is better than the last ones"),
    "seed": (0, "default", "any number; the same one repeats the run"),
}  # fmt: skip
BASELINES = (
    ("majority", "Always the most frequent label", 0.115),
    ("tfidf", "TF-IDF of words and characters + linear", 0.847),
    ("frozen", "Linear on frozen minilm", 0.896),
)


def plan() -> Json:
    return {
        "quote": "quote_3",
        "dataset": "banking@1",
        "base_model": "minilm",
        "parameters": {
            name: {"value": value, "origin": origin, "reason": reason}
            for name, (value, origin, reason) in PARAMETERS.items()
        },
        "minutes": {"expected": 3.4, "low": 2.6, "high": 5.1},
        "seconds": {"expected": 204.0, "low": 156.0, "high": 306.0},
        "memory_mb": 880,
        "rows": {"train": 1297, "validation": 162, "test": 163},
        "steps": 123,
        "cost": {"amount": 0, "currency": None, "why": "it runs on your own machine"},
        "baselines": [{"title": title} for _, title, _ in BASELINES],
        "notes": [],
    }


def approval(state: str, **told: Any) -> Json:
    arguments = {"dataset": "banking@1", "base_model": "minilm"} | {
        name: value for name, (value, _, _) in PARAMETERS.items()
    }
    return {
        "id": "ap_3",
        "tool": "start_finetune",
        "state": state,
        "arguments": arguments,
        "asked": {"dataset": "banking", "rank": 8},
        "quote": None if state == "measuring" else plan(),
        "error": None,
        **told,
    }


def deploying() -> Json:
    return {
        "id": "ap_5",
        "tool": "deploy_endpoint",
        "state": "waiting",
        "arguments": {"model": "banking@1", "name": "banking"},
        "asked": {"model": "banking@1"},
        "quote": {"engine": "onnx", "megabytes": 23.4, "test_accuracy": 0.931,
                  "cost": "nothing (it runs on your own machine)", "replaces": "banking-tfidf@1"},
    }  # fmt: skip


def run(state: str, **told: Any) -> Json:
    return {
        "run": "run_7",
        "state": state,
        "dataset": "banking@1",
        "base_model": "minilm",
        "parameters": plan()["parameters"],
        "quoted_seconds": 204.0,
        "quoted_memory_mb": 880,
        **told,
    }


def running(share: float) -> Json:
    steps = round(123 * share)
    curve = [
        [step, 0.35 + 2.3 * math.exp(-step / 22) + 0.08 * math.sin(step * 1.7)]
        for step in range(1, steps + 1)
    ]
    return run(
        "running",
        phase="training",
        step=steps,
        total_steps=123,
        loss=curve[-1][1],
        tokens_per_s=1834.0,
        eta_s=1.6 * (123 - steps),
        seconds=1.6 * steps,
        curve=curve,
    )


def report(worth: bool = True) -> Json:
    accuracy = 0.931 if worth else 0.89
    spread = 0.018
    baselines = [
        {
            "name": name,
            "title": title,
            "accuracy": score,
            "folder": name,
            "interval": [score - spread, score + spread],
            "difference": {
                "points": 100 * (accuracy - score),
                "interval": [
                    100 * (accuracy - score - spread / 1.5),
                    100 * (accuracy - score + spread / 1.5),
                ],
            },
        }
        for name, title, score in BASELINES
    ]
    test = {
        "accuracy": accuracy,
        "macro_f1": accuracy - 0.006,
        "rows": 3080,
        "interval": [accuracy - spread, accuracy + spread],
    }
    return running(1.0) | {
        "state": "succeeded",
        "phase": "done",
        "metrics": {"test": test},
        "baselines": baselines,
        "verdict": verdict(
            {"task": "classify", "metrics": {"test": test}, "baselines": baselines}
        ),
        "worst_classes": [
            {"label": name, "rows": 40, "precision": 0.71 + at / 20, "recall": 0.68 + at / 18,
             "f1": 0.7 + at / 19}
            for at, name in enumerate(LABELS[:5])
        ],
        "confusions": [
            {"truth": LABELS[at], "predicted": LABELS[at + 1], "count": 9 - at} for at in range(5)
        ],
        "model": "banking@1",
        "models": {"lora": "banking@1", "frozen": "banking-frozen@1", "tfidf": "banking-tfidf@1"},
        "seconds": 231.0,
        "memory_mb": 912,
    }  # fmt: skip


def failed() -> Json:
    return run(
        "failed",
        phase="training",
        seconds=31.0,
        error={
            "code": "out_of_memory",
            "message": "The training needed more memory than this machine has.",
            "fix": "Use a smaller batch_size or max_length.",
        },
    )


def runs() -> Json:
    states = ("running", "succeeded", "failed", "cancelled")
    return {
        "runs": [
            {"run": f"run_{9 - at}", "dataset": "banking@1", "state": state, "step": 40,
             "total_steps": 123, "accuracy": 0.931 if state == "succeeded" else None}
            for at, state in enumerate(states)
        ]
    }  # fmt: skip


# Serving ---------------------------------------------------------------------------------------


def endpoint(state: str) -> Json:
    url = "http://127.0.0.1:8000/v1/classify"
    return {
        "endpoint": "banking",
        "model": "banking@1",
        "state": state,
        "url": url,
        "requests": 1284,
        "errors": 3,
        "requests_per_minute": 4.2,
        "latency_ms": {"p50": 6.1, "p95": 11.8},
        "curl": f"curl -s {url} \\\n  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"model": "banking", "input": "my card has not arrived"}\'',
        "python": f'import httpx\n\nanswer = httpx.post(\n    "{url}",\n'
        '    json={"model": "banking", "input": "my card has not arrived"},\n)\n'
        'print(answer.json()["label"])',
    }


def answered(model: str, best: float) -> Json:
    labels = [
        {"label": LABELS[at], "score": score}
        for at, score in enumerate((best, (1 - best) / 2, (1 - best) / 4, (1 - best) / 8))
    ]
    return {"model": model, "answer": {**labels[0], "labels": labels}, "latency_ms": 6.4}


def answer() -> Json:
    return {
        "endpoint": "banking",
        "input": "where is my new card",
        **answered("banking@1", 0.968),
        "compared": answered("minilm, untuned", 0.412),
    }


def models() -> Json:
    return {
        "models": [
            {"model": f"banking{suffix}@1", "kind": kind, "accuracy": score,
             "interval": [score - 0.018, score + 0.018], "endpoints": ["banking"] if at else []}
            for at, (suffix, kind, score) in enumerate(
                [("", "lora", 0.931), ("-tfidf", "tfidf", 0.847), ("-frozen", "frozen", 0.896)]
            )
        ],
        "bases": [{"name": "minilm"}],
    }  # fmt: skip


def predictions() -> Json:
    return {
        "filename": "inbox.predictions.csv",
        "file_id": "file-9",
        "rows": 2480,
        "without_text": 4,
        "model": "banking@1",
        "column": "text",
        "labels": [{"label": name, "rows": 700 - 90 * at} for at, name in enumerate(LABELS[:6])],
    }


# Documents and the rest ------------------------------------------------------------------------


def passages() -> Json:
    places = (("Data formats", "A table with two columns"), ("First app", "From a file to a model"))
    return {
        "query": "how do I format my data",
        "answerable": True,
        "passages": [
            {"title": title, "heading": heading, "source": "x.md", "document_id": "document_1",
             "start": at, "end": at + 9, "text": "…", "score": 0.9}
            for at, (title, heading) in enumerate(places)
        ],
    }  # fmt: skip


def documents() -> Json:
    return {
        "collection": "docs",
        "documents": 3,
        "chunks": 41,
        "skipped": [{"source": "logo.png", "reason": "It is not a text."}],
    }


def disk() -> Json:
    kinds = (("datasets", 3, 4.1e6), ("models", 6, 81e6), ("runs", 4, 312e6), ("uploads", 5, 9e6))
    return {
        "bytes": 406e6,
        "free_bytes": 51e9,
        "may_go_bytes": 290e6,
        "home": "/home/you/.thimble",
        "kinds": [{"what": what, "count": n, "bytes": size} for what, n, size in kinds],
        "may_go": [{"id": "run_3", "bytes": 290e6, "why": "its checkpoints", "how": "delete it"}],
    }


# The thread ------------------------------------------------------------------------------------


def hang(home: Path, shown: dict[str, View], w: Words) -> str:
    """Put the cards into a new thread of the home's owner; returns the path of its page."""
    thread_id = str(uuid.uuid4())
    connection = sqlite3.connect(home / "records.sqlite")
    with connection:
        (user,) = connection.execute("SELECT id FROM users").fetchone()
        row = {
            "id": thread_id,
            "createdAt": moment(0),
            "name": "Gallery",
            "userId": user,
            "userIdentifier": "owner",
            "metadata": {"language": w.language},
        }
        insert(connection, "threads", row)
        for at, (name, view) in enumerate(shown.items()):
            step_id = name_id(thread_id, name)
            card = draw(view, w)
            step = message(step_id, thread_id, card, moment(at))
            insert(connection, "steps", step)
            insert(connection, "elements", element(step, card))
    connection.close()
    return f"/chat/thread/{thread_id}"


def moment(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1.7e9 + at)) + ".000Z"


def insert(connection: sqlite3.Connection, table: str, row: Json) -> None:
    values = [json.dumps(one) if isinstance(one, (dict, list)) else one for one in row.values()]
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
