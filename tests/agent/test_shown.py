"""Cards of real results: every tool that can be called on a small house is drawn."""

from collections.abc import Iterator
from typing import Any

import pytest

import tools
from agent.events import ToolFinished, from_json, to_json
from agent.language import words_in
from agent.shown import VIEWS, approval_view, error_view, run_view, view_of
from agent.shown.approvals import waiting_summary
from agent.shown.datasets import span
from agent.view_text import as_text
from agent.views import Chart, Table, View
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


def test_a_dataset_card_says_whether_it_is_fit_and_how_it_was_read(
    ctx: ToolContext, tickets: str
) -> None:
    view = drawn(ctx, "describe_dataset", dataset="tickets")

    assert view.title == "Dataset tickets@1" and view.state_label == "worth a look"
    assert view.summary.startswith("150 rows in 6 classes.")
    assert {"Text column", "Label column", "Splits"} <= {label for label, _ in view.facts}
    read = table(view, "How the file was read")
    assert read.folded and ["Format", "CSV", ""] in read.rows
    assert [chart.kind for chart in view.charts] == ["bar", "bar"]
    assert view.sample is not None and view.sample.total == 150 and len(view.sample.rows) == 10


def test_a_dataset_that_cannot_be_trained_on_is_not_offered_for_training(
    ctx: ToolContext, tickets: str
) -> None:
    result = result_of(ctx, "describe_dataset", dataset="tickets")
    broken = {"severity": "error", "message": "m", "fix": "f", "rows": [], "count": 0}

    view = view_of("describe_dataset", result | {"problems": [broken]}, EN)

    assert view is not None and view.tone == "bad"
    assert [action.say for action in view.actions] == ["Check tickets@1"]


def test_a_plan_can_be_changed_within_the_limits_of_each_number(
    ctx: ToolContext, tickets: str
) -> None:
    call(ctx, "start_finetune", {"dataset": "tickets", "rank": 4})
    ctx.house.follower.tick()
    quote_made(ctx.house)

    view = newest_approval(ctx)

    fields = {field.name: field for field in view.fields}
    assert (fields["rank"].value, fields["rank"].origin) == ("4", "set by you")
    assert (fields["rank"].least, fields["rank"].most) == (1, 256)
    assert fields["epochs"].origin == "default" and fields["epochs"].reason
    assert [action.decide for action in view.actions] == ["approve", "reject"]
    assert "Nothing runs before you approve it." in view.summary


def test_a_plan_whose_place_a_newer_one_took_says_so_and_has_no_buttons(
    ctx: ToolContext, tickets: str
) -> None:
    for rank in (4, 8):
        call(ctx, "start_finetune", {"dataset": "tickets", "rank": rank})

    older, newer = result_of(ctx, "list_approvals", all=True)["approvals"]
    view = approval_view(older, EN)

    assert (view.state_label, view.actions) == ("replaced", [])
    assert view.summary == f"{newer['id']} took its place; nothing ran."
    assert not view.fields and not view.tables


def newest_approval(ctx: ToolContext) -> View:
    return approval_view(result_of(ctx, "list_approvals")["approvals"][-1], EN)


def table(view: View, title: str) -> Table:
    return next(table for table in view.tables if table.title == title)


def test_a_report_begins_with_the_verdict_and_sets_each_baseline_beside_the_tuned_model(
    ctx: ToolContext, tickets: str
) -> None:
    run = finished_run(ctx)

    view = view_of("run_status", run, EN)

    assert view is not None and (view.state, view.tone) == ("succeeded", "good")
    assert view.summary == run["verdict"]["text"]
    intervals = view.charts[0]
    assert intervals.kind == "interval" and len(intervals.x) == 1 + len(run["baselines"])
    assert intervals.x[0] == "Fine-tuned" and intervals.low[0] < intervals.y[0] < intervals.high[0]
    assert dict(view.facts)["Time taken"] == "62 s, 100 s in the plan"
    assert view.actions[0].say.startswith("Deploy ")


def test_the_recommended_model_is_the_main_button_also_when_it_is_not_the_tuned_one() -> None:
    view = run_view(SUCCEEDED | {"verdict": {"text": "t", "recommend": "tfidf"}}, EN)

    assert [action.label for action in view.actions] == [
        "Deploy bank-tfidf@1",
        "Deploy bank@1 all the same",
    ]


SUCCEEDED: dict[str, Any] = {
    "run": "run_1",
    "dataset": "bank@1",
    "state": "succeeded",
    "model": "bank@1",
    "models": {"lora": "bank@1", "tfidf": "bank-tfidf@1"},
}


def test_what_the_plan_expected_goes_once_it_was_measured() -> None:
    expected = (
        "minilm cannot read 60 % of these texts: it was made for another language. Expect the "
        "TF-IDF baseline to do better; it can be deployed too."
    )
    measured = "The loss did not fall during training: do not expect a gain."
    run = {"run": "run_1", "dataset": "bank@1", "state": "running", "notes": [expected, measured]}

    assert run_view(run, EN).notes == [expected, measured]
    assert run_view(SUCCEEDED | {"notes": [expected, measured]}, EN).notes == [measured]


def test_the_list_of_approvals_counts_what_is_measured_too() -> None:
    assert waiting_summary(0, 0, EN) == "Nothing waits for you."
    assert waiting_summary(0, 1, EN) == "1 request is still being measured."
    assert waiting_summary(2, 1, EN) == (
        "2 requests wait for you. 1 request is still being measured."
    )


def test_a_length_that_stands_alone_is_no_range() -> None:
    assert (span(7, 7), span(7, 1200)) == ("7", "7–1,200")


def test_a_run_on_its_way_shows_its_phases_and_how_far_it_is() -> None:
    run = {"run": "run_1", "dataset": "bank@1", "state": "running", "phase": "training"}
    view = run_view(run | {"step": 5, "total_steps": 20, "eta_s": 12.0}, EN)

    assert view.progress is not None and view.progress.share == 0.25
    states = [phase.state for phase in view.progress.phases]
    assert states == ["done", "done", "done", "now", "later", "later"]
    assert view.summary == "About 12 s left. You may close this page: it goes on."
    assert [action.say for action in view.actions] == ["Cancel run_1"]


def test_a_failed_run_says_why_what_to_do_and_where_the_help_tells_more() -> None:
    error = {"code": "out_of_memory", "message": "Out of memory.", "fix": "Use a smaller batch."}
    view = run_view({"run": "run_1", "dataset": "b@1", "state": "failed", "error": error}, EN)

    assert (view.tone, view.summary, view.notes) == (
        "bad",
        "Out of memory.",
        ["Use a smaller batch."],
    )
    assert view.links[0].url == "/help/errors#out_of_memory"
    assert [action.say for action in view.actions] == ["Retry run_1"]


def test_an_error_is_a_card_with_its_help_in_the_language() -> None:
    error = {"code": "not_found", "message": "There is no run.", "fix": "Start one."}

    assert error_view(error, EN).links[0].url == "/help/errors#not_found"
    assert error_view(error, words_in("zh")).links[0].url == "/help/zh/errors#not_found"


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
        ["untuned base (bank-frozen@1)", "card", "90.0 %", "4.2 ms"],
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
