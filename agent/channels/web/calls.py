"""What the buttons and fields of cards can call, as functions of plain data. No Chainlit."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from agent import talk
from agent.language import Words
from agent.shown import view_of
from agent.shown.endpoints import answers
from agent.shown.errors import help_url
from core import approvals
from core.errors import ThimbleError
from core.records.tables import Quote
from tools import base
from tools.base import ToolContext

Json = dict[str, Any]
Payload = dict[str, Any]
Work = Callable[[ToolContext, Payload, Words], Json]
MOST_CHARACTERS = 4_000
"""Of a text that an endpoint is tried with."""
ROWS = ("dataset", "page", "label")
SHOWN = ("rows", "talks", "page", "pages", "total")
"""Of a page of rows."""
MASK = ("dataset", "base_model", "row")


def told(refusal: ThimbleError, w: Words) -> Json:
    return {
        "message": w.told(refusal.message),
        "fix": w.told(refusal.fix) if refusal.fix else None,
        "param": refusal.param,
        "help": help_url(refusal.code, w),
    }


def decide(ctx: ToolContext, payload: Payload, _: Words) -> Json:
    """Approve or reject."""
    approval_id, decision = (str(payload.get(name, "")) for name in ("approval_id", "decision"))
    return {"state": base.decide(ctx, approval_id, decision)["state"]}


def change(ctx: ToolContext, payload: Payload, _: Words) -> Json:
    """Ask for the same with other values. A request that waited is replaced by the new one."""
    tool, asked = asked_before(ctx, str(payload.get("approval_id", "")))
    return {"approval": base.call(ctx, tool, asked | dict(payload["arguments"])).approval}


def asked_before(ctx: ToolContext, identifier: str) -> tuple[str, Json]:
    """The tool and what was asked of it: by a request that can be decided, or by a quote."""
    if identifier.startswith("quote_"):
        return "start_finetune", asked_of_quote(ctx.house.quotes.get(ctx.caller, identifier))
    before = approvals.get(ctx.house.database, ctx.caller, identifier)
    if before.state not in approvals.UNDECIDED:
        raise approvals.refusal(before)
    return before.tool, before.asked


def asked_of_quote(quote: Quote) -> Json:
    """What its user had set; the rest is decided anew, as it may depend on what is changed."""
    plan = quote.result
    chosen = {
        name: told["value"] for name, told in plan["parameters"].items() if told["origin"] == "set"
    }
    return {"dataset": plan["dataset"], "base_model": plan["base_model"], **chosen}


def ask(ctx: ToolContext, payload: Payload, w: Words) -> Json:
    """One answer of an endpoint, and of its base beside it; written ones as a card shows them."""
    endpoint, text = str(payload.get("endpoint", "")), str(payload.get("text", ""))
    compared = {"compare_with": "base"} if payload.get("compare") else {}
    arguments = {"endpoint": endpoint, "input": text[:MOST_CHARACTERS], **compared}
    result = result_of(ctx, "ask_endpoint", arguments)
    if "text" in result["answer"]:
        return {"answers": [asdict(one) for one in answers(result, w)]}
    return result


def mask(ctx: ToolContext, payload: Payload, w: Words) -> Json:
    """What would be trained on in one row of a chat dataset."""
    wanted: Json = {name: payload[name] for name in MASK if payload.get(name)}
    view = view_of("check_dataset", result_of(ctx, "check_dataset", wanted), w)
    found = asdict(view.preview) if view is not None and view.preview is not None else {}
    return {"masks": found.get("masks", [])}


def talk_to(ctx: ToolContext, payload: Payload, _: Words) -> Json:
    """Whom a conversation of its own can be opened with; the page is led there by `pressed`."""
    endpoint = str(payload.get("endpoint", ""))
    return {"talk": talk.parties(ctx.house, ctx.caller, endpoint)[0].target}


def rows(ctx: ToolContext, payload: Payload, w: Words) -> Json:
    """One page of a dataset's rows, as the card shows them."""
    wanted: Json = {name: payload[name] for name in ROWS if name in payload}
    view = view_of("sample_dataset", result_of(ctx, "sample_dataset", wanted), w)
    page = asdict(view.sample) if view is not None and view.sample is not None else {}
    return {name: page[name] for name in SHOWN if name in page}


def result_of(ctx: ToolContext, tool: str, arguments: Json) -> Json:
    return base.call(ctx, tool, arguments).result or {}


CALLS: dict[str, Work] = {
    "decide": decide,
    "change": change,
    "ask": ask,
    "rows": rows,
    "mask": mask,
    "talk": talk_to,
}
"""By the names that public/cards calls them by."""
