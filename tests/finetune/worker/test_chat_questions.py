"""What is asked of a model: each conversation up to its last answer that trains."""

from typing import Any

import pytest

from core.chat.tokens import ChatTokenizer
from finetune.worker.tasks.chat import questions
from finetune.worker.tasks.chat.lookup import looked_up
from finetune.worker.tasks.chat.questions import Conversation
from tests.finetune.worker.small_chat import tiny_causal


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    return ChatTokenizer.load(tiny_causal(tmp_path_factory.mktemp("base")).path)


def talk(*turns: tuple[str, str], **changed: Any) -> Conversation:
    messages = [{"role": role, "content": content} for role, content in turns]
    messages[-1] |= changed
    return Conversation(7, messages, None)


def test_the_last_answer_is_asked_for_with_all_that_was_said_before(
    tokenizer: ChatTokenizer,
) -> None:
    said = talk(
        ("system", "Be brief."),
        ("user", "cat?"),
        ("assistant", "meow"),
        ("user", "dog?"),
        ("assistant", " woof "),
    )

    found = questions.question(said, tokenizer)

    assert found is not None
    assert [message["content"] for message in found.messages] == [
        *("Be brief.", "cat?", "meow", "dog?")
    ]
    assert (found.row, found.expected) == (7, "woof")
    assert found.prompt_tokens == len(tokenizer.prompt(found.messages))
    assert found.asked == said.asked == "cat?\nmeow\ndog?"


def test_an_answer_of_no_weight_is_not_asked_for(tokenizer: ChatTokenizer) -> None:
    said = talk(
        ("user", "cat?"), ("assistant", "meow"), ("user", "dog?"), ("assistant", "x"), weight=0
    )

    found = questions.question(said, tokenizer)

    assert found is not None
    assert (found.expected, len(found.messages)) == ("meow", 1)
    assert said.answer == "meow"


def test_an_answer_may_be_longer_than_the_longest_before_it_counts_as_endless(
    tokenizer: ChatTokenizer,
) -> None:
    short = questions.question(talk(("user", "cat?"), ("assistant", "meow")), tokenizer)
    assert short is not None

    allowed = questions.allowed_tokens([short])

    assert allowed == round(short.answer_tokens * 1.5) + 16


def test_many_rows_are_asked_in_one_order_that_chance_made(tokenizer: ChatTokenizer) -> None:
    rows = [
        Conversation(number, talk(("user", f"{number}?"), ("assistant", "yes")).messages, None)
        for number in range(500)
    ]

    found = questions.choose(rows, tokenizer)

    assert len({one.row for one in found}) == len(found) == 400
    assert [one.row for one in found] != sorted(one.row for one in found)
    assert found == questions.choose(rows, tokenizer)


def test_old_answers_are_looked_up_as_a_model_would_say_them(tokenizer: ChatTokenizer) -> None:
    train = [
        talk(("user", "What does the cat say?"), ("assistant", "meow ")),
        talk(("user", "What does the dog say?"), ("assistant", "woof")),
        talk(("user", "And the puppy?"), ("assistant", "woof")),
    ]
    asked = questions.choose([talk(("user", "the dog says"), ("assistant", "woof"))], tokenizer)

    nearest, frequent = looked_up(train, asked, tokenizer)

    assert (nearest["name"], nearest["said"]) == ("nearest", ["woof"])
    assert (frequent["name"], frequent["said"]) == ("frequent", ["woof"])
