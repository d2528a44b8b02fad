"""What the untuned and the tuned model answer, through the engine that will serve them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import RequestRefused
from finetune.worker.machine import Device, Stopwatch
from finetune.worker.spec import Base
from finetune.worker.tasks.chat.evaluate import Answer
from finetune.worker.tasks.chat.questions import Question
from serving.engines.torch_lm import Machine, load_base

AT_ONCE = 2
"""Times as many questions as are answered together, between two looks at the clock."""
PATIENCE = 3.0
"""Times the seconds given, after which an answer that is still going on is given up."""
TUNED = "tuned"
"""What the adapter is called in the engine."""


class Speaker:
    """A base in the serving engine, with the tuned adapter where one is given.

    Raises:
        RequestRefused: The engine cannot serve it, so tuning it would be for nothing.
    """

    def __init__(self, base: Base, device: Device, threads: int, adapter: Path | None) -> None:
        machine = Machine(device.kind, device.dtype)
        self._base = load_base(Path(base.path), threads, sha256=base.sha256, machine=machine)
        self._model = None if adapter is None else TUNED
        if adapter is not None:
            self._base.add(TUNED, adapter)

    def fitting(self, questions: Sequence[Question]) -> list[Question]:
        """The questions that leave the model room to answer.

        Raises:
            RequestRefused: None does (`prompt_too_long`).
        """
        room = self._base.limits.tokens
        found = [one for one in questions if one.prompt_tokens < room]
        if not found:
            raise RequestRefused(
                f"Every test question is longer than the {room:,} tokens that can be served.",
                code="prompt_too_long",
                fix="Use a base with a longer context, or shorter conversations.",
            )
        return found

    def answer(
        self, questions: Sequence[Question], most: int, seconds: float | None = None
    ) -> list[Answer]:
        """The likeliest answer to each question, in order.

        Args:
            most: Tokens of an answer; fewer where the context ends before.
            seconds: After them no more are begun, so the last may have no answer; and after three
                times as many, an answer comes as far as it is.
        """
        watch, found = Stopwatch(), list[Answer]()
        at_once = AT_ONCE * self._base.limits.rows
        for start in range(0, len(questions), at_once):
            if seconds is not None and found and watch.seconds > seconds:
                break
            requests = [self._request(one, most) for one in questions[start : start + at_once]]
            patience = None if seconds is None else PATIENCE * seconds
            for said in self._base.generate_all(requests, patience):
                ended = said.finish_reason == "stop"
                found.append(Answer(said.text.strip(), ended, said.ids))
        return found

    def _request(self, question: Question, most: int) -> dict[str, Any]:
        room = self._base.limits.tokens - question.prompt_tokens
        asked: dict[str, Any] = {"model": self._model, "max_tokens": min(most, room)}
        asked |= {"messages": question.messages, "temperature": 0.0}
        return asked if question.tools is None else asked | {"tools": question.tools}
