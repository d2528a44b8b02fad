"""Cards of lists: runs, models, approvals, passages, the disk."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, excerpt, interval, percent, size
from agent.shown.runs import STATES, TITLES, subject
from agent.views import Action, Chart, Link, Table, View

Json = dict[str, Any]
MOST_ROWS = 30
MOST_PASSAGES = 5


def listing(title: str, columns: list[str], rows: list[list[Any]], empty: str) -> View:
    """A list with its newest on top; what is cut off is said."""
    cut = len(rows) - MOST_ROWS
    notes = [empty] if not rows else [f"{cut} older ones are left out."] if cut > 0 else []
    return View(
        title=title, kind="list", tables=[Table("", columns, rows[:MOST_ROWS])], notes=notes
    )


def runs_view(result: Json, w: Words) -> View:
    rows: list[list[Any]] = [
        [one["run"], one["dataset"], one["state"], steps(one), percent(one.get("accuracy"))]
        for one in result["runs"]
    ]
    columns = ["run", "dataset", "state", "step", "test accuracy"]
    return listing("Runs", columns, rows, "No run yet. Fine-tune on a dataset to start one.")


def steps(run: Json) -> str:
    if run.get("step") is None:
        return ""
    return f"{count(run['step'])} of {count(run.get('total_steps'))}"


def comparison_view(result: Json, w: Words) -> View:
    rows: list[list[Any]] = [
        [one["run"], one["dataset"], percent(one.get("accuracy")), interval(one.get("interval")),
         ", ".join(f"{name} {value}" for name, value in (one.get("differs") or {}).items())]
        for one in result["runs"]
    ]  # fmt: skip
    columns = ["run", "dataset", "test accuracy", "95 % interval", "set differently"]
    text = result.get("text")
    return View(
        title="Runs side by side",
        kind="list",
        tables=[Table("", columns, rows)],
        notes=[str(text)] if text else [],
    )


def models_view(result: Json, w: Words) -> View:
    rows: list[list[Any]] = [
        [one["model"], one["kind"], percent(one.get("accuracy")), interval(one.get("interval")),
         ", ".join(one.get("endpoints") or [])]
        for one in result["models"]
    ]  # fmt: skip
    columns = ["model", "kind", "test accuracy", "95 % interval", "live as"]
    view = listing("Models", columns, rows, "No model yet. Fine-tune on a dataset to make one.")
    bases: list[list[Any]] = [[one["name"]] for one in result.get("bases") or []]
    view.tables.append(Table("Base models that can be fine-tuned", ["base"], bases))
    return view


def export_view(result: Json, w: Words) -> View:
    return View(
        title=f"Export of {result['model']}",
        kind="file",
        facts=[("File", str(result["filename"])), ("Size", size(result.get("bytes")))],
        links=[Link(f"Download {result['filename']}", f"/v1/files/{result['file_id']}/content")],
    )


def added_view(result: Json, w: Words) -> View:
    skipped: list[list[Any]] = [
        [one["source"], one["reason"]] for one in result.get("skipped") or []
    ]
    return View(
        title=f"Documents in “{result.get('collection', 'docs')}”",
        kind="documents",
        facts=[
            ("Documents", count(result.get("documents"))),
            ("Passages", count(result.get("chunks"))),
        ],
        tables=[Table("Left out", ["file", "why"], skipped)],
    )


def passages_view(result: Json, w: Words) -> View:
    """The passages that an answer cites, numbered as it cites them, each opening at its place."""
    passages = (result.get("passages") or [])[:MOST_PASSAGES]
    if result.get("answerable") is False:
        passages = []
    return View(
        title="Sources" if passages else "No source answers that",
        kind="passages",
        links=[link(number, one) for number, one in enumerate(passages, 1)],
    )


def link(number: int, passage: Json) -> Link:
    parts = dict.fromkeys(part for part in (passage.get("title"), passage.get("heading")) if part)
    place = " › ".join(parts)
    span = f"?start={passage['start']}&end={passage['end']}#passage"
    shown = f"[{number}] {excerpt(place or passage['source'], 120)}"
    return Link(shown, f"/help/{passage['document_id']}{span}")


def approvals_view(result: Json, w: Words) -> View:
    """What waits, with buttons for the newest few."""
    waiting = result["approvals"]
    rows: list[list[Any]] = [
        [one["id"], f"{TITLES.get(one['tool'], one['tool'])}{subject(one.get('arguments') or {})}",
         STATES.get(one["state"], one["state"])]
        for one in waiting
    ]  # fmt: skip
    ready = [one["id"] for one in waiting if one["state"] == "waiting"]
    return View(
        title="Waiting for approval",
        kind="list",
        tables=[Table("", ["id", "what", "state"], rows)],
        notes=notes_on(len(rows), len(ready)),
        actions=[
            action
            for name in ready[-MOST_BUTTONS:]
            for action in (
                Action(f"Approve {name}", decide="approve", approval_id=name),
                Action(f"Reject {name}", decide="reject", approval_id=name),
            )
        ],
    )


MOST_BUTTONS = 5


def notes_on(waiting: int, ready: int) -> list[str]:
    if not waiting:
        return ["Nothing waits."]
    hidden = ready > MOST_BUTTONS
    return [f"Buttons for the newest {MOST_BUTTONS}; decide those first."] if hidden else []


def disk_view(result: Json, w: Words) -> View:
    kinds = [one for one in result["kinds"] if one["bytes"]]
    rows: list[list[Any]] = [[one["what"], one["count"], size(one["bytes"])] for one in kinds]
    spare: list[list[Any]] = [
        [one["id"], size(one["bytes"]), one["why"], one["how"]]
        for one in result["may_go"][:MOST_ROWS]
    ]
    return View(
        title="Room on the disk",
        kind="list",
        facts=[
            ("Taken by Thimble", size(result["bytes"])),
            ("Free on the disk", size(result["free_bytes"])),
            ("May go", size(result["may_go_bytes"])),
            ("Folder", str(result["home"])),
        ],
        tables=[
            Table("", ["what", "count", "size"], rows),
            Table("May go without harm", ["what", "size", "why", "how"], spare),
        ],
        charts=[
            Chart("bar", "Megabytes by kind", [one["what"] for one in kinds],
                  [round(one["bytes"] / 1e6, 1) for one in kinds], "", "MB")
        ],
    )  # fmt: skip
