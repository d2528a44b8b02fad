"""Files for other kinds of training, known by their columns: said by name, never read halfway."""

from collections.abc import Callable

from core.errors import RequestRefused
from data.shapes.base import Look

CONVERSATIONS = ("messages", "conversations", "conversation")
MEDIA = {
    "image": "pictures",
    "images": "pictures",
    "audio": "sound",
    "audios": "sound",
    "video": "video",
    "videos": "video",
}
CHOSEN = ("chosen", "chosen_messages", "chosen_response", "preferred", "preferred_output")
REJECTED = ("rejected", "rejected_messages", "rejected_response", "non_preferred_output")
JUDGED = ("label", "kto_tag", "desirable")
ANSWERS = (*CONVERSATIONS, "completion", "response", "output")
QUESTIONS = ("query", "anchor", "question", "text")
RELEVANT = ("pos", "positive", "positives", "pos_doc", "positive_passages")
IRRELEVANT = ("neg", "negative", "negatives", "neg_doc", "negative_passages")
LONG_TEXT = 200
"""Characters on average from which a single column of texts is for reading, not for classes."""


def refuse(look: Look) -> None:
    """Raises RequestRefused (code `unsupported_task`) for a file of another kind."""
    for kind in KINDS:
        kind(look)


def multimodal(look: Look) -> None:
    media = (name for name in look.names if name.casefold() in MEDIA)
    column = next((name for name in media if look.values(name)), None)
    if column is not None and has(look, (*ANSWERS, "instruction", "prompt")):
        raise refused(
            f"The file belongs to conversations with {MEDIA[column.casefold()]} "
            f"(column {column!r}). Only text can be trained so far.",
            "Leave out the rows with pictures, sound or video, and the column, if the text says "
            "enough without them.",
        )


def preference(look: Look) -> None:
    chosen, rejected = has(look, CHOSEN), has(look, REJECTED)
    if chosen and rejected:
        raise refused(
            f"The file holds preferences: a better and a worse answer ({chosen!r} and "
            f"{rejected!r}), as for DPO. They cannot be trained so far.",
            f"To learn the better answers only, give the conversations that end with {chosen!r} "
            'as "messages".',
        )


def judged(look: Look) -> None:
    column, answers = has(look, JUDGED), has(look, CONVERSATIONS) or has_pairs(look)
    if column and answers and verdicts(look, column) == {"true", "false"}:
        raise refused(
            f"The file holds judged answers: {column!r} says true or false to each, as for KTO. "
            "They cannot be trained so far.",
            f"To learn the good answers only, keep the rows with true and leave out {column!r}.",
        )


def ranking(look: Look) -> None:
    question, found = has(look, QUESTIONS), has(look, RELEVANT)
    if question and found and has(look, IRRELEVANT):
        raise refused(
            f"The file holds texts to be ranked: {question!r} with those that fit ({found!r}) and "
            "those that do not, as for embedding models. They cannot be trained so far.",
            FIX,
        )


def plain_text(look: Look) -> None:
    if len(look.names) != 1 or look.nested:
        return
    texts = [value for value in look.values(look.names[0]) if isinstance(value, str)]
    if texts and sum(map(len, texts)) >= LONG_TEXT * len(texts):
        raise refused(
            f"The file holds plain texts only (column {look.names[0]!r}), as for pre-training. A "
            "model cannot be trained on texts without questions or labels so far.",
            FIX,
        )


KINDS: tuple[Callable[[Look], None], ...] = (multimodal, preference, judged, ranking, plain_text)
FIX = (
    'Give rows with a text and a label for a classifier, or with "messages" or "prompt" and '
    '"completion" for a chat model.'
)


def has(look: Look, names: tuple[str, ...]) -> str | None:
    return look.column("", *names)


def has_pairs(look: Look) -> bool:
    return bool(has(look, ("prompt", "instruction")) and has(look, ANSWERS))


def verdicts(look: Look, column: str) -> set[str]:
    return {str(record[column]).casefold() for record in look.first if record.get(column)}


def refused(what: str, fix: str) -> RequestRefused:
    return RequestRefused(what, code="unsupported_task", param="file", fix=fix)
