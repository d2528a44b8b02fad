"""Rows that a base's chat template refuses or rewrites, as a training takes them."""

import json
from pathlib import Path

from core.chat.tokens import ChatTokenizer
from finetune.worker.causal.rows import read_chats
from tests.core.chat.chat_bases import save_chat_files

TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def test_a_row_that_the_template_refuses_is_left_out_and_named(tmp_path: Path) -> None:
    tokenizer = ChatTokenizer.load(save_chat_files(tmp_path / "base", "gemma"))
    refused = {"row": 2, "messages": [{"role": "system", "content": "x"}, *TALK], "tools": None}
    lines = [{"row": 1, "messages": TALK, "tools": None}, refused]
    for split in ("train", "validation", "test"):
        text = "\n".join(json.dumps(line) for line in lines)
        (tmp_path / f"{split}.jsonl").write_text(text + "\n")
    train = read_chats(tmp_path, tokenizer, 100)["train"]
    assert (train.numbers, train.left_out) == ([1], [(2, "template_refused")])


def test_answers_that_the_template_rewrites_train_in_rows_of_their_own(tmp_path: Path) -> None:
    tokenizer = ChatTokenizer.load(save_chat_files(tmp_path / "base", "qwen3"))
    line = json.dumps({"row": 5, "messages": [*TALK, *TALK], "tools": None})
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.jsonl").write_text(line + "\n")
    found = read_chats(tmp_path, tokenizer, 100)
    assert found["train"].numbers == [5, 5]
    assert found["test"].numbers == [5]
    written = [tokenizer.decode(row.ids[row.asked() + 1].tolist()) for row in found["train"].rows]
    assert written == ["<think>\n\n</think>\n\nHello"] * 2
