"""For any conversations: read back as they were, in splits that share no question, or refused."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RequestRefused
from data.chat import recognise, splits
from data.chat.talks import Talk, Talks, extract
from data.reading import read_table
from tests.data.talk import Json, chat, jsonl

ANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
WORD = st.sampled_from(["", " ", "yes", "YES", "no", "ｙｅｓ", "why?", "{{name}}", "\u200b", "是"])
TALKS = st.lists(st.tuples(WORD, WORD, WORD), min_size=10, max_size=40)
KEY = st.sampled_from(
    [
        *(
            "messages",
            "conversations",
            "role",
            "content",
            "from",
            "value",
            "type",
            "text",
            "weight",
        ),
        *("prompt", "completion", "instruction", "output", "history", "system", "tools", "name"),
        *(
            "function",
            "function_call",
            "tool_calls",
            "arguments",
            "loss_weight",
            "chosen",
            "images",
        ),
    ]
)
VALUE = st.sampled_from(
    [None, True, 0, 1.5, "", "hi", "user", "assistant", "human", "gpt", "[]", "{}", "tool_call"]
)
ANYTHING = st.recursive(
    VALUE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=4),
    max_leaves=12,
)
MESSAGE = st.dictionaries(KEY, ANYTHING, max_size=4)
ROW = st.dictionaries(KEY, st.lists(MESSAGE, max_size=3) | ANYTHING, min_size=1, max_size=4)


@ANY
@given(words=TALKS, seed=st.integers(0, 3))
def test_splits_hold_every_row_once_and_share_no_question(
    words: list[tuple[str, str, str]], seed: int
) -> None:
    rows = [
        Talk(at, chat(question + more, answer)["messages"], None)
        for at, (question, more, answer) in enumerate(words, start=1)
    ]
    try:
        made = splits.make(Talks(rows), None, None, seed)
    except RequestRefused as refusal:
        assert refusal.code == "too_few_rows"
        return
    assert sorted(talk.number for talk in made.rows) == list(range(1, len(rows) + 1))
    wholes = [{talk.whole for talk in part} for part in made.parts.values()]
    assert sum(map(len, wholes)) == len(set.union(*wholes))


@ANY
@given(rows=st.lists(ROW, min_size=1, max_size=3), task=st.sampled_from(["auto", "chat"]))
def test_any_rows_are_read_or_refused(tmp_path: Path, rows: list[Json], task: str) -> None:
    path = tmp_path / "upload"
    path.write_text(jsonl(rows), "utf-8")
    try:
        table = read_table(path, "a.jsonl")
        found = recognise.find(table, task, {})
        read = extract(table, found, "file").rows if found else []
    except RequestRefused as refusal:
        assert refusal.code
        assert refusal.fix
    else:
        assert all(talk.answers for talk in read)


@ANY
@given(
    rows=st.lists(st.dictionaries(KEY, ANYTHING, max_size=3), max_size=4),
    indent=st.none() | st.just(1),
)
def test_any_list_of_objects_reads_as_its_lines_do(
    tmp_path: Path, rows: list[Any], indent: int | None
) -> None:
    one, other = tmp_path / "list", tmp_path / "lines"
    one.write_text(json.dumps(rows, indent=indent), "utf-8")
    other.write_text(jsonl(rows), "utf-8")
    try:
        expected = read_table(other, "a.jsonl").columns
    except RequestRefused as refusal:
        assert refusal.code in ("mixed_types", "empty_file")
    else:
        assert read_table(one, "a.json").columns == expected
