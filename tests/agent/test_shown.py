"""Cards of real results: every tool that can be called on a small house is drawn."""

from collections.abc import Iterator
from typing import Any

import pytest

import tools
from agent.events import ToolFinished, from_json, to_json
from agent.language import words_in
from agent.shown import VIEWS, approval_view, view_of
from agent.views import Chart, Table, View, as_text
from core import plugins
from core.identity import ALL_SCOPES, Caller
from tools.base import House, ToolContext, call, decide, quote_made

EN = words_in("en")
OWNER = Caller(scopes=ALL_SCOPES)


@pytest.fixture
def ctx(house: House) -> Iterator[ToolContext]:
    yield ToolContext(house, OWNER, "thread")


def result_of(ctx: ToolContext, tool: str, **arguments: Any) -> dict[str, Any]:
    outcome = call(ctx, tool, arguments)
    assert outcome.result is not None
    return outcome.result


def drawn(ctx: ToolContext, tool: str, **arguments: Any) -> View:
    view = view_of(tool, result_of(ctx, tool, **arguments), EN)
    assert view is not None
    return view


def finished_run(ctx: ToolContext) -> dict[str, Any]:
    """Ask, approve, and let the pretended worker finish."""
    asked = call(ctx, "start_finetune", {"dataset": "tickets", "rank": 4}).approval
    assert asked is not None
    ctx.house.follower.tick()
    quote_made(ctx.house)
    done = decide(ctx, asked["id"], "approve")
    assert done["state"] == "done", done["error"]
    ctx.house.follower.tick()
    return result_of(ctx, "run_status")


def test_every_tool_has_a_card_or_is_destroying() -> None:
    without = {name for name in plugins.names(tools) if name not in VIEWS}

    assert without <= {"delete_dataset", "delete_model", "delete_documents"}


def test_a_dataset_card_shows_how_the_file_was_read(ctx: ToolContext, tickets: str) -> None:
    view = drawn(ctx, "describe_dataset", dataset="tickets")

    assert view.title == "Dataset tickets@1"
    labels = [label for label, _ in view.facts]
    assert {"Format", "Encoding", "Text column", "Label column", "Rows", "Splits"} <= set(labels)
    assert [chart.kind for chart in view.charts] == ["bar", "bar"]


def test_a_plan_marks_what_was_set_and_what_is_default(ctx: ToolContext, tickets: str) -> None:
    asked = call(ctx, "start_finetune", {"dataset": "tickets", "rank": 4}).approval
    assert asked is not None
    ctx.house.follower.tick()
    quote_made(ctx.house)

    view = approval_view(call(ctx, "list_approvals", {}).result["approvals"][0], EN)  # type: ignore[index]

    rows = {str(row[0]): row[1:3] for row in view.tables[0].rows}
    assert rows["rank"] == ["4", "set by you"]
    assert rows["epochs"][1] == "default"
    assert [action.decide for action in view.actions] == ["approve", None, "reject"]


def test_a_report_has_the_test_accuracy_beside_each_baseline(
    ctx: ToolContext, tickets: str
) -> None:
    run = finished_run(ctx)

    view = view_of("run_status", run, EN)

    assert view is not None and view.state == "succeeded"
    scores = view.tables[0]
    assert scores.rows[0][0] == "Fine-tuned" and len(scores.rows) == 1 + len(run["baselines"])
    assert run["verdict"]["text"] in view.notes
    assert view.actions[0].say.startswith("Deploy ")


@pytest.mark.parametrize("tool", ["list_datasets", "list_runs", "list_models", "disk_usage"])
def test_lists_are_drawn_empty_and_filled(ctx: ToolContext, tool: str, house: House) -> None:
    before = as_text(drawn(ctx, tool), EN)
    file = house.files.save(
        OWNER,
        "t.csv",
        [
            b"text,label\n"
            + b"".join(b"a text of %d,%s\n" % (n, (b"x", b"y")[n % 2]) for n in range(40))
        ],
    )
    house.datasets.create(OWNER, name="tickets", file_id=file.id)
    finished_run(ctx)

    assert as_text(drawn(ctx, tool), EN) != before


def test_events_with_cards_survive_json(ctx: ToolContext, tickets: str) -> None:
    event = ToolFinished(
        "c1", "describe_dataset", {}, None, drawn(ctx, "describe_dataset", dataset="tickets")
    )

    assert from_json(to_json(event)) == event


ANSWER = {
    "model": "bank@1",
    "answer": {"label": "card", "score": 0.9, "labels": [{"label": "card", "score": 0.9}]},
    "latency_ms": 4.2,
}


def test_an_answer_stands_beside_that_of_the_base() -> None:
    base = {**ANSWER, "model": "bank-frozen@1"}
    view = view_of(
        "ask_endpoint", {"endpoint": "bank", "input": "x", **ANSWER, "compared": base}, EN
    )

    assert view is not None
    assert view.tables[0].rows == [
        ["bank@1", "card", "90.0 %", "4.2 ms"],
        ["bank-frozen@1", "card", "90.0 %", "4.2 ms"],
    ]


def test_an_endpoint_card_carries_the_snippets_of_the_result() -> None:
    result = {"endpoint": "bank", "model": "bank@1", "state": "live", "url": "http://h/v1/classify"}
    view = view_of("deploy_endpoint", {**result, "curl": "curl …", "python": "import …"}, EN)

    assert view is not None
    assert view.code == [("bash", "curl …"), ("python", "import …")]


def test_passages_link_to_their_place() -> None:
    passage = {"source": "formats.md", "title": "Formats", "heading": "CSV", "start": 10, "end": 90,
               "text": "…", "document_id": "document_3"}  # fmt: skip
    view = view_of("search_docs", {"passages": [passage], "answerable": True}, EN)

    assert view is not None
    assert view.links[0].url == "/help/document_3?start=10&end=90#passage"
    assert view.links[0].text == "[1] Formats › CSV"


def test_text_cells_cannot_break_a_table() -> None:
    view = View(title="T", tables=[Table("", ["a"], [["x | y\nz"]])])

    assert "| x \\| y z |" in as_text(view, EN)


def test_a_chart_is_a_line_of_blocks_in_text() -> None:
    view = View(title="T", charts=[Chart("line", "Loss", [1, 2, 3], [4.0, 2.0, 1.0])])

    assert "Loss: █▃▁ (4 … 1)" in as_text(view, EN)
