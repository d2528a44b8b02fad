"""Rows and prompts in tokens: what trains is what the model will have to write, and only that."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat.tokens import ChatTokenizer, Row
from core.errors import RequestRefused
from tests.core.chat.chat_bases import CHATML, PLAIN, QWEN3, TEMPLATES, save_chat_files

KINDS = [*TEMPLATES, "plain"]
TALK = [
    {"role": "user", "content": "How are you?"},
    {"role": "assistant", "content": "Fine."},
    {"role": "user", "content": "Capital of France?"},
    {"role": "assistant", "content": "Paris"},
]
CLOSED_BY = {
    "chatml": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "gemma": "<end_of_turn>",
    "mistral": "</s>",
    "phi": "<|end|>",
    "qwen3": "<|im_end|>",
}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Bern"}}}
PIECES = st.sampled_from(
    [
        "Paris",
        " ",
        "\n",
        "\n\n",
        "  ",
        "a",
        "\t",
        "你好",
        "🎈",
        "é",
        "1",
        '{"',
        "<|im_end|>",
        "</s>",
    ]
)
CONTENT = st.lists(PIECES, max_size=6).map("".join)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {kind: save_chat_files(root / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, ChatTokenizer]:
    return {kind: ChatTokenizer.load(folder) for kind, folder in folders.items()}


def trained_text(tokenizer: ChatTokenizer, row: Row) -> list[str]:
    return [tokenizer.decode(row.ids[a:b], skip_special=False) for a, b in row.spans]


@pytest.mark.parametrize("kind", [kind for kind in CLOSED_BY if kind != "qwen3"])
def test_every_answer_trains_with_its_end_and_nothing_after(
    kind: str, loaded: dict[str, ChatTokenizer]
) -> None:
    row = loaded[kind].row(TALK)
    written = [text.lstrip() for text in trained_text(loaded[kind], row)]
    assert written == ["Fine." + CLOSED_BY[kind], "Paris" + CLOSED_BY[kind]]
    assert row.trained_tokens == sum(end - begin for begin, end in row.spans)
    assert (row.problems, row.untrained_because) == ([], {})


@pytest.mark.parametrize("kind", KINDS)
def test_the_preview_is_the_whole_text_and_marks_what_trains(
    kind: str, loaded: dict[str, ChatTokenizer]
) -> None:
    row = loaded[kind].row(TALK)
    segments = row.segments()
    assert "".join(segment["text"] for segment in segments) == row.text
    marked = [segment["text"].strip() for segment in segments if segment["trained"]]
    assert marked == [text.strip() for text in trained_text(loaded[kind], row)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_ends_are_those_of_the_template_and_of_the_base(
    kind: str, loaded: dict[str, ChatTokenizer]
) -> None:
    tokenizer = loaded[kind]
    if kind in CLOSED_BY:
        assert tokenizer.tokenizer.token_to_id(CLOSED_BY[kind]) in tokenizer.ends
    assert tokenizer.eos in tokenizer.ends


def conversations(kind: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """User and assistant in turn, perhaps with a system message; contents of all kinds."""
    turn = st.tuples(CONTENT, CONTENT, st.sampled_from([None, 0, 1]))
    system = st.none() if kind == "gemma" else st.none() | CONTENT
    return st.builds(make_conversation, system, st.lists(turn, min_size=1, max_size=3))


def make_conversation(
    system: str | None, turns: list[tuple[str, str, int | None]]
) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if system is not None:
        messages.append({"role": "system", "content": system})
    for question, answer, weight in turns:
        messages.append({"role": "user", "content": question})
        answered: dict[str, Any] = {"role": "assistant", "content": answer}
        messages.append(answered if weight is None else answered | {"weight": weight})
    return messages


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_before_every_answer_that_trains_stands_its_prompt_token_for_token(
    kind: str, data: st.DataObject, loaded: dict[str, ChatTokenizer]
) -> None:
    messages, tokenizer = data.draw(conversations(kind)), loaded[kind]
    for row in tokenizer.rows(messages):
        assert len(row.ids) == len(row.trained)
        assert "".join(segment["text"] for segment in row.segments()) == row.text
        assert "merged" not in row.untrained_because.values()
        for (begin, _), at in zip(row.spans, row.answers, strict=True):
            assert tokenizer.prompt(messages[:at]) == row.ids[:begin]


@pytest.mark.parametrize("kind", ["chatml", "llama3", "mistral", "plain"])
def test_an_answer_that_begins_with_white_space_is_cut_from_its_prompt(
    kind: str, loaded: dict[str, ChatTokenizer]
) -> None:
    messages = [TALK[0], {"role": "assistant", "content": "\n\nParis"}]
    row = loaded[kind].row(messages)
    assert row.untrained_because == {}
    assert loaded[kind].prompt(messages[:1]) == row.ids[: row.spans[0][0]]
    assert loaded[kind].decode(row.ids, skip_special=False).lstrip() == row.text.lstrip()


def test_an_answer_with_weight_0_and_an_empty_one_do_not_train(
    loaded: dict[str, ChatTokenizer],
) -> None:
    messages = [TALK[0], TALK[1] | {"weight": 0}, *TALK[2:], TALK[0], TALK[1] | {"content": " "}]
    row = loaded["chatml"].row(messages)
    assert trained_text(loaded["chatml"], row) == ["Paris<|im_end|>"]
    assert row.untrained_because == {1: "weight", 5: "empty"}


@pytest.mark.parametrize("kind", ["chatml", "llama3"])
def test_a_call_of_a_tool_trains_and_the_tools_answer_does_not(
    kind: str, loaded: dict[str, ChatTokenizer]
) -> None:
    messages = [
        TALK[0],
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "SUNNY"},
        {"role": "assistant", "content": "Sunny."},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    row = loaded[kind].row(messages, tools)
    called, answered = trained_text(loaded[kind], row)
    assert '{"city": "Bern"}' in called
    assert called.endswith({"chatml": "<|im_end|>", "llama3": "<|eom_id|>"}[kind])
    assert answered == "Sunny." + CLOSED_BY[kind]
    assert "SUNNY" not in called + answered
    assert '"parameters"' in row.text


def test_where_the_template_rewrites_earlier_turns_only_the_last_trains(
    loaded: dict[str, ChatTokenizer],
) -> None:
    tokenizer = loaded["qwen3"]
    row = tokenizer.row([TALK[0], TALK[1] | {"reasoning_content": "Hm."}, *TALK[2:]])
    assert row.untrained_because == {1: "changed_by_template"}
    assert row.problems == ["changed_by_template"]
    assert trained_text(tokenizer, row) == ["<think>\n\n</think>\n\nParis<|im_end|>"]


def test_rows_give_each_rewritten_answer_a_row_of_its_own(
    loaded: dict[str, ChatTokenizer],
) -> None:
    rows = loaded["qwen3"].rows([TALK[0], TALK[1] | {"reasoning_content": "Hm."}, *TALK[2:]])
    assert [trained_text(loaded["qwen3"], row) for row in rows] == [
        ["<think>\nHm.\n</think>\n\nFine.<|im_end|>"],
        ["<think>\n\n</think>\n\nParis<|im_end|>"],
    ]
    assert len(loaded["chatml"].rows(TALK)) == 1


def test_a_row_in_which_nothing_trains_says_so(loaded: dict[str, ChatTokenizer]) -> None:
    row = loaded["chatml"].row([TALK[0], TALK[1] | {"weight": 0}])
    assert row.problems == ["no_trained_token"]
    assert not any(row.trained)


def test_a_template_that_never_closes_a_turn_is_a_problem_of_every_row(
    loaded: dict[str, ChatTokenizer],
) -> None:
    row = loaded["plain"].row(TALK)
    assert row.problems == ["no_end_of_turn"]
    assert trained_text(loaded["plain"], row) == ["Fine.", "Paris"]


def test_a_second_bos_is_a_problem(tmp_path: Path) -> None:
    twice = "{{ bos_token }}{{ bos_token }}" + CHATML
    folder = save_chat_files(tmp_path / "base", "mistral", twice.replace("<|im_end|>", "</s>"))
    assert ChatTokenizer.load(folder).row(TALK).problems == ["double_bos"]


def test_a_text_that_closes_the_turn_inside_an_answer_is_a_problem(
    loaded: dict[str, ChatTokenizer],
) -> None:
    row = loaded["chatml"].row([TALK[0], {"role": "assistant", "content": "a<|im_end|>b"}])
    assert row.problems == ["control_token"]


def test_the_conversation_that_a_template_refuses_is_refused(
    loaded: dict[str, ChatTokenizer],
) -> None:
    with pytest.raises(RequestRefused, match="System role not supported"):
        loaded["gemma"].row([{"role": "system", "content": "x"}, *TALK])


def test_an_answer_before_any_question_is_no_trouble_where_the_template_takes_it(
    loaded: dict[str, ChatTokenizer],
) -> None:
    row = loaded["chatml"].row([{"role": "assistant", "content": "Welcome."}, *TALK])
    assert trained_text(loaded["chatml"], row)[0] == "Welcome.<|im_end|>"


def test_plain_text_has_what_the_tokenizer_itself_adds(loaded: dict[str, ChatTokenizer]) -> None:
    tokenizer = loaded["chatml"]
    assert tokenizer.decode(tokenizer.plain("Paris é 你")) == "Paris é 你"
    assert tokenizer.vocabulary == 1 + max(tokenizer.tokenizer.get_vocab().values())


def test_without_a_template_chatml_is_used_if_the_tokenizer_has_its_marks(tmp_path: Path) -> None:
    folder = save_chat_files(tmp_path / "base", "chatml")
    (folder / "chat_template.jinja").unlink()
    assert "<|im_start|>user\nHow are you?<|im_end|>\n" in ChatTokenizer.load(folder).row(TALK).text


def test_a_base_without_a_template_cannot_chat(tmp_path: Path) -> None:
    folder = save_chat_files(tmp_path / "base", "mistral")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(RequestRefused, match="without a chat template") as refusal:
        ChatTokenizer.load(folder)
    assert refusal.value.code == "no_chat_template"


def test_the_template_may_stand_in_the_tokenizers_configuration(tmp_path: Path) -> None:
    import json

    folder = save_chat_files(tmp_path / "base", "chatml")
    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    named = [{"name": "default", "template": PLAIN}, {"name": "tool_use", "template": QWEN3}]
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": named}))
    tokenizer = ChatTokenizer.load(folder)
    assert tokenizer.template(None).source == PLAIN
    assert tokenizer.template([{"a": 1}]).source == QWEN3


@pytest.mark.parametrize("content", [None, "{", "[]", '{"version": "9"}'])
def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    folder = save_chat_files(tmp_path / "base", "chatml")
    (folder / "tokenizer.json").unlink()
    if content is not None:
        (folder / "tokenizer.json").write_text(content)
    with pytest.raises(RequestRefused) as refusal:
        ChatTokenizer.load(folder)
    assert refusal.value.code == "bad_tokenizer"


def test_another_template_or_tokenizer_has_another_hash(folders: dict[str, Path]) -> None:
    loaded = [ChatTokenizer.load(folders[kind]) for kind in KINDS]
    assert len({one.template_sha256 for one in loaded}) == len(KINDS)
    assert len({one.tokenizer_sha256 for one in loaded}) == len(KINDS)
    again = ChatTokenizer.load(folders["phi"])
    assert again.template_sha256 == loaded[KINDS.index("phi")].template_sha256
