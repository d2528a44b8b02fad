"""The one door: what passes, what waits, and that what was approved runs once."""

import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from core import approvals
from core.errors import RequestRefused
from core.events import QuoteReady
from core.identity import API_SCOPES, Caller
from core.records.tables import Approval, Audit, Json, Run
from tools import base
from tools.base import House, ToolContext

PROGRAM = Caller(scopes=API_SCOPES)


@pytest.fixture
def ctx(house: House) -> ToolContext:
    house.bus.subscribe(
        lambda event: base.quote_made(house) if isinstance(event, QuoteReady) else None
    )
    return base.as_person(ToolContext(house, PROGRAM))


@pytest.fixture
def waiting(ctx: ToolContext, tickets: str) -> Json:
    """An approval of a fine-tuning whose quote has been measured."""
    asked = ask(ctx, dataset=tickets, epochs=2)
    measure(ctx)
    return asked


def ask(ctx: ToolContext, **arguments: object) -> Json:
    approval = base.call(ctx, "start_finetune", arguments).approval
    assert approval is not None
    return approval


def measure(ctx: ToolContext) -> None:
    """Let the fake launcher run the probes that were asked for."""
    ctx.house.follower.tick()
    ctx.house.follower.tick()


def runs(house: House) -> list[str]:
    with house.database.read() as session:
        return [run.id for run in session.scalars(select(Run))]


def test_an_unknown_tool_is_refused_with_the_list_of_known_ones(ctx: ToolContext) -> None:
    with pytest.raises(RequestRefused, match=r"'rm_rf'.*list_runs"):
        base.call(ctx, "rm_rf", {})


@pytest.mark.parametrize("name", ["base", "_schema", "../core/errors", "__init__"])
def test_what_is_no_tool_cannot_be_called_as_one(ctx: ToolContext, name: str) -> None:
    with pytest.raises(RequestRefused, match="There is no tool "):
        base.call(ctx, name, {})


