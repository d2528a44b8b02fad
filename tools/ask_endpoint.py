"""Tool: one text to an endpoint, and beside it to another model."""

from typing import Any

from core.records.tables import Json
from serving.answers import Classified, Generated
from serving.requests import check_text
from serving.routes import CHAT
from tools.base import Effect, ToolContext, tool

TOP = 5
TOKENS = 256
"""Of an answer that is tried out."""


@tool(effect=Effect.READS)
def ask_endpoint(
    ctx: ToolContext, input: str, endpoint: str = "", compare_with: str = ""
) -> dict[str, Any]:
    """Send a text to a live endpoint and return what its model answers, and the time taken.

    A classifier answers with the label, its probability and the next likely ones. A chat model
    answers with text: at most 256 tokens, the likeliest each time.

    Args:
        input: The text, at most 32,000 characters.
        endpoint: Its name; without one, the endpoint that went live last.
        compare_with: Another endpoint or model that answers beside it, or "base" for the untuned
            base model.
    """
    supervisor = ctx.house.supervisor
    row = supervisor.endpoints.pick(ctx.caller, endpoint)
    model = supervisor.endpoints.model(ctx.caller, row.model)
    answer = written if model.task == CHAT else labelled
    asked = {"endpoint": row.name, "task": model.task, "input": input}
    result = asked | answer(ctx, row.name, input)
    if not compare_with:
        return result | {"compared": None}
    rival = supervisor.endpoints.rival(ctx.caller, model, compare_with)
    return result | {"compared": answer(ctx, rival, input)}


def labelled(ctx: ToolContext, target: str, text: str) -> Json:
    found: Classified = ctx.house.supervisor.classify(ctx.caller, target, text, TOP)
    labels = [{"label": label, "score": score} for label, score in found.answers[0]]
    return {
        "model": found.model,
        "answer": {**labels[0], "labels": labels},
        "latency_ms": found.latency_ms,
    }


def written(ctx: ToolContext, target: str, text: str) -> Json:
    messages = [{"role": "user", "content": check_text(text)}]
    asked = {"messages": messages, "temperature": 0.0}
    found: Generated = ctx.house.supervisor.answer(ctx.caller, target, asked, TOKENS)
    return {
        "model": found.model,
        "answer": {
            "text": found.text,
            "finish_reason": found.ended.finish_reason,
            "prompt_tokens": found.ended.prompt_tokens,
            "completion_tokens": found.ended.completion_tokens,
        },
        "latency_ms": found.ended.latency_ms,
        "ttft_ms": found.ended.ttft_ms,
        "tokens_per_s": found.ended.tokens_per_s,
    }
