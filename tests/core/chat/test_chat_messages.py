"""What counts as a conversation, and how everything else is refused."""

from typing import Any

import pytest

from core.chat.messages import MAX_MESSAGES, check_messages
from core.errors import RequestRefused

ASKED = {"role": "user", "content": "Hi"}
ANSWERED = {"role": "assistant", "content": "Hello"}
CALL = {"function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


def row(*messages: Any) -> list[dict[str, Any]]:
    return check_messages(list(messages), "Row 7", generate=False)


def refusal(*messages: Any, generate: bool = False) -> str:
    with pytest.raises(RequestRefused) as refused:
        check_messages(list(messages), "Row 7", generate=generate)
    assert refused.value.fix
    return refused.value.message


def test_a_plain_conversation_is_taken_as_it_is() -> None:
    assert row(ASKED, ANSWERED) == [ASKED, ANSWERED]


def test_parts_of_text_are_joined_and_empty_fields_go() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    assert row(
        ASKED, {"role": "assistant", "content": parts, "tool_calls": None, "name": None}
    ) == [
        ASKED,
        ANSWERED,
    ]


def test_a_developer_speaks_for_the_system() -> None:
    assert row({"role": "developer", "content": "x"}, ASKED, ANSWERED)[0]["role"] == "system"


def test_arguments_of_tools_become_objects() -> None:
    read = row(ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]})
    assert read[1] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"type": "function", "function": {"name": "weather", "arguments": {"city": "Bern"}}}
        ],
    }


@pytest.mark.parametrize("name", ["reasoning_content", "thinking", "reasoning"])
def test_what_was_thought_has_one_name(name: str) -> None:
    assert row(ASKED, ANSWERED | {name: "Hm."})[1]["reasoning_content"] == "Hm."


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Hi", "an object with role and content is expected, not text"),
        ({"content": "x"}, "the role is missing"),
        ({"role": "bot", "content": "x"}, "the role 'bot' is unknown"),
        ({"role": ["user"], "content": "x"}, "is unknown"),
        ({"role": "user"}, "content is missing"),
        ({"role": "assistant", "content": None}, "content is missing"),
        ({"role": "user", "content": 5}, "content is a number, not text"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "only text is supported"),
        ({"role": "user", "content": [{"type": "text"}]}, "has no text"),
        ({"role": "user", "content": "x", "audio": 1}, "the field 'audio' is unknown"),
        ({"role": "user", "content": "x", "weight": 0}, "only an assistant's message has a weight"),
        ({"role": "assistant", "content": "x", "weight": 0.5}, "weight is '0.5'"),
        ({"role": "assistant", "content": "x", "weight": True}, "weight is 'True'"),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "only an assistant calls tools"),
        ({"role": "assistant", "content": "x", "tool_calls": ["a"]}, "no function with a name"),
        ({"role": "assistant", "content": "x", "tool_calls": {"a": 1}}, "not a list"),
        (
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": 1}}]},
            "no function with a name",
        ),
        (
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "f", "arguments": "{"}}],
            },
            "arguments of 'f' are no JSON",
        ),
        (
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "f", "arguments": [1]}}],
            },
            "are a list, not an object",
        ),
        ({"role": "user", "content": "a\ud800"}, "half of a surrogate pair"),
        ({"role": "user", "content": "x", "name": 4}, "name is a number"),
    ],
)
def test_a_wrong_message_is_named_with_row_and_place(message: Any, why: str) -> None:
    said = refusal(ASKED, message, ANSWERED)
    assert said.startswith("Row 7, message 2: ")
    assert why in said


def test_what_is_no_list_of_messages_is_refused() -> None:
    for value in (None, [], "x", {"messages": []}):
        with pytest.raises(RequestRefused, match="a list of messages is expected"):
            check_messages(value, "Row 7", generate=False)


def test_a_row_without_an_answer_to_learn_is_refused() -> None:
    assert "no message is from the assistant" in refusal(ASKED)
    assert "every answer is empty or has weight 0" in refusal(ASKED, ANSWERED | {"weight": 0})
    assert "every answer is empty" in refusal(ASKED, {"role": "assistant", "content": " "})


def test_a_request_must_leave_the_turn_to_the_model() -> None:
    assert "the last message is from 'assistant'" in refusal(ASKED, ANSWERED, generate=True)
    assert check_messages([ASKED], "messages", generate=True) == [ASKED]
    tool = {"role": "tool", "content": "7", "tool_call_id": "a"}
    assert check_messages([ASKED, tool], "messages", generate=True)[1] == tool


def test_too_many_messages_and_too_much_text_are_refused() -> None:
    assert "are more than" in refusal(*[ASKED, ANSWERED] * MAX_MESSAGES)
    assert "characters are more than" in refusal({"role": "user", "content": "x" * 5_000_000})
