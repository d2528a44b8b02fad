"""What the buttons and fields of cards call, on a real house and without a page."""

import pytest

from agent.channels.web.calls import CALLS, Json, told
from agent.language import words_in
from core import approvals
from core.errors import RequestRefused
from core.identity import ALL_SCOPES, Caller
from tools.base import House, ToolContext, call, quote_made

EN, ZH = words_in("en"), words_in("zh")


@pytest.fixture
def ctx(house: House, tickets: str) -> ToolContext:
    return ToolContext(house, Caller(scopes=ALL_SCOPES), "thread")


def press(ctx: ToolContext, name: str, **payload: object) -> Json:
    return CALLS[name](ctx, payload, EN)


def asked(ctx: ToolContext, **arguments: object) -> Json:
    found = call(ctx, "start_finetune", {"dataset": "tickets", **arguments}).approval
    assert found is not None
    return found


def state(ctx: ToolContext, approval_id: str) -> str:
    return approvals.get(ctx.house.database, ctx.caller, approval_id).state


def test_a_changed_number_asks_anew_and_takes_the_place_of_what_waited(ctx: ToolContext) -> None:
    before = asked(ctx, rank=4)

    after = press(ctx, "change", approval_id=before["id"], arguments={"epochs": 5})["approval"]

    assert (after["arguments"]["rank"], after["arguments"]["epochs"]) == (4, 5)
    assert state(ctx, before["id"]) == "rejected"
    assert [one.id for one in approvals.listing(ctx.house.database, ctx.caller)] == [after["id"]]


def test_what_hangs_on_a_changed_number_is_decided_anew(ctx: ToolContext) -> None:
    before = asked(ctx)

    after = press(ctx, "change", approval_id=before["id"], arguments={"rank": 8})["approval"]

    assert before["arguments"]["alpha"] == before["arguments"]["rank"] != 8
    assert after["arguments"]["alpha"] == 8


def test_a_number_out_of_its_limits_is_refused_with_its_field_and_nothing_changes(
    ctx: ToolContext,
) -> None:
    before = asked(ctx)

    with pytest.raises(RequestRefused) as refused:
        press(ctx, "change", approval_id=before["id"], arguments={"rank": 900})

    shown = told(refused.value, EN)
    assert shown["param"] == "rank"
    assert "1 to 256" in shown["message"]
    assert state(ctx, before["id"]) in approvals.UNDECIDED


def test_a_decided_request_cannot_be_changed_any_more(ctx: ToolContext) -> None:
    before = asked(ctx)
    press(ctx, "decide", approval_id=before["id"], decision="reject")

    with pytest.raises(RequestRefused, match="was rejected"):
        press(ctx, "change", approval_id=before["id"], arguments={"rank": 8})


def test_a_plan_that_was_only_quoted_can_be_asked_for_with_other_numbers(ctx: ToolContext) -> None:
    quote = call(ctx, "quote_finetune", {"dataset": "tickets", "rank": 4}).result
    assert quote is not None

    after = press(ctx, "change", approval_id=quote["quote"], arguments={"epochs": 2})["approval"]

    assert after["asked"]["rank"] == 4
    assert after["asked"]["alpha"] == "auto"
    assert after["arguments"]["epochs"] == 2


def test_deciding_tells_what_became_of_it(ctx: ToolContext) -> None:
    waiting = asked(ctx)
    ctx.house.follower.tick()
    quote_made(ctx.house)

    assert press(ctx, "decide", approval_id=waiting["id"], decision="approve") == {"state": "done"}


def test_a_page_of_rows_comes_as_the_card_shows_it(ctx: ToolContext) -> None:
    first = press(ctx, "rows", dataset="tickets@1", page=1, label="")
    label = first["rows"][0][3]

    narrowed = press(ctx, "rows", dataset="tickets@1", page=1, label=label)

    assert len(first["rows"]) == 10
    assert narrowed["total"] < first["total"]
    assert {row[3] for row in narrowed["rows"]} == {label}


def test_an_endpoint_that_is_not_there_is_told_with_a_link_in_the_readers_language(
    ctx: ToolContext,
) -> None:
    with pytest.raises(RequestRefused) as refused:
        press(ctx, "ask", endpoint="nope", text="hello", compare=True)

    assert told(refused.value, EN)["help"].startswith("/help/errors#")
    assert told(refused.value, ZH)["help"].startswith("/help/zh/errors#")
    assert told(refused.value, ZH)["message"] != told(refused.value, EN)["message"]
