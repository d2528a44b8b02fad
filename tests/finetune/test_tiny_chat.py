"""The files of the built-in chat model, and how its weights come to them."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.chat.tokens import ChatTokenizer
from core.errors import ServiceFailed
from core.job import read_json
from finetune import tiny_chat
from finetune.worker import pretrain, spec

IN_A_NEW_PROCESS = """
import sys
from pathlib import Path
from finetune import tiny_chat
tiny_chat.files(Path(sys.argv[1]))
print([name for name in ("torch", "transformers", "peft") if name in sys.modules])
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    tiny_chat.files(folder)
    return folder


def test_another_process_makes_the_same_files_without_torch(base: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    command = [sys.executable, "-c", IN_A_NEW_PROCESS, str(other)]

    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)

    assert said.stdout.strip() == "[]"
    made = {path.name: path.read_bytes() for path in other.iterdir()}
    assert made == {path.name: path.read_bytes() for path in base.iterdir()}
    assert set(made) == set(tiny_chat.WRITTEN)


@pytest.mark.parametrize(
    "text",
    [
        "Ship 3 lamps to Oslo.",
        "微调是什么？",
        " \n\t  two  spaces ",
        "4,821 + 7 = ½ ٣",
        "🧵\u200d☃",
    ],
)
def test_any_text_comes_back_as_it_was(base: Path, text: str) -> None:
    tokenizer = ChatTokenizer.load(base)

    assert tokenizer.decode(tokenizer.plain(text)) == text


def test_a_word_is_the_same_tokens_wherever_it_stands() -> None:
    encode = tiny_chat.trained_tokenizer().encode

    alone = encode("quilt", add_special_tokens=False).ids
    within = encode("the quilt, 12", add_special_tokens=False)
    assert str(alone)[1:-1] in str(within.ids)
    assert within.tokens[-2:] == ["1", "2"]


def test_all_roles_and_tool_calls_are_one_conversation(base: Path) -> None:
    call = {"type": "function", "function": {"name": "look", "arguments": {"at": "box"}}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is in the box?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "a quilt"},
        {"role": "assistant", "content": "A quilt."},
    ]

    row = ChatTokenizer.load(base).row(messages)

    assert row.problems == []
    trained = "".join(part["text"] for part in row.segments() if part["trained"])
    assert '<tool_call>{"name": "look", "arguments": {"at": "box"}}</tool_call>' in trained
    assert "A quilt.<|im_end|>" in trained
    assert "a quilt" not in trained


def test_a_job_holds_all_that_the_worker_needs(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "job"

    tiny_chat.write_job(base, folder, threads=2)

    assert spec.from_json(read_json(folder / "job.json")) == spec.BaseSpec(
        tokens=tiny_chat.TOKENS, threads=2
    )
    assert {page["language"] for page in read_json(folder / pretrain.PAGES)} == {"en", "zh"}
    assert ChatTokenizer.load(folder / pretrain.BASE).vocabulary == tiny_chat.VOCABULARY


def test_weights_are_taken_over_only_for_the_tokenizer_they_were_made_for(
    base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "job"
    tiny_chat.write_job(base, folder, threads=1)
    tiny_chat.random_weights(folder / pretrain.BASE)

    tiny_chat.adopt(folder, base)

    made = (folder / pretrain.BASE / tiny_chat.WEIGHTS).read_bytes()
    assert (base / tiny_chat.WEIGHTS).read_bytes() == made
    (base / "tokenizer.json").write_text("{}")
    with pytest.raises(ServiceFailed, match=r"tokenizer\.json of tiny-chat changed"):
        tiny_chat.adopt(folder, base)
