"""The chat routes without an engine: who may ask, and what a stream says."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.errors import RequestRefused, ServiceFailed
from core.identity import Caller
from serving.answers import Began, Ended, Event, Wrote
from serving.gateway import ask, chat, shapes

READER = Caller(scopes=frozenset({"read", "write"}))
END = Ended(
    finish_reason="stop", prompt_tokens=2, completion_tokens=3, ttft_ms=10.0, latency_ms=110.0
)
HELLO: Mapping[str, Any] = {"model": "zoo", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class FakeSupervisor:
    """Says what it is told to say, and remembers what it was asked."""

    events: list[Event | Exception]
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    async def agenerate(
        self, caller: Caller, target: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[Event, None]:
        self.asked.append(target)
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed = True


async def streamed(supervisor: FakeSupervisor, **more: Any) -> list[Any]:
    """What stands in the events of a stream; it may break off."""
    asked = ask.chat({**HELLO, "stream": True, **more})
    said = []
    try:
        async for line in await chat.opened(supervisor, Caller(), asked, shapes.CHAT):
            assert line.startswith("data: ") and line.endswith("\n\n")
            said.append(line[6:-2])
    except chat.BrokenOff:
        said.append("broken off")
    return [json.loads(one) if one.startswith("{") else one for one in said]


async def test_a_key_without_the_right_to_infer_is_refused_before_anything_is_asked() -> None:
    supervisor = FakeSupervisor([Began("cat@1"), END])

    for way in (chat.whole, chat.opened):
        with pytest.raises(RequestRefused) as refused:
            await way(supervisor, READER, ask.chat(HELLO), shapes.CHAT)
        assert refused.value.code == "forbidden"

    assert supervisor.asked == []


async def test_a_stream_ends_with_its_reason_and_then_done() -> None:
    said = await streamed(FakeSupervisor([Began("cat@1"), Wrote("你"), Wrote("好"), END]))

    assert [one["choices"][0]["delta"] for one in said[:-1]] == [
        {"role": "assistant", "content": ""},
        {"content": "你"},
        {"content": "好"},
        {},
    ]
    assert said[-2]["choices"][0]["finish_reason"] == "stop"
    assert said[-1] == "[DONE]"
    assert "usage" not in said[0]


async def test_the_usage_comes_in_a_chunk_of_its_own_before_done() -> None:
    events: list[Event | Exception] = [Began("cat@1"), END]

    said = await streamed(FakeSupervisor(events), stream_options={"include_usage": True})

    assert said[0]["usage"] is None
    assert said[-2]["choices"] == []
    assert said[-2]["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


async def test_a_refusal_comes_before_the_stream() -> None:
    supervisor = FakeSupervisor([RequestRefused("Too long.", code="prompt_too_long")])

    with pytest.raises(RequestRefused, match="Too long"):
        await streamed(supervisor)


async def test_a_failure_in_the_middle_is_told_in_the_stream_which_then_breaks_off() -> None:
    failure = ServiceFailed("It broke.", code="engine_lost")

    said = await streamed(FakeSupervisor([Began("cat@1"), Wrote("me"), failure]))

    assert said[-2]["error"]["code"] == "engine_lost"
    assert said[-1] == "broken off"


async def test_a_reader_who_leaves_closes_the_answer() -> None:
    supervisor = FakeSupervisor([Began("cat@1"), Wrote("me"), Wrote("ow"), END])
    lines = await chat.opened(supervisor, Caller(), ask.chat(HELLO), shapes.CHAT)
    await anext(lines)
    await anext(lines)

    await lines.aclose()

    assert supervisor.closed


def test_speed_is_told_of_what_came_after_the_first_token() -> None:
    assert END.tokens_per_s == 20.0
