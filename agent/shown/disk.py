"""The card of what takes room on the disk."""

from typing import Any

from agent.language import Words
from agent.shown.figures import size
from agent.views import Chart, Table, View

Json = dict[str, Any]
MOST_ROWS = 30


def disk_view(result: Json, w: Words) -> View:
    return View(
        title=w("Room on the disk"),
        kind="list",
        summary=w(
            "Thimble takes {taken}; {free} are free on the disk.",
            taken=size(result["bytes"]),
            free=size(result["free_bytes"]),
        ),
        facts=[
            (w("May go"), size(result["may_go_bytes"])),
            (w("Folder"), str(result["home"])),
        ],
        tables=tables(result, w),
        charts=[chart(result, w)],
    )


def taking(result: Json) -> list[Json]:
    return [one for one in result["kinds"] if one["bytes"]]


def tables(result: Json, w: Words) -> list[Table]:
    rows: list[list[Any]] = [
        [w.told(one["what"]), one["count"], size(one["bytes"])] for one in taking(result)
    ]
    spare: list[list[Any]] = [
        [one["id"], size(one["bytes"]), w.told(one["why"]), w.told(one["how"])]
        for one in result["may_go"][:MOST_ROWS]
    ]
    columns = [w("what"), w("size"), w("why"), w("how")]
    return [
        Table(w("By kind"), [w("what"), w("count"), w("size")], rows, folded=True),
        Table(w("May go without harm"), columns, spare, folded=True),
    ]


def chart(result: Json, w: Words) -> Chart:
    found = taking(result)
    megabytes = [round(one["bytes"] / 1e6, 1) for one in found]
    return Chart(
        "bar", w("Megabytes by kind"), [w.told(one["what"]) for one in found], megabytes, "", "MB"
    )
