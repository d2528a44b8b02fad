"""What a thread remembers, also when a turn was broken off."""

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from agent.memory import KEPT_CHARACTERS, Memory, repaired, shortened, spoken, tightened
from core.identity import Caller
from tools.base import House


def call(name: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"id": f"id-{name}", "name": name, "args": {}}])


def test_messages_come_back_as_they_were(house: House) -> None:
    memory = Memory(house.database, Caller(), "t")
    files = [{"id": "file-1", "filename": "a.csv"}]
    memory.add([spoken("hi", files), call("x"), ToolMessage("{}", tool_call_id="id-x", name="x")])
    memory.note("run_1 succeeded.")

    human, made, answer, note = memory.load()

    assert isinstance(human, HumanMessage) and human.additional_kwargs["files"] == files
    assert isinstance(made, AIMessage) and made.tool_calls[0]["name"] == "x"
    assert isinstance(answer, ToolMessage) and answer.tool_call_id == "id-x"
    assert note.text == "run_1 succeeded."


def test_a_call_without_an_answer_gets_one_and_an_answer_without_a_call_goes() -> None:
    stray = ToolMessage("late", tool_call_id="id-gone")

    found = repaired([spoken("a"), call("x"), spoken("b"), stray])

    assert [type(message) for message in found] == [
        HumanMessage,
        AIMessage,
        ToolMessage,
        HumanMessage,
    ]
    assert "interrupted" in found[2].text


def test_text_that_looks_like_a_serialised_object_stays_text(house: House) -> None:
    text = '{"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {}}'
    memory = Memory(house.database, Caller(), "t")
    memory.add([spoken(text)])

    assert memory.load()[0].text == text


def test_a_long_thread_is_shortened_by_whole_turns() -> None:
    turn: list[BaseMessage] = [spoken("q" * 100), AIMessage("a" * (KEPT_CHARACTERS // 3))]

    found = shortened(turn * 5)

    assert len(found) == 4 and isinstance(found[0], HumanMessage)


def test_results_of_earlier_turns_are_read_again_only_in_part(house: House) -> None:
    memory = Memory(house.database, Caller(), "t")
    result = ToolMessage("r" * 9_000, tool_call_id="id-x", name="x")
    memory.add([spoken("hi"), call("x"), result, AIMessage("done")])

    _, _, answer, _ = memory.load()

    assert len(answer.text) < 2_100 and "left out" in answer.text


def test_a_conversation_too_long_to_read_keeps_the_last_words_and_what_they_need() -> None:
    result = ToolMessage("r" * 9_000, tool_call_id="id-x", name="x")
    system = SystemMessage("rules")
    long = [system, spoken("old"), AIMessage("older"), spoken("new"), call("x"), result]

    found = tightened(long)

    assert [type(message) for message in found] == [
        SystemMessage,
        HumanMessage,
        AIMessage,
        ToolMessage,
    ]
    assert found[1].text == "new" and len(found[3].text) < 1_600
