"""What is wrong or worth knowing about a chat dataset, each with its rows and what to do."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from core.chat.messages import Message, is_trained
from data.chat.splits import Splits
from data.chat.talks import Talk, Talks
from data.problems import SMALL_DATASET, SMALL_TEST, heavier_first, problem, rows_have
from data.rows import key_of

Json = dict[str, Any]
PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")
SAME_ANSWER = 0.5
"""Share of the rows with one and the same answer from which a model may learn that one alone."""


def find(main: Talks, splits: Splits) -> list[Json]:
    """All problems of the rows, the heavier first."""
    return heavier_first([*of_order(main), *of_answers(main), *of_copies(main), *of_splits(splits)])


def numbers(main: Talks, wrong: Callable[[Talk], bool]) -> list[int]:
    return [talk.number for talk in main.rows if wrong(talk)]


# The order of messages


def of_order(main: Talks) -> Iterator[Json]:
    if rows := numbers(main, assistant_first):
        yield problem(
            "assistant_first",
            "warning",
            f"{begin(len(rows))} with a message of the assistant. Some models' templates refuse "
            "that.",
            "Put the user's message before it, or remove it.",
            rows,
        )
    if rows := numbers(main, twice_in_a_row):
        yield problem(
            "same_role_twice",
            "warning",
            f"{rows_have(len(rows))} two messages of the user, or two of the assistant, in a row. "
            "Some models' templates refuse that.",
            "Join the two, or put in what is missing between them.",
            rows,
        )
    if rows := numbers(main, out_of_order):
        yield problem(
            "roles_out_of_order",
            "warning",
            f"{rows_have(len(rows))} instructions (system) after the beginning, or a tool's result "
            "without a call before it.",
            "Put the instructions first, and each result after its call.",
            rows,
        )
    if rows := numbers(main, lambda talk: talk.last < len(talk.messages) - 1):
        yield problem(
            "ends_without_answer",
            "note",
            f"{end(len(rows))} without an answer; what follows the last answer is not trained.",
            "Add the answer, or remove the last message.",
            rows,
        )


def begin(count: int) -> str:
    return "1 row begins" if count == 1 else f"{count:,} rows begin"


def end(count: int) -> str:
    return "1 row ends" if count == 1 else f"{count:,} rows end"


def assistant_first(talk: Talk) -> bool:
    first = next(Talk.without_system(talk.messages), None)
    return first is not None and first["role"] == "assistant"


def twice_in_a_row(talk: Talk) -> bool:
    roles = [message["role"] for message in talk.messages]
    return any(one == two and one in ("user", "assistant") for one, two in pairwise(roles))


def out_of_order(talk: Talk) -> bool:
    """System behind the beginning, or a tool's result that answers no call."""
    before: Message | None = None
    for message in talk.messages:
        if message["role"] == "system" and before is not None and before["role"] != "system":
            return True
        if message["role"] == "tool" and not answers_a_call(before):
            return True
        before = message
    return False


def answers_a_call(before: Message | None) -> bool:
    """Whether a tool's result may stand after this message."""
    return before is not None and (before["role"] == "tool" or bool(before.get("tool_calls")))


# What is answered


def of_answers(main: Talks) -> Iterator[Json]:
    if main.unanswered:
        yield problem(
            "no_answer",
            "warning",
            f"{rows_have(len(main.unanswered))} no answer to learn: none of the assistant, or only "
            "empty ones or some of weight 0; left out.",
            "Add the answers, or remove the rows.",
            main.unanswered,
        )
    if rows := numbers(main, lambda talk: any(map(is_empty, talk.messages))):
        yield problem(
            "empty_answers",
            "warning",
            f"{rows_have(len(rows))} an empty answer among the others; it is not trained.",
            "Fill it in, or remove it with its question.",
            rows,
        )
    if rows := numbers(main, calls_unknown):
        yield problem(
            "unknown_tool",
            "warning",
            f"{rows_have(len(rows))} a call of a tool that is not among the row's tools.",
            "Add it to tools, so that the model learns to call only what it is given.",
            rows,
        )
    if rows := numbers(main, lambda talk: bool(PLACEHOLDER.search(talk.answer))):
        yield problem(
            "placeholders",
            "warning",
            f"{rows_have(len(rows))} a placeholder such as {placeholder(main)!r} in the answer, "
            "which the model would learn to write.",
            "Put in what it stands for.",
            rows,
        )
    yield from of_one_answer(main)


def is_empty(message: Message) -> bool:
    skipped = message.get("weight") == 0
    return message["role"] == "assistant" and not skipped and not is_trained(message)


def calls_unknown(talk: Talk) -> bool:
    known = {tool["function"]["name"] for tool in talk.tools or ()}
    called = (call for message in talk.messages for call in message.get("tool_calls", ()))
    return any(call["function"]["name"] not in known for call in called)


def placeholder(main: Talks) -> str:
    found = (PLACEHOLDER.search(talk.answer) for talk in main.rows)
    return next(match[0] for match in found if match)[:40]


def of_one_answer(main: Talks) -> Iterator[Json]:
    answer, count = Counter(key_of(talk.answer) for talk in main.rows).most_common(1)[0]
    if count > max(2, SAME_ANSWER * len(main)):
        rows = numbers(main, lambda talk: key_of(talk.answer) == answer)
        yield problem(
            "one_answer",
            "warning",
            f"{count:,} of {len(main):,} rows have the same answer; the model may learn to give "
            "it always.",
            "Add rows with other answers, or remove some of these.",
            rows,
        )


# Copies


def of_copies(main: Talks) -> Iterator[Json]:
    extra = sorted(talk.number for group in main.repeated for talk in group[1:])
    if extra:
        yield problem(
            "duplicates",
            "note",
            f"{rows_have(len(extra))} a conversation that occurs earlier. Copies are kept in one "
            "split, so that the test stays honest.",
            "Remove copies if they are there by mistake; they weigh more in training.",
            extra,
        )
    groups = main.conflicting
    rows = sorted(talk.number for group in groups for talk in group)
    if rows:
        yield problem(
            "conflicts",
            "warning",
            f"{len(groups):,} {'question is' if len(groups) == 1 else 'questions are'} answered "
            f"differently in different rows ({len(rows):,} rows).",
            "Fine where many answers are right; otherwise keep the best one of each.",
            rows,
        )


# Splits


def of_splits(splits: Splits) -> Iterator[Json]:
    if splits.leaked:
        yield problem(
            "leak",
            "warning",
            f"{rows_have(len(splits.leaked))} a conversation that is also in the validation or "
            "test file; left out of training, so that the score is honest.",
            "Nothing needs to be done.",
            splits.leaked,
        )
    whole = sum(splits.sizes().values())
    if whole < SMALL_DATASET:
        yield problem(
            "small_dataset",
            "warning",
            f"There are only {whole} rows.",
            f"Add rows, if you can: {SMALL_DATASET} at least, better some hundreds.",
            count=0,
        )
    if len(splits.parts["test"]) < SMALL_TEST:
        yield problem(
            "small_test",
            "warning",
            f"The test split has {len(splits.parts['test'])} rows, so its score is rough.",
            "Give more rows, or a test file of your own.",
            count=0,
        )
