"""How a base model reads the conversations of a dataset, as problems with rows and a fix each.

Numbers in, plain data out; who rendered and counted is no matter here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.problems import problem

Json = dict[str, Any]
UNKNOWN = 0.1
"""Share of tokens without a word in the base from which its answers must suffer."""


@dataclass(frozen=True, kw_only=True)
class ChatFit:
    """How a base model reads conversations."""

    base: str
    limit: int
    """How many tokens the base can read at once."""
    tokens: Sequence[int]
    """Of each row that the base's template took."""
    trained: Sequence[int]
    """Those of them that train."""
    rows: Sequence[int]
    """The row of each in its file."""
    codes: Mapping[str, Sequence[int]]
    """What was found while rendering (core.chat.tokens.Row.problems): code to rows."""
    refused: Mapping[int, str]
    """Row to the words with which the template refused it."""
    total: int
    """Rows of the dataset; more than were looked at where it is large."""
    unknown_share: float
    """Share of tokens that the base has no word for, 0 to 1."""

    @property
    def read(self) -> int:
        return len(self.rows) + len(self.refused)


def of_fit(fit: ChatFit) -> list[Json]:
    """Every problem of the rows with this base."""
    return [*of_template(fit), *of_length(fit), *of_mask(fit), *of_marks(fit), *of_reading(fit)]


def of_template(fit: ChatFit) -> Iterator[Json]:
    if refused := sorted(fit.refused):
        yield problem(
            "template_refused",
            severity(refused, fit),
            f"The chat template of {fit.base} refuses {conversations(len(refused))}; they are "
            f"left out. Row {refused[0]}: {fit.refused[refused[0]]}",
            "Change these rows to what this base can take, or choose another base.",
            refused,
        )


def of_length(fit: ChatFit) -> Iterator[Json]:
    long = [row for row, n in zip(fit.rows, fit.tokens, strict=True) if n > fit.limit]
    if long:
        yield problem(
            "too_long",
            severity(long, fit),
            f"{begin(len(long))} longer than the {fit.limit:,} tokens that {fit.base} can read. "
            "They are left out whole: nothing is cut.",
            "Split these conversations, or choose a base that reads more at once.",
            long,
        )


def of_mask(fit: ChatFit) -> Iterator[Json]:
    if rows := fit.codes.get("no_trained_token"):
        yield problem(
            "no_trained_token",
            severity(rows, fit),
            f"In {conversations(len(rows))} nothing would train: every answer is empty or has "
            "weight 0, or the template hides it. They are left out.",
            "Give these rows an answer, or remove them.",
            rows,
        )
    if rows := fit.codes.get("no_end_of_turn"):
        yield problem(
            "no_end_of_turn",
            "warning",
            f"In {conversations(len(rows))} the chat template of {fit.base} writes no mark behind "
            "an answer, so the model would not learn to stop.",
            "Choose a base whose template closes every turn, or correct its chat_template.jinja.",
            rows,
        )
    if rows := fit.codes.get("changed_by_template"):
        yield problem(
            "changed_by_template",
            "note",
            f"In {conversations(len(rows))} the chat template of {fit.base} writes earlier answers "
            "otherwise once the conversation goes on, as it does with their reasoning. In training "
            "each such answer becomes a row of its own, as the model has to write it.",
            "Nothing needs to be done.",
            rows,
        )


def of_marks(fit: ChatFit) -> Iterator[Json]:
    if rows := fit.codes.get("double_bos"):
        yield problem(
            "double_bos",
            "warning",
            f"{begin(len(rows))} begun with the mark of a beginning twice; the model never saw "
            "that.",
            "Remove the mark from the texts, or correct the base's chat_template.jinja.",
            rows,
        )
    if rows := fit.codes.get("control_token"):
        yield problem(
            "control_token",
            "warning",
            f"In {conversations(len(rows))} a message has text that {fit.base} takes for a mark of "
            "its template, such as the end of a turn.",
            "Remove the marks from the texts; the template writes them itself.",
            rows,
        )


def of_reading(fit: ChatFit) -> Iterator[Json]:
    if fit.unknown_share >= UNKNOWN:
        yield problem(
            "unknown_language",
            "warning",
            f"{fit.unknown_share:.0%} of the characters or words in these conversations are "
            f"unknown to {fit.base}: it was made for another language.",
            "Ask the operator to add a base model for this language.",
            count=round(fit.unknown_share * sum(fit.tokens)),
        )
    if fit.read < fit.total:
        yield problem(
            "sampled",
            "note",
            f"{fit.read:,} of {fit.total:,} rows were looked at, evenly spaced and the longest.",
            "Nothing needs to be done; a training looks at every row and lists what it leaves out.",
            count=0,
        )


def severity(rows: Sequence[int], fit: ChatFit) -> str:
    """Rows that are left out are a warning; when none is left, nothing can be trained."""
    return "error" if len(rows) == fit.read else "warning"


def conversations(count: int) -> str:
    return "1 conversation" if count == 1 else f"{count:,} conversations"


def begin(count: int) -> str:
    return "1 conversation is" if count == 1 else f"{count:,} conversations are"
