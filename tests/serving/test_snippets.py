"""The lines that call an endpoint, whatever text stands in them."""

import ast
import json
import shlex

import pytest

from serving import snippets

TEXTS = (
    'Where\'s my "card"?',
    "two\nlines, a \\ backslash and $HOME `date`",
    "卡丢了怎么办？",
    "a\x00b\u2028c {x} %s",
    "'",
)


def call(text: str) -> dict[str, str]:
    return snippets.how_to_call("http://here", "zoo", with_key=True, task="chat", text=text)


def wanted(text: str) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    return {"model": "zoo", "messages": messages, "temperature": 0}


@pytest.mark.parametrize("text", TEXTS)
def test_the_shell_hands_any_text_on_as_it_is(text: str) -> None:
    words = shlex.split(call(text)["curl"].replace("\\\n", ""))

    assert json.loads(words[words.index("-d") + 1]) == wanted(text)


@pytest.mark.parametrize("text", TEXTS)
def test_the_program_sends_any_text_as_it_is(text: str) -> None:
    tree = ast.parse(call(text)["python"])
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]

    body = next(node for node in bodies if "messages" in ast.unparse(node.keys[1] or node))
    assert ast.literal_eval(body) == wanted(text)


def test_without_a_text_a_chat_model_is_greeted() -> None:
    assert "hello, I have a question" in call("")["curl"]
