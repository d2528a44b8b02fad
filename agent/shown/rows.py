"""Rows of a dataset: a table of texts and labels, or conversations."""

from typing import Any

from agent.language import Words
from agent.shown.conversations import talk
from agent.shown.figures import count, listed
from agent.shown.problems import fine_tune
from agent.shown.states import of_split
from agent.views import Sample, View

Json = dict[str, Any]


def first_rows_of(result: Json, w: Words) -> Sample | None:
    if not (result.get("sample") or {}).get("rows"):
        return None
    labels = [str(one["label"]) for one in result["profile"].get("labels") or []]
    return sample(result["sample"], labels, w)


def sample_view(result: Json, w: Words) -> View:
    """A page of a dataset's rows."""
    name = result["dataset"]
    narrowed = [result.get("label") or "", of_split(result["split"], w)]
    chosen = listed((one for one in narrowed if one != "all"), w)
    found = result["total"]
    total = w("1 row") if found == 1 else w("{count} rows", count=count(found))
    return View(
        title=w("Rows of {name}", name=name),
        kind="dataset",
        summary=w("{rows}: {chosen}", rows=total, chosen=chosen) if chosen else total,
        sample=sample(result, [], w),
        actions=[fine_tune(name, "chat" if is_chat(result) else "classification", w)],
    )


def is_chat(page: Json) -> bool:
    return any("turns" in row for row in page["rows"])


def sample(page: Json, labels: list[str], w: Words) -> Sample:
    chat = is_chat(page)
    return Sample(
        title=w("Sample conversations") if chat else w("Sample rows"),
        dataset=page["dataset"],
        columns=[] if chat else [w("row"), w("split"), w("text"), w("label")],
        rows=[] if chat else [sample_row(one, w) for one in page["rows"]],
        page=page["page"],
        pages=page["pages"],
        total=page["total"],
        labels=labels,
        talks=[talk(one, w) for one in page["rows"]] if chat else [],
    )


def sample_row(row: Json, w: Words) -> list[Any]:
    text = f"{row['text']}…" if row.get("cut") else row["text"]
    return [row["row"], of_split(row["split"], w), text, row["label"]]
