"""The doctor on conversations: every row that a training leaves out is named, and what trains."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import RequestRefused
from core.identity import ALL_SCOPES, Caller
from finetune import chat_lengths
from tests.core.chat.chat_bases import GEMMA, save_chat_files
from tests.finetune.causal_base import causal_folder
from tools import base
from tools.base import House, ToolContext

OWNER = Caller(scopes=ALL_SCOPES)
TICKETS = Path(__file__).parents[1] / "files" / "tickets.csv"


@pytest.fixture
def ctx(house: House) -> ToolContext:
    return ToolContext(house, OWNER)


def call(ctx: ToolContext, tool: str, /, **arguments: Any) -> dict[str, Any]:
    result = base.call(ctx, tool, arguments).result
    assert result is not None
    return result


def talk(question: str, answer: str, **more: Any) -> dict[str, Any]:
    answered = {"role": "assistant", "content": answer} | more
    return {"messages": [{"role": "user", "content": question}, answered]}


def add(ctx: ToolContext, rows: list[dict[str, Any]]) -> None:
    lines = "\n".join(json.dumps(row) for row in rows)
    file = ctx.house.files.save_bytes(OWNER, "talks.jsonl", lines.encode())
    call(ctx, "create_dataset", name="talks", file_id=file.id)


def found(checked: dict[str, Any], code: str) -> dict[str, Any]:
    return next(entry for entry in checked["problems"] if entry["code"] == code)


ROWS = [talk(f"What is {n} and one?", f"It is {n + 1}. " * (n % 5 + 1)) for n in range(40)]


def test_three_rows_show_what_trains(ctx: ToolContext) -> None:
    add(ctx, ROWS)
    checked = call(ctx, "check_dataset", dataset="talks")
    assert (checked["base_model"], checked["errors"]) == ("tiny-chat", 0)
    sizes = [one["tokens"] for one in checked["preview"]]
    assert (len(sizes), sizes) == (3, sorted(sizes))
    first = checked["preview"][0]
    asked, answered, after = first["segments"]
    assert asked == {
        "text": f"<|im_start|>user\nWhat is {first['row'] - 1} and one?<|im_end|>\n"
        "<|im_start|>assistant\n",
        "trained": False,
    }
    assert answered == {"text": f"It is {first['row']}. <|im_end|>", "trained": True}
    assert after == {"text": "\n", "trained": False}
    assert 0 < first["trained_tokens"] < first["tokens"]
    assert checked["tokens"]["read"] == checked["tokens"]["rows"] == 40
    assert 0 < checked["tokens"]["trained_share"] < 1


def test_one_row_can_be_looked_at(ctx: ToolContext) -> None:
    add(ctx, ROWS)
    checked = call(ctx, "check_dataset", dataset="talks", row=7)
    assert [one["row"] for one in checked["preview"]] == [7]
    assert "What is 6 and one?" in checked["preview"][0]["segments"][0]["text"]
    with pytest.raises(RequestRefused, match="no row 4000 in this dataset"):
        call(ctx, "check_dataset", dataset="talks", row=4000)


def test_rows_that_do_not_fit_and_marks_inside_texts_are_named(ctx: ToolContext) -> None:
    long, marked = talk("long", "word " * 5000), talk("marked", "yes<|im_end|>no")
    add(ctx, [*ROWS, long, marked])
    checked = call(ctx, "check_dataset", dataset="talks")
    assert found(checked, "too_long")["rows"] == [41]
    assert "left out whole: nothing is cut" in found(checked, "too_long")["message"]
    assert found(checked, "control_token")["rows"] == [42]
    assert checked["verdict"].startswith("Ready to train, but")
    assert 41 not in [one["row"] for one in checked["preview"]]


def test_a_long_text_is_shown_without_its_middle(ctx: ToolContext) -> None:
    add(ctx, [*ROWS, talk("long", "word " * 5000)])
    shown = call(ctx, "check_dataset", dataset="talks", row=41)["preview"][0]
    text = shown["segments"][1]["text"]
    assert "[…24,410…]" in text
    assert len(text) < 700
    assert shown["tokens"] > 5000


def test_rows_that_the_template_refuses_are_named_with_its_words(
    ctx: ToolContext, tmp_path: Path
) -> None:
    ctx.house.bases.add("gem", str(causal_folder(tmp_path / "gem", "gemma")))
    system = {"messages": [{"role": "system", "content": "Be brief."}, *ROWS[0]["messages"]]}
    add(ctx, [*ROWS, system])
    checked = call(ctx, "check_dataset", dataset="talks", base_model="gem")
    refused = found(checked, "template_refused")
    assert refused["rows"] == [41]
    assert "System role not supported" in refused["message"]
    with pytest.raises(RequestRefused, match="System role not supported"):
        call(ctx, "check_dataset", dataset="talks", base_model="gem", row=41)


def test_where_no_row_can_train_the_dataset_is_not_ready(ctx: ToolContext, tmp_path: Path) -> None:
    refusing = save_chat_files(tmp_path / "gem", "gemma", "{{ raise_exception('No.') }}" + GEMMA)
    ctx.house.bases.add("gem", str(causal_folder(refusing, "")))
    add(ctx, ROWS)
    checked = call(ctx, "check_dataset", dataset="talks", base_model="gem")
    assert checked["verdict"] == "Not ready: correct the errors first."
    assert (checked["preview"], checked["tokens"]["max"]) == ([], 0)


def test_earlier_answers_that_a_template_rewrites_are_a_note(
    ctx: ToolContext, tmp_path: Path
) -> None:
    ctx.house.bases.add("thinker", str(causal_folder(tmp_path / "thinker", "qwen3")))
    twice = {"messages": [*ROWS[0]["messages"], *ROWS[1]["messages"]]}
    add(ctx, [*ROWS, twice])
    checked = call(ctx, "check_dataset", dataset="talks", base_model="thinker")
    assert found(checked, "changed_by_template")["rows"] == [41]
    assert found(checked, "changed_by_template")["severity"] == "note"
    # As finetune.worker.causal.rows does it.
    assert "becomes a row of its own" in found(checked, "changed_by_template")["message"]
    assert found(checked, "changed_by_template")["fix"] == "Nothing needs to be done."


def test_a_base_for_classification_is_refused(ctx: ToolContext, tickets: str) -> None:
    add(ctx, ROWS)
    with pytest.raises(RequestRefused, match="minilm is an encoder"):
        call(ctx, "check_dataset", dataset="talks", base_model="minilm")
    with pytest.raises(RequestRefused, match="holds no conversations"):
        call(ctx, "check_dataset", dataset=tickets, row=3)


def test_of_many_rows_the_longest_are_always_among_those_that_are_read(
    ctx: ToolContext,
) -> None:
    many = [*ROWS, talk("long", "word " * 3000), *ROWS]
    add(ctx, many)
    stored = ctx.house.datasets.get(OWNER, "talks")
    folder = ctx.house.datasets.folder(stored)
    few = chat_lengths.Sample(rows=8, longest=2)
    read = [talk[0] for talk in chat_lengths.chosen(folder / "train.parquet", few)]
    assert len(read) < 20
    assert read == sorted(read)
    sizes = {
        row: len(str(said)) for row, said, _ in chat_lengths.talks_in(folder / "train.parquet")
    }
    assert max(sizes, key=sizes.__getitem__) in read
