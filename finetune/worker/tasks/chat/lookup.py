"""What looking up old answers would say to the questions: the cheap alternatives, run."""

from collections.abc import Sequence
from typing import Any

from core.chat.tokens import ChatTokenizer
from finetune.worker.machine import Stopwatch
from finetune.worker.tasks.chat import baselines
from finetune.worker.tasks.chat.questions import Conversation, Question, question


def looked_up(
    train: Sequence[Conversation], asked: Sequence[Question], tokenizer: ChatTokenizer
) -> list[dict[str, Any]]:
    """For each alternative its name and title, an answer to each question, and the seconds."""
    found = [_nearest(train, asked, tokenizer)]
    watch = Stopwatch()
    most = baselines.frequent([one.answer for one in train])
    if most is not None:
        said = [_said(train[most], tokenizer)] * len(asked)
        found.append(_told("frequent", "Always the most frequent answer", said, watch))
    return found


def _nearest(
    train: Sequence[Conversation], asked: Sequence[Question], tokenizer: ChatTokenizer
) -> dict[str, Any]:
    watch = Stopwatch()
    places = baselines.nearest([one.asked for one in train], [one.asked for one in asked])
    said = [_said(train[place], tokenizer) for place in places]
    return _told("nearest", "The answer to the most similar training question", said, watch)


def _said(conversation: Conversation, tokenizer: ChatTokenizer) -> str:
    """Its last answer as a model would say it."""
    found = question(conversation, tokenizer)
    return conversation.answer if found is None else found.expected


def _told(name: str, title: str, said: list[str], watch: Stopwatch) -> dict[str, Any]:
    return {"name": name, "title": title, "said": said, "seconds": round(watch.seconds, 2)}
