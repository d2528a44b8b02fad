"""What may be asked of chat models: each field is checked, and what nothing reads is refused."""

from typing import Any

import pytest

from core.errors import RequestRefused
from serving.gateway import ask

HELLO = [{"role": "user", "content": "hello"}]
LOOK = {"type": "function", "function": {"name": "look", "parameters": {}}}


def test_a_plain_request_has_openais_defaults() -> None:
    found = ask.chat({"model": "zoo", "messages": HELLO})

    assert (found.target, found.stream, found.with_usage) == ("zoo", False, False)
    assert found.request == {
        "messages": HELLO,
        "tools": None,
        "max_tokens": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": None,
        "stop": [],
    }


def test_what_is_given_reaches_the_engine() -> None:
    body = {"temperature": 0, "top_p": 0.5, "seed": 7, "stop": "end", "max_tokens": 9}
    stream = {"stream": True, "stream_options": {"include_usage": True}}

    found = ask.chat({"model": "zoo", "messages": HELLO, "tools": [LOOK]} | body | stream)

    assert (found.stream, found.with_usage) == (True, True)
    assert found.request == body | {"messages": HELLO, "tools": [LOOK], "stop": ["end"]}


def test_parts_of_text_are_joined_and_the_newer_names_are_known() -> None:
    parts = [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]

    found = ask.chat({"model": "zoo", "messages": messages, "max_completion_tokens": 3})

    assert found.request["messages"] == [{"role": "system", "content": "Be brief."}, *HELLO]
    assert found.request["max_tokens"] == 3


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"n": 2}, "n"),
        ({"n": True}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"functions": []}, "functions"),
        ({"temprature": 1}, "temprature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": 1e308}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_completion_tokens"),
        ({"seed": "x"}, "seed"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": 7}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"x": 1}}, "stream_options"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"store": True}, "store"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"user": 7}, "user"),
        ({"user": "x" * 513}, "user"),
        ({"metadata": "run 7"}, "metadata"),
        ({"metadata": {"run": 7}}, "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x", "emotion": 1}]}, "messages"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "x"}]}, "messages"),
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
    ],
)
def test_what_is_wrong_or_not_supported_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        ask.chat({"model": "zoo", "messages": HELLO} | body)

    assert refused.value.param == param
    assert refused.value.message and refused.value.fix


@pytest.mark.parametrize(
    "more",
    [
        {"n": 1, "presence_penalty": 0, "logprobs": False, "tool_choice": "auto"},
        {"frequency_penalty": 0.0, "logit_bias": {}, "response_format": {"type": "text"}},
        {"temperature": None, "stop": None, "seed": None, "max_tokens": None, "user": None},
        {"top_p": 1, "stop": [], "stream": False, "tools": [], "stream_options": None},
        {"user": "ann", "metadata": {"run": "7"}, "store": False, "tool_choice": "none"},
        {"parallel_tool_calls": False, "service_tier": "default"},
        {"metadata": {}, "store": None, "service_tier": None, "tool_choice": None},
    ],
)
def test_values_that_ask_for_nothing_special_are_taken(more: dict[str, Any]) -> None:
    plain = ask.chat({"model": "zoo", "messages": HELLO})

    assert ask.chat({"model": "zoo", "messages": HELLO} | more) == plain


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "half \ud83d a cat"}, "prompt"),
        ({"prompt": "x" * 1_000_001}, "prompt"),
        ({"prompt": "a", "echo": True}, "echo"),
        ({"prompt": "a", "best_of": 3}, "best_of"),
        ({"prompt": "a", "messages": HELLO}, "messages"),
        ({"prompt": "a", "tools": []}, "tools"),
        ({}, "prompt"),
    ],
)
def test_what_the_older_route_does_not_take_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        ask.text({"model": "zoo"} | body)

    assert refused.value.param == param


def test_the_older_route_takes_one_text_also_in_a_list() -> None:
    for prompt in ("once", ["once"]):
        found = ask.text({"model": "zoo", "prompt": prompt, "echo": False, "suffix": ""})
        assert (found.request["prompt"], found.request["max_tokens"]) == ("once", 16)


def test_a_label_means_nothing_to_the_older_route_either() -> None:
    plain = ask.text({"model": "zoo", "prompt": "once"})

    assert ask.text({"model": "zoo", "prompt": "once", "user": "ann"}) == plain


def test_functions_that_must_not_be_called_are_not_shown_to_the_model() -> None:
    body = {"model": "zoo", "messages": HELLO, "tools": [LOOK]}

    assert ask.chat(body | {"tool_choice": "none"}).request["tools"] is None
    assert ask.chat(body | {"tool_choice": "auto"}).request["tools"] == [LOOK]


@pytest.mark.parametrize("messages", [[], "hi", {}])
def test_who_sends_no_messages_is_told_what_to_send(messages: object) -> None:
    with pytest.raises(RequestRefused) as refused:
        ask.chat({"model": "zoo", "messages": messages})

    assert refused.value.fix is not None
    assert refused.value.fix.startswith("Send a list of messages")


def test_who_wants_two_answers_is_told_that_there_is_one() -> None:
    with pytest.raises(RequestRefused) as refused:
        ask.chat({"model": "zoo", "messages": HELLO, "n": 2})

    assert refused.value.message == "n can only be 1: a request gets one answer."
