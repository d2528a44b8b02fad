"""The tools of fine-tuning through the one door: quotes, approvals, runs, models."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import RequestRefused
from core.identity import ALL_SCOPES, Caller
from finetune.recipes.classify import LIMITS
from tests.fakes import FakeLauncher, train_result
from tools import base
from tools.base import House, ToolContext

OWNER = Caller(scopes=ALL_SCOPES)


@pytest.fixture
def ctx(house: House, tickets: str) -> ToolContext:
    return ToolContext(house, OWNER)


def tick(ctx: ToolContext) -> None:
    """Let the jobs that were asked for run, and settle what waited for them."""
    ctx.house.follower.tick()
    base.quote_made(ctx.house)


def call(ctx: ToolContext, tool: str, /, **arguments: Any) -> dict[str, Any]:
    result = base.call(ctx, tool, arguments).result
    assert result is not None
    return result


def ask(ctx: ToolContext, tool: str, /, **arguments: Any) -> dict[str, Any]:
    approval = base.call(ctx, tool, arguments).approval
    assert approval is not None
    return approval


def approve(ctx: ToolContext, approval: dict[str, Any]) -> dict[str, Any]:
    decided = base.decide(ctx, approval["id"], "approve")
    assert decided["state"] == "done", decided
    result: dict[str, Any] = decided["result"]
    return result


def trained(ctx: ToolContext, **arguments: Any) -> str:
    """The id of a run that succeeded."""
    approval = ask(ctx, "start_finetune", dataset="tickets", **arguments)
    tick(ctx)
    run: str = approve(ctx, approval)["run"]
    tick(ctx)
    return run


def trainings(ctx: ToolContext) -> list[str]:
    launcher = ctx.house.launcher
    assert isinstance(launcher, FakeLauncher)
    return [job.id for job in launcher.submitted if job.id.startswith("run")]


def test_a_quote_is_answered_at_once_and_has_the_time_when_asked_again(ctx: ToolContext) -> None:
    first = call(ctx, "quote_finetune", dataset="tickets", epochs=2)
    tick(ctx)
    again = call(ctx, "quote_finetune", dataset="tickets", epochs=2)

    assert (first["state"], first["minutes"]) == ("measuring", None)
    assert first["parameters"]["epochs"]["origin"] == "set"
    assert set(first["parameters"]) == set(LIMITS)
    assert (again["quote"], again["state"]) == (first["quote"], "ready")
    assert again["minutes"]["low"] < again["minutes"]["expected"] < again["minutes"]["high"]
    assert again["memory_mb"] == 700
    assert again["cost"]["amount"] == 0


def test_starting_asks_first_with_every_argument_as_a_value(ctx: ToolContext) -> None:
    approval = ask(ctx, "start_finetune", dataset="tickets", epochs=2)

    assert approval["state"] == "measuring"
    assert approval["arguments"]["dataset"] == "tickets@1"
    assert approval["arguments"]["base_model"] == "minilm"
    assert set(approval["arguments"]) == {"dataset", "base_model", *LIMITS}
    assert "auto" not in approval["arguments"].values()
    tick(ctx)
    assert trainings(ctx) == []


def test_an_approved_run_ends_with_the_figures_of_its_result(ctx: ToolContext) -> None:
    run = trained(ctx, epochs=2)

    told = call(ctx, "run_status")

    assert told["run"] == run
    assert told["state"] == "succeeded"
    assert told["metrics"] == train_result()["metrics"]
    assert told["quoted_seconds"] == 100.0
    assert told["parameters"]["epochs"] == {"value": 2, "origin": "set", "reason": "set by you"}
    assert told["models"]["lora"] == told["model"] == "tickets@1"
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"dataset": "other"}, "no dataset 'other'"),
        ({"dataset": "tickets", "base_model": "../../x"}, "no base_model"),
        ({"dataset": "tickets", "rank": 0}, "rank=0 is not a whole number from 1 to 256"),
        ({"dataset": "tickets", "learning_rate": 1e308}, "a number from 0.000001 to 0.1"),
        ({"dataset": "tickets", "learning_rate": float("nan")}, "learning_rate"),
        ({"dataset": "tickets", "epochs": -1}, "a whole number from 1 to 50"),
        ({"dataset": "tickets", "seed": "x"}, "seed='x' is not a whole number from 0"),
        ({"dataset": "tickets", "rank": True}, "rank"),
        ({"dataset": "tickets", "lora_rank": 8}, "no argument 'lora_rank'"),
        ({}, "needs dataset"),
    ],
)
def test_an_absurd_request_is_refused_at_once_and_leaves_nothing(
    ctx: ToolContext, arguments: dict[str, Any], why: str
) -> None:
    for tool in ("quote_finetune", "start_finetune"):
        with pytest.raises(RequestRefused, match=why):
            base.call(ctx, tool, arguments)

    assert call(ctx, "list_approvals")["approvals"] == []
    assert ctx.house.quotes.measuring() == []
    assert call(ctx, "list_runs")["runs"] == []


def test_deciding_twice_is_one_run(ctx: ToolContext) -> None:
    approval = ask(ctx, "start_finetune", dataset="tickets")
    tick(ctx)

    assert approve(ctx, approval)["run"] == approve(ctx, approval)["run"]
    assert len(call(ctx, "list_runs")["runs"]) == 1


def test_a_retry_asks_again_and_is_a_new_run_with_the_same_settings(ctx: ToolContext) -> None:
    run = trained(ctx, epochs=2, rank=4)

    approval = ask(ctx, "retry_run", run=run)
    assert approval["state"] == "waiting"
    assert approval["quote"]["parameters"]["rank"]["value"] == 4
    again = approve(ctx, approval)
    tick(ctx)

    assert again["run"] != run
    assert call(ctx, "run_status", run=again["run"])["model"] == "tickets@2"


def test_cancelling_needs_no_approval(ctx: ToolContext) -> None:
    approval = ask(ctx, "start_finetune", dataset="tickets")
    tick(ctx)
    run = approve(ctx, approval)["run"]

    assert call(ctx, "cancel_run")["cancel_requested"]
    tick(ctx)

    assert call(ctx, "run_status", run=run)["state"] == "cancelled"
    assert trainings(ctx) == []


def test_runs_are_compared_with_honest_words(ctx: ToolContext) -> None:
    first, second = trained(ctx, rank=4), trained(ctx, rank=8)

    found = call(ctx, "compare_runs", runs=[first, second])

    assert [line["differs"]["rank"] for line in found["runs"]] == [4, 8]
    assert "may be chance" in found["text"]
    assert call(ctx, "compare_runs") == found


def test_models_are_listed_beside_the_bases(ctx: ToolContext) -> None:
    trained(ctx)

    found = call(ctx, "list_models")
    one = call(ctx, "list_models", model="tickets@1")

    assert [base_["name"] for base_ in found["bases"]] == ["minilm", "tiny-chat"]
    assert {model["kind"] for model in found["models"]} == {"lora", "tfidf", "frozen"}
    assert one["models"][0]["passport"]["dataset"] == "tickets@1"


def test_an_exported_model_can_be_downloaded_like_any_file(ctx: ToolContext) -> None:
    trained(ctx)

    found = call(ctx, "export_model", model="tickets")

    assert found["filename"] == "tickets-1.zip"
    assert ctx.house.files.path(OWNER, found["file_id"]).read_bytes()[:2] == b"PK"
    assert ctx.house.files.get(OWNER, found["file_id"]).bytes == found["bytes"]


def test_deleting_a_model_asks_first_and_names_the_version(ctx: ToolContext) -> None:
    trained(ctx)

    approval = ask(ctx, "delete_model", model="tickets")
    assert approval["arguments"] == {"model": "tickets@1"}
    assert approve(ctx, approval) == {"deleted": "tickets@1"}

    kinds = {model["kind"] for model in call(ctx, "list_models")["models"]}
    assert kinds == {"tfidf", "frozen"}


@pytest.mark.parametrize(
    "ask_for",
    [
        lambda ctx: call(ctx, "run_status", run="run_9"),
        lambda ctx: call(ctx, "cancel_run", run="run_9"),
        lambda ctx: ask(ctx, "retry_run", run="run_9"),
        lambda ctx: ask(ctx, "delete_model", model="nothing"),
        lambda ctx: call(ctx, "export_model", model="nothing@2"),
        lambda ctx: call(ctx, "compare_runs", runs=["run_8", "run_9"]),
    ],
    ids=["run_status", "cancel_run", "retry_run", "delete_model", "export_model", "compare_runs"],
)
def test_an_unknown_run_or_model_is_refused(
    ctx: ToolContext, ask_for: Callable[[ToolContext], object]
) -> None:
    with pytest.raises(RequestRefused, match="There is no") as refusal:
        ask_for(ctx)
    assert refusal.value.code == "not_found"


def test_another_owner_sees_neither_runs_nor_models(ctx: ToolContext) -> None:
    run = trained(ctx)
    stranger = ToolContext(ctx.house, Caller(user="somebody", scopes=ALL_SCOPES))

    assert call(stranger, "list_runs")["runs"] == []
    assert call(stranger, "list_models")["models"] == []
    with pytest.raises(RequestRefused, match="no run"):
        call(stranger, "run_status", run=run)
    with pytest.raises(RequestRefused, match="no model"):
        call(stranger, "export_model", model="tickets@1")
