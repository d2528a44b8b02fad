"""Cards of documents and files: what was added, passages that answer, what can be downloaded."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, excerpt, size
from agent.views import Link, Table, View

Json = dict[str, Any]
MOST_PASSAGES = 10
"""As many as search_docs tells a model, which may cite each of them."""
MOST_PLACE = 120


def added_view(result: Json, w: Words) -> View:
    skipped: list[list[Any]] = [
        [one["source"], w.told(str(one["reason"]))] for one in result.get("skipped") or []
    ]
    return View(
        title=w("Documents in {collection}", collection=result.get("collection", "docs")),
        kind="documents",
        summary=added(result, w),
        facts=[
            (w("Documents"), count(result.get("documents"))),
            (w("Passages"), count(result.get("chunks"))),
        ],
        tables=[Table(w("Left out"), [w("file"), w("why")], skipped)],
    )


def added(result: Json, w: Words) -> str:
    if result.get("vectors") == "in progress":
        return w("Found by their words now, and by their meaning in a few minutes.")
    return w("Ask about them: the answers cite where they are from.")


def passages_view(result: Json, w: Words) -> View:
    """The passages that an answer cites, numbered as it cites them, each opening at its place."""
    answers = result.get("answerable") is not False
    passages = (result.get("passages") or [])[:MOST_PASSAGES] if answers else []
    return View(
        title=w("Sources") if passages else w("No source answers that"),
        kind="passages",
        links=[link(number, one) for number, one in enumerate(passages, 1)],
    )


def link(number: int, passage: Json) -> Link:
    parts = dict.fromkeys(part for part in (passage.get("title"), passage.get("heading")) if part)
    place = " › ".join(parts)
    span = f"?start={passage['start']}&end={passage['end']}#passage"
    shown = f"[{number}] {excerpt(place or passage['source'], MOST_PLACE)}"
    # Results that were stored before passages had an address name their document alone.
    return Link(shown, passage.get("address") or f"/help/{passage['document_id']}{span}")


def export_view(result: Json, w: Words) -> View:
    return View(
        title=w("Export of {model}", model=result["model"]),
        kind="file",
        facts=[(w("File"), str(result["filename"])), (w("Size"), size(result.get("bytes")))],
        links=[download(result, w)],
    )


def predictions_view(result: Json, w: Words) -> View:
    """A file with predictions: how often each label was given, or some of the answers."""
    found = labels_given(result, w) if "labels" in result else some_answers(result, w)
    return View(
        title=w("Predictions in {filename}", filename=result["filename"]),
        kind="file",
        facts=[
            (w("Rows"), count(result["rows"])),
            (w("Without text"), count(result["without_text"])),
            *missing_answers(result, w),
            (w("Model"), str(result["model"])),
            (w("Column"), str(result["column"])),
        ],
        tables=[found],
        links=[download(result, w)],
    )


def labels_given(result: Json, w: Words) -> Table:
    rows: list[list[Any]] = [[one["label"], one["rows"]] for one in result["labels"]]
    return Table(w("Labels given"), [w("label"), w("rows")], rows)


def some_answers(result: Json, w: Words) -> Table:
    rows: list[list[Any]] = [[one["text"], one["answer"]] for one in result["examples"]]
    return Table(w("Answers"), [w("prompt"), w("answer")], rows)


def missing_answers(result: Json, w: Words) -> list[tuple[str, str]]:
    """Rows with a text that a chat model did not answer: too long for it, or time ran out."""
    left = result.get("refused", 0) + result.get("out_of_time", 0)
    return [(w("Without an answer"), count(left))] if left else []


def download(result: Json, w: Words) -> Link:
    words = w("Download {filename}", filename=result["filename"])
    return Link(words, f"/v1/files/{result['file_id']}/content")