@pytest.mark.parametrize(
    ("arguments", "code", "param"),
    [
        ({}, "missing_argument", "dataset"),
        ({"dataset": "tickets", "shell": "id"}, "unknown_argument", "shell"),
        ({"dataset": ["tickets"]}, "invalid_argument", "dataset"),
        ({"dataset": "x" * 1_000_001}, "too_long", "dataset"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_nothing_is_asked(
    ctx: ToolContext, arguments: Json, code: str, param: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "start_finetune", arguments)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert base.call(ctx, "list_approvals", {}).result == {"approvals": []}


def test_what_spends_waits_with_every_argument_resolved_and_nothing_runs(
    ctx: ToolContext, waiting: Json
) -> None:
    approval = base.call(ctx, "list_approvals", {}).result["approvals"][0]  # type: ignore[index]
    assert (approval["id"], approval["state"]) == (waiting["id"], "waiting")
    assert approval["arguments"]["dataset"] == "tickets@1"
    assert approval["arguments"]["epochs"] == 2
    assert "auto" not in approval["arguments"].values()
    assert approval["quote"]["minutes"]["expected"] > 0
    assert runs(ctx.house) == []


def test_deciding_before_the_quote_is_measured_is_refused(ctx: ToolContext, tickets: str) -> None:
    asked = ask(ctx, dataset=tickets)
    assert asked["state"] == "measuring"
    with pytest.raises(RequestRefused) as refused:
        base.decide(ctx, asked["id"], "approve")
    assert refused.value.code == "quote_measuring"


def test_approving_runs_it_once_and_repeats_return_the_same_result(
    ctx: ToolContext, waiting: Json
) -> None:
    first = base.decide(ctx, waiting["id"], "approve")
    again = base.decide(ctx, waiting["id"], "approve")
    called = base.call(ctx, "start_finetune", waiting["asked"], approval_id=waiting["id"])
    assert first["state"] == "done"
    assert first["result"] == again["result"] == called.result
    assert runs(ctx.house) == [first["result"]["run"]]


def test_many_deciding_at_the_same_moment_start_one_run(ctx: ToolContext, waiting: Json) -> None:
    threads = [
        threading.Thread(target=base.decide, args=(ctx, waiting["id"], "approve")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(ctx.house)) == 1


@pytest.mark.parametrize("change", [{"epochs": 3}, {"seed": 7}, {"dataset": "other"}])
def test_with_one_argument_changed_an_approval_runs_nothing(
    ctx: ToolContext, waiting: Json, change: Json
) -> None:
    base.decide(ctx, waiting["id"], "approve")
    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "start_finetune", waiting["asked"] | change, approval_id=waiting["id"])
    assert refused.value.code == "approval_mismatch"
    assert len(runs(ctx.house)) == 1


def test_an_approval_of_one_tool_does_not_open_another(ctx: ToolContext, waiting: Json) -> None:
    with pytest.raises(RequestRefused, match="other arguments"):
        base.call(ctx, "list_runs", {}, approval_id=waiting["id"])


def test_a_program_may_ask_but_not_decide(ctx: ToolContext, waiting: Json) -> None:
    program = replace(ctx, caller=PROGRAM)
    with pytest.raises(RequestRefused) as refused:
        base.decide(program, waiting["id"], "approve")
    assert refused.value.code == "forbidden"
    assert runs(ctx.house) == []


def test_another_persons_approval_is_unknown(ctx: ToolContext, waiting: Json) -> None:
    stranger = replace(ctx, caller=replace(ctx.caller, user="bob"))
    with pytest.raises(RequestRefused) as refused:
        base.decide(stranger, waiting["id"], "approve")
    assert refused.value.code == "not_found"


def test_what_was_rejected_stays_rejected(ctx: ToolContext, waiting: Json) -> None:
    base.decide(ctx, waiting["id"], "reject")
    for attempt in ("approve", "call"):
        with pytest.raises(RequestRefused) as refused:
            if attempt == "approve":
                base.decide(ctx, waiting["id"], "approve")
            else:
                base.call(ctx, "start_finetune", waiting["asked"], approval_id=waiting["id"])
        assert refused.value.code == "already_decided"
    assert runs(ctx.house) == []


def test_after_seven_days_an_approval_has_expired(ctx: ToolContext, waiting: Json) -> None:
    set_approval(ctx.house, waiting["id"], expires_at=time.time() - 1)
    with pytest.raises(RequestRefused) as refused:
        base.decide(ctx, waiting["id"], "approve")
    assert refused.value.code == "approval_expired"


def test_the_same_request_again_is_the_same_approval(ctx: ToolContext, waiting: Json) -> None:
    assert ask(ctx, dataset="tickets", epochs=2)["id"] == waiting["id"]
    assert ask(ctx, dataset="tickets", epochs=3)["id"] != waiting["id"]


def test_a_call_cut_off_by_a_crash_is_finished_once_at_the_next_start(
    ctx: ToolContext, waiting: Json
) -> None:
    base.decide(ctx, waiting["id"], "approve")
    set_approval(ctx.house, waiting["id"], state="running", result=None)
    base.finish_interrupted(ctx.house)
    base.finish_interrupted(ctx.house)
    done = base.decide(ctx, waiting["id"], "approve")
    assert (done["state"], len(runs(ctx.house))) == ("done", 1)


def test_a_call_cut_off_long_ago_is_given_up(ctx: ToolContext, waiting: Json) -> None:
    set_approval(ctx.house, waiting["id"], state="running", decided_at=time.time() - 3600)
    base.finish_interrupted(ctx.house)
    approval = base.call(ctx, "list_approvals", {"all": True}).result["approvals"][0]  # type: ignore[index]
    assert (approval["state"], approval["error"]["code"]) == ("failed", "approval_too_old")
    assert runs(ctx.house) == []


def test_every_call_and_decision_is_written_down(ctx: ToolContext, waiting: Json) -> None:
    base.decide(ctx, waiting["id"], "approve")
    with ctx.house.database.read() as session:
        lines = [(line.action, line.outcome) for line in session.scalars(select(Audit))]
    assert lines == [
        ("call start_finetune", f"asked {waiting['id']}"),
        (f"approve {waiting['id']}", "decided"),
        ("run start_finetune", "done"),
    ]


def set_approval(house: House, identifier: str, **changes: object) -> None:
    with house.database.write() as session:
        approval = session.get_one(Approval, identifier)
        for name, value in changes.items():
            setattr(approval, name, value)


def test_a_newer_plan_in_the_same_thread_takes_the_place_of_the_older(
    ctx: ToolContext, tickets: str
) -> None:
    here, there = replace(ctx, thread_id="here"), replace(ctx, thread_id="there")
    elsewhere = ask(there, dataset=tickets, epochs=1)
    older = ask(here, dataset=tickets, epochs=2)
    newer = ask(here, dataset=tickets, epochs=3)

    states = {one["id"]: one for one in map(approvals.as_dict, undecided(ctx))}
    assert set(states) == {elsewhere["id"], newer["id"]}
    with pytest.raises(RequestRefused, match=rf"replaced by {newer['id']}"):
        base.decide(ctx, older["id"], "approve")


def test_asking_for_the_replaced_plan_again_makes_it_the_newest(
    ctx: ToolContext, tickets: str
) -> None:
    here = replace(ctx, thread_id="here")
    first = ask(here, dataset=tickets, epochs=2)
    ask(here, dataset=tickets, epochs=3)
    again = ask(here, dataset=tickets, epochs=2)

    assert again["id"] != first["id"]
    assert [one.id for one in undecided(ctx)] == [again["id"]]


def test_plans_that_are_asked_for_without_a_thread_wait_side_by_side(
    ctx: ToolContext, tickets: str
) -> None:
    asked = [ask(ctx, dataset=tickets, epochs=epochs)["id"] for epochs in (1, 2, 3)]

    assert [one.id for one in undecided(ctx)] == asked


def undecided(ctx: ToolContext) -> list[Approval]:
    return approvals.listing(ctx.house.database, ctx.caller)
