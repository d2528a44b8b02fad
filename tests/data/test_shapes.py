"""Each schema of conversations: how it is known, and how its rows become messages."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import RequestRefused
from data.chat import recognise
from data.chat.talks import Talk, extract
from data.reading import read_table
from tests.data.talk import Json, chat, jsonl, message, sums

USER, BOT = message("user", "Hi"), message("assistant", "Hello")
TOOL = {"name": "clock", "parameters": {"type": "object", "properties": {}}}
WRAPPED = {"type": "function", "function": TOOL}
CALL = {"type": "function", "function": {"name": "clock", "arguments": {"zone": "UTC"}}}
Look = Callable[..., recognise.Found | None]


def read(
    folder: Path, name: str, content: str | bytes, **given: Any
) -> tuple[recognise.Found | None, list[Talk]]:
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    table = read_table(path, name)
    found = recognise.find(table, given.pop("task", "auto"), given)
    return found, extract(table, found, "file").rows if found else []


def only(folder: Path, row: Json, **given: Any) -> tuple[str, Talk]:
    found, rows = read(folder, "a.jsonl", jsonl([row]), **given)
    assert found is not None
    return found.shape, rows[0]


def refusal(folder: Path, rows: list[Json], **given: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        read(folder, "a.jsonl", jsonl(rows), **given)
    assert caught.value.fix
    return caught.value


def alpaca(**more: Any) -> Json:
    return {"instruction": "Add", "input": "1 and 2", "output": "3", **more}


def parts(*entries: tuple[str, str]) -> list[Json]:
    return [{"type": kind, "value": value} for kind, value in entries]


@pytest.mark.parametrize(
    ("row", "shape", "messages", "tools"),
    [
        ({"messages": [USER, BOT]}, "openai_chat", [USER, BOT], None),
        (
            {"messages": [USER, BOT | {"thinking": "They greet."}]},
            "openai_chat",
            [USER, BOT | {"reasoning_content": "They greet."}],
            None,
        ),
        (
            {"messages": [message("developer", "Be kind"), USER, {**BOT, "weight": 1}]},
            "openai_chat",
            [message("system", "Be kind"), USER, {**BOT, "weight": 1}],
            None,
        ),
        (
            {"conversations": [message("user", [{"type": "text", "text": "Hi"}]), BOT]},
            "openai_chat",
            [USER, BOT],
            None,
        ),
        (
            {
                "messages": [
                    USER,
                    {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": "c1"}]},
                    {"role": "tool", "content": "noon", "tool_call_id": "c1"},
                    BOT,
                ],
                "tools": [WRAPPED],
            },
            "openai_chat",
            [
                USER,
                message("assistant", "", tool_calls=[{**CALL, "id": "c1"}]),
                message("tool", "noon", tool_call_id="c1"),
                BOT,
            ],
            [WRAPPED],
        ),
        (
            {
                "messages": [
                    USER,
                    {
                        "role": "assistant",
                        "content": None,
                        "function_call": {"name": "clock", "arguments": '{"zone": "UTC"}'},
                    },
                    {"role": "function", "name": "clock", "content": "noon"},
                    BOT,
                ],
                "functions": [TOOL],
            },
            "openai_chat",
            [
                USER,
                message("assistant", "", tool_calls=[CALL]),
                message("tool", "noon", name="clock"),
                BOT,
            ],
            [WRAPPED],
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "Hi"},
                    {"from": "function_call", "value": json.dumps(CALL["function"])},
                    {"from": "observation", "value": "noon"},
                    {"from": "gpt", "value": "Hello"},
                ],
                "system": "Be kind",
                "tools": json.dumps([TOOL]),
            },
            "sharegpt",
            [
                message("system", "Be kind"),
                USER,
                message("assistant", "", tool_calls=[CALL]),
                message("tool", "noon"),
                BOT,
            ],
            [WRAPPED],
        ),
        (
            alpaca(),
            "alpaca",
            [message("user", "Add\n1 and 2"), message("assistant", "3")],
            None,
        ),
        (
            alpaca(input="", system="Be kind", history=[["Hi", "Hello"]]),
            "alpaca",
            [
                message("system", "Be kind"),
                USER,
                BOT,
                message("user", "Add"),
                message("assistant", "3"),
            ],
            None,
        ),
        ({"prompt": "Hi", "completion": "Hello"}, "prompt_completion", [USER, BOT], None),
        ({"question": "Hi", "answer": "Hello"}, "prompt_completion", [USER, BOT], None),
        ({"prompt": [USER], "completion": [BOT]}, "prompt_completion", [USER, BOT], None),
        (
            {
                "messages": [
                    message("user", parts(("text", "Hi")), loss_weight=0.0),
                    message(
                        "assistant",
                        parts(
                            ("reasoning", "Hm."),
                            ("text", "Hello"),
                            ("tool_call", json.dumps(CALL["function"])),
                        ),
                        loss_weight=1.0,
                    ),
                ]
            },
            "llamafactory_v1",
            [
                USER,
                message(
                    "assistant",
                    "Hello",
                    tool_calls=[CALL],
                    reasoning_content="Hm.",
                    weight=1,
                ),
            ],
            None,
        ),
    ],
)
def test_a_row_of_each_schema_becomes_messages_and_tools(
    tmp_path: Path, row: Json, shape: str, messages: list[Json], tools: list[Json] | None
) -> None:
    known, talk = only(tmp_path, row)

    assert known == shape
    assert talk.messages == messages
    assert talk.tools == tools


def test_parquet_with_lists_of_messages_reads_as_json_lines_do(tmp_path: Path) -> None:
    called = message("assistant", None, tool_calls=[CALL])
    rows = [[USER, BOT], [USER, called, message("tool", "noon"), BOT]]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"messages": rows}), buffer)

    _, from_parquet = read(tmp_path, "a.parquet", buffer.getvalue())
    _, from_lines = read(tmp_path, "a.jsonl", jsonl({"messages": row} for row in rows))

    assert [talk.messages for talk in from_parquet] == [talk.messages for talk in from_lines]


def test_messages_as_json_in_a_csv_cell_are_read(tmp_path: Path) -> None:
    cell = json.dumps([USER, BOT]).replace('"', '""')
    found, rows = read(tmp_path, "a.csv", f'id,messages\n7,"{cell}"\n8,"{cell}"\n')

    assert found is not None
    assert [talk.messages for talk in rows] == [[USER, BOT]] * 2


def test_columns_of_any_name_are_taken_when_they_are_said(tmp_path: Path) -> None:
    row = {"frage": "Hi", "antwort": "Hello", "ton": "Be kind"}
    shape, talk = only(tmp_path, row, prompt="frage", completion="antwort", system="ton")

    assert shape == "prompt_completion"
    assert talk.messages == [message("system", "Be kind"), USER, BOT]
    _, talk = only(tmp_path, {"verlauf": [USER, BOT]}, messages="verlauf")
    assert talk.messages == [USER, BOT]


@pytest.mark.parametrize(
    ("row", "code", "says"),
    [
        ({"messages": [USER, message("bot", "Hello"), BOT]}, "bad_messages", "message 2"),
        ({"messages": [USER, message("assistant", 5), BOT]}, "bad_messages", "message 2"),
        ({"messages": [message("user", [{"type": "image_url"}]), BOT]}, "not_text", "image_url"),
        ({"messages": []}, "bad_messages", "Row 2 (line 2)"),
        ({"messages": [USER, "Hello"]}, "bad_messages", "message 2: the field 'messages'"),
        ({"messages": [USER, BOT], "tools": [{"x": 1}]}, "bad_messages", "the field 'tools'"),
        (
            {"messages": [USER, message("assistant", "", function_call="now")]},
            "bad_messages",
            "'function_call' is no call",
        ),
    ],
)
def test_a_malformed_row_is_refused_by_row_message_and_field(
    tmp_path: Path, row: Json, code: str, says: str
) -> None:
    error = refusal(tmp_path, [{"messages": [USER, BOT]}, row])
    assert error.code == code
    assert "Row 2 (line 2)" in error.message
    assert says in error.message


def test_all_rows_with_a_fault_are_named_with_the_first(tmp_path: Path) -> None:
    bad = {"messages": [message("robot", "Hi"), BOT]}
    error = refusal(tmp_path, [*sums(3), *[bad] * 12])

    assert "Row 4 (line 4), message 1" in error.message
    assert "12 rows have a fault: 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 2 more." in error.message


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"conversations": [USER], "chosen": BOT, "rejected": BOT}, "DPO"),
        ({"input": {"messages": [USER]}, "preferred_output": [BOT], "non_preferred_output": [BOT]},
         "preferences"),
        ({"messages": [USER, BOT], "label": True}, "KTO"),
        ({"messages": [USER, BOT], "images": ["a.png"]}, "pictures (column 'images')"),
        ({"messages": [USER, BOT], "audios": ["a.mp3"]}, "sound"),
        ({"query": "a", "pos": ["b"], "neg": ["c"]}, "ranked"),
        ({"text": "Some long text of an article. " * 20}, "plain texts"),
    ],
)  # fmt: skip
def test_files_for_other_kinds_of_training_are_refused_by_name(
    tmp_path: Path, row: Json, says: str
) -> None:
    other = {key: False if value is True else value for key, value in row.items()}
    error = refusal(tmp_path, [row, other])
    assert error.code == "unsupported_task"
    assert says in error.message


def test_an_empty_column_for_pictures_does_not_make_pictures_of_texts(tmp_path: Path) -> None:
    shape, _ = only(tmp_path, {"messages": [USER, BOT], "images": []})
    assert shape == "openai_chat"


def test_a_text_and_a_label_stay_a_classification(tmp_path: Path) -> None:
    rows = [{"text": f"sentence {n}", "label": "ab"[n % 2], "answer": "yes"} for n in range(20)]
    assert read(tmp_path, "a.jsonl", jsonl(rows)) == (None, [])
    named = [{"prompt": f"sentence {n}", "completion": "ab"[n % 2]} for n in range(20)]
    given = {"text": "prompt", "label": "completion"}
    assert read(tmp_path, "a.jsonl", jsonl(named), **given)[0] is None
    assert read(tmp_path, "a.jsonl", jsonl(named), task="classification")[0] is None
    judged = [{"response": f"sentence {n}", "label": n % 2 == 0} for n in range(20)]
    assert read(tmp_path, "a.jsonl", jsonl(judged))[0] is None


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": f"sentence {n}", "completion": "ab"[n % 2]} for n in range(20)],
        [{"text": f"t {n}", "label": "ab"[n % 2], "messages": [USER, BOT]} for n in range(20)],
        [{**alpaca(output=f"It is {n}."), "category": "ab"[n % 2]} for n in range(20)],
    ],
)
def test_what_could_be_classes_or_answers_is_asked(tmp_path: Path, rows: list[Json]) -> None:
    error = refusal(tmp_path, rows)
    assert (error.code, error.param) == ("ambiguous_task", "task")

    found, _ = read(tmp_path, "a.jsonl", jsonl(rows), task="chat")
    assert found is not None


def test_two_schemas_in_one_file_are_asked_and_a_column_decides(tmp_path: Path) -> None:
    row = {"messages": [USER, BOT], "prompt": "a", "completion": "b"}
    error = refusal(tmp_path, [row])

    assert error.code == "ambiguous_columns"
    assert "openai_chat, prompt_completion" in error.message
    assert only(tmp_path, row, messages="messages")[0] == "openai_chat"
    assert only(tmp_path, row, prompt="prompt", completion="completion")[0] == "prompt_completion"


@pytest.mark.parametrize(
    ("row", "given", "code"),
    [
        ({"a": "1", "b": "2"}, {"task": "chat"}, "no_conversation"),
        ({"messages": [{"speaker": "me", "words": "Hi"}]}, {}, "no_conversation"),
        ({"messages": [USER, BOT]}, {"answer": "messages"}, "unknown_role"),
        ({"messages": [USER, BOT]}, {"messages": "talks"}, "unknown_column"),
    ],
)
def test_what_holds_no_conversation_is_refused_with_what_it_holds(
    tmp_path: Path, row: Json, given: dict[str, str], code: str
) -> None:
    assert refusal(tmp_path, [row], **given).code == code


def test_a_reason_is_given_for_the_schema(tmp_path: Path) -> None:
    found, _ = read(tmp_path, "a.jsonl", jsonl([chat("Hi", "Hello")]))
    assert found is not None
    assert found.match.why == "'messages' holds lists of messages with 'role' and 'content'"
