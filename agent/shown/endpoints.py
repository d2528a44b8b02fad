"""Cards of endpoints: how to call them, how they do, what they answer."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, percent
from agent.views import Action, Link, Table, View

Json = dict[str, Any]
EXAMPLE = "my card has not arrived"


def endpoint_view(result: Json, w: Words) -> View:
    """A live endpoint with snippets that work as they stand."""
    name = str(result["endpoint"])
    return View(
        title=f"Endpoint {name} is {result['state']}",
        kind="endpoint",
        key=f"endpoint/{name}",
        state=str(result["state"]),
        facts=endpoint_facts(result),
        code=[("bash", str(result["curl"])), ("python", str(result["python"]))],
        actions=[
            Action("Try it", say=f"Ask {name}: {EXAMPLE}"),
            Action("Stop it", say=f"Stop the endpoint {name}"),
        ],
    )


def endpoint_facts(result: Json) -> list[tuple[str, str]]:
    facts = [("Model", str(result["model"]))] if result.get("model") else []
    if result.get("url"):
        facts.append(("Address", str(result["url"])))
    return facts


def status_view(result: Json, w: Words) -> View:
    """How an endpoint does: requests, errors, latency."""
    name = str(result.get("endpoint") or result.get("name"))
    latency = result.get("latency_ms") or {}
    facts = endpoint_facts(result)
    if "requests" in result:
        facts.append(
            ("Requests", f"{count(result['requests'])}, {count(result['errors'])} with errors")
        )
    if latency.get("p50") is not None:
        facts.append(
            (
                "Latency",
                f"{latency['p50']:.1f} ms in the middle, 95 % under {latency['p95']:.1f} ms",
            )
        )
    error = result.get("error") or {}
    return View(
        title=f"Endpoint {name} is {result.get('state', 'unknown')}",
        kind="endpoint",
        key=f"endpoint/{name}",
        state=str(result.get("state", "")),
        facts=facts,
        notes=[str(error["message"])] if error.get("message") else [],
    )


def list_view(result: Json, w: Words) -> View:
    rows: list[list[Any]] = [
        [
            one.get("endpoint") or one.get("name"),
            one.get("model"),
            one.get("state"),
            one.get("requests"),
        ]
        for one in result["endpoints"]
    ]
    return View(
        title="Endpoints",
        kind="list",
        tables=[Table("", ["endpoint", "model", "state", "requests"], rows)],
        notes=[] if rows else ["None yet. Deploy a model to get one."],
    )


def answer_view(result: Json, w: Words) -> View:
    """One answer, beside the one that it was compared with."""
    other = result.get("compared")
    rows = [answer_row(told) for told in (result, other) if told]
    return View(
        title="Answer",
        kind="answer",
        tables=[
            Table("", ["model", "label", "probability", "latency"], rows),
            runners_up(result["answer"]),
        ],
        actions=[]
        if other
        else [Action("Beside the base", say=f"Compare with the base: {result['input']}")],
    )


def answer_row(told: Json) -> list[Any]:
    answer = told["answer"]
    return [
        told["model"],
        answer["label"],
        percent(answer["score"]),
        f"{told['latency_ms']:.1f} ms",
    ]


def runners_up(answer: Json) -> Table:
    rows: list[list[Any]] = [[one["label"], percent(one["score"])] for one in answer["labels"][1:5]]
    return Table("Next likely", ["label", "probability"], rows)


def predictions_view(result: Json, w: Words) -> View:
    """A file with predictions, and how often each label was given."""
    labels: list[list[Any]] = [[one["label"], one["rows"]] for one in result["labels"]]
    return View(
        title=f"Predictions in {result['filename']}",
        kind="file",
        facts=[
            ("Rows", count(result["rows"])),
            ("Without text", count(result["without_text"])),
            ("Model", str(result["model"])),
            ("Column", str(result["column"])),
        ],
        tables=[Table("Labels given", ["label", "rows"], labels)],
        links=[Link(f"Download {result['filename']}", f"/v1/files/{result['file_id']}/content")],
    )
