"""What is asked of a model to see how it answers: conversations up to their last trained answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.chat.messages import Message, is_trained
from core.chat.tokens import ChatTokenizer

MOST_ASKED = 400
"""Questions of the test split. An interval of a share is then 10 points wide at most."""
LONGEST_ANSWER = 768
"""Tokens. Rows with a longer last answer are asked only where there are no others."""
ROOM = 1.5
"""An answer may be so many times as long as the longest expected one, and some tokens more, before
it counts as one that does not end."""
SPARE_TOKENS = 16


@dataclass(frozen=True)
class Conversation:
    """A row that is used, as the dataset has it."""

    row: int
    messages: list[Message]
    tools: list[dict[str, Any]] | None

    @property
    def last(self) -> int:
        """Position of the last answer that may be trained on."""
        return [at for at, message in enumerate(self.messages) if is_trained(message)][-1]

    @property
    def asked(self) -> str:
        """What was said before the last answer, without the instructions."""
        return spoken(self.messages[: self.last])

    @property
    def answer(self) -> str:
        """The last answer in the words of the dataset, calls of tools as JSON."""
        message = self.messages[self.last]
        calls = message.get("tool_calls")
        said = str(message["content"] or "")
        return said + json.dumps(calls, ensure_ascii=False) if calls else said


@dataclass(frozen=True)
class Question:
    """A prompt and the answer that the dataset has to it."""

    row: int
    messages: list[Message]
    tools: list[dict[str, Any]] | None
    expected: str
    """As the model would say it: through the template, without its marks."""
    prompt_tokens: int
    answer_tokens: int
    """Of the expected answer, with its end of turn."""

    @property
    def asked(self) -> str:
        """What was said before the answer, without the instructions."""
        return spoken(self.messages)


def spoken(messages: Sequence[Message]) -> str:
    return "\n".join(str(m["content"] or "") for m in messages if m["role"] != "system")


def conversations(file: Path, used: Sequence[int]) -> list[Conversation]:
    """The rows of a split that are used, in order."""
    wanted, found = set(used), []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            content = json.loads(line)
            if content["row"] in wanted:
                tools = content.get("tools")
                found.append(Conversation(content["row"], content["messages"], tools))
    return found


def question(conversation: Conversation, tokenizer: ChatTokenizer) -> Question | None:
    """The last answer that trains, as a question; None where none does."""
    messages, tools = conversation.messages, conversation.tools
    rows = [row for row in tokenizer.rows(messages, tools) if row.spans]
    if not rows:
        return None
    row = max(rows, key=lambda row: row.answers[-1])
    at, (first, behind) = row.answers[-1], row.spans[-1]
    return Question(
        row=conversation.row,
        messages=list(messages[:at]),
        tools=tools,
        expected=tokenizer.decode(row.ids[first:behind]).strip(),
        prompt_tokens=first,
        answer_tokens=behind - first,
    )


def choose(found: Sequence[Conversation], tokenizer: ChatTokenizer) -> list[Question]:
    """At most `MOST_ASKED` questions in a chance order that never changes; at least one."""
    order = np.random.default_rng(0).permutation(len(found))
    chosen = [question(found[i], tokenizer) for i in order[:MOST_ASKED]]
    there = [one for one in chosen if one is not None]
    short = [one for one in there if one.answer_tokens <= LONGEST_ANSWER]
    return short or there


def allowed_tokens(questions: Sequence[Question]) -> int:
    """How long an answer may get."""
    longest = max(one.answer_tokens for one in questions)
    return min(round(longest * ROOM), LONGEST_ANSWER) + SPARE_TOKENS
