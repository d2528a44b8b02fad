"""Cards of endpoints: how to call them, how they do, what they answer."""

import json
from typing import Any

from agent.shown.figures import count, percent
from agent.views import Action, Table, View

Json = dict[str, Any]
EXAMPLE = "my card has not arrived"


def endpoint_view(result: Json) -> View:
    """A live endpoint with snippets that work as they stand."""
    name = str(result.get("endpoint") or result.get("name"))
    url = str(result.get("url") or "http://127.0.0.1:8000/v1/classify")
    return View(
        title=f"Endpoint {name} is {result.get('state', 'live')}",
        kind="endpoint",
        key=f"endpoint/{name}",
        state=str(result.get("state", "")),
        facts=endpoint_facts(result),
        code=[("bash", curl(name, url)), ("python", python(name, url))],
        actions=[
            Action("Try it", say=f"Ask {name}: {EXAMPLE}"),
            Action("Stop it", say=f"Stop the endpoint {name}"),
        ],
    )


def curl(name: str, url: str) -> str:
    body = json.dumps({"model": name, "input": EXAMPLE})
    return f"curl {url} -H 'Content-Type: application/json' \\\n  -d '{body}'"


def python(name: str, url: str) -> str:
    return (
        "import json, urllib.request\n\n"
        f'body = json.dumps({{"model": "{name}", "input": "{EXAMPLE}"}}).encode()\n'
        "request = urllib.request.Request(\n"
        f'    "{url}", body, {{"Content-Type": "application/json"}}\n'
        ")\n"
        'print(json.load(urllib.request.urlopen(request))["data"][0])'
    )


def endpoint_facts(result: Json) -> list[tuple[str, str]]:
    facts = [("Model", str(result["model"]))] if result.get("model") else []
    if result.get("url"):
        facts.append(("Address", str(result["url"])))
    return facts


def status_view(result: Json) -> View:
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


def list_view(result: Json) -> View:
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


def answer_view(result: Json) -> View:
    """One answer, beside the one that it was compared with."""
    shown = [(str(result.get("endpoint") or "Answer"), result)]
    other = result.get("compared") or result.get("compare_with") or result.get("comparison")
    if isinstance(other, dict):
        shown.append((str(other.get("model") or other.get("title") or "Base"), other))
    rows: list[list[Any]] = [answer_row(name, told) for name, told in shown]
    return View(
        title="Answer",
        kind="answer",
        tables=[
            Table("", ["model", "label", "probability", "latency"], rows),
            runners_up(result),
        ],
    )


def answer_row(name: str, told: Json) -> list[Any]:
    answer = told.get("answer") if isinstance(told.get("answer"), dict) else told
    answer = answer or {}
    label = answer.get("label") or told.get("answer")
    latency = told.get("latency_ms")
    shown = f"{latency:.1f} ms" if isinstance(latency, int | float) else ""
    return [told.get("model") or name, label, percent(answer.get("score")), shown]


def runners_up(result: Json) -> Table:
    answer = result.get("answer") if isinstance(result.get("answer"), dict) else result
    labels = (answer or {}).get("labels") or []
    rows: list[list[Any]] = [[one["label"], percent(one["score"])] for one in labels[1:5]]
    return Table("Next likely", ["label", "probability"], rows)


def predictions_view(result: Json) -> View:
    facts = [("Rows", count(result["rows"]))] if "rows" in result else []
    file = result.get("file_id")
    return View(
        title="Predictions are ready",
        kind="file",
        facts=[*facts, ("File", str(result.get("filename") or file))],
        links=[],
        code=[("bash", f"curl {result['url']} -o predictions.csv")] if result.get("url") else [],
    )
