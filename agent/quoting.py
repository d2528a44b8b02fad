"""What is quoted of passages that answer a question, each piece with the number of its passage.

The words are the document's own, in its language.
"""

import re
from typing import Any

from agent.understanding.text import word_set

Json = dict[str, Any]
MOST_PASSAGES = 3
PART_CHARACTERS = 420
LEAST_CHARACTERS = 80
"""A piece cut shorter than this tells nothing: rather break a sentence."""
NEARLY = 0.9
"""Share of the best passage's score that another needs to be quoted too."""
STOP = word_set(
    "the and for how what why doe are can should with this that from you your was which"
)
HAN = re.compile(r"[\u3400-\u9fff]+")
ENDS = (". ", ".\n", "\n", "。", "！", "？")
BLOCK = re.compile(r"```|[-*|>#] |\d+\. |    ")
"""How a line begins that must stay a line of its own: code, list, table, quote, heading."""


def quoted(passages: list[Json], query: str) -> str:
    """Up to three pieces out of the passages that share most with the question."""
    wanted = keywords(query)
    whole = [pair for pair in enumerate(passages, 1) if not is_fragment(pair[1])]
    chosen = (whole or list(enumerate(passages, 1)))[:MOST_PASSAGES]
    first, least = chosen[0][0], NEARLY * float(chosen[0][1].get("score", 0.0))
    return "\n\n".join(
        cite(part, number)
        for number, passage in chosen
        if (part := best_part(passage, wanted))
        and (number == first or (score(passage) >= least and keywords(part) & wanted))
    )


def score(passage: Json) -> float:
    return float(passage.get("score", 0.0))


def is_fragment(passage: Json) -> bool:
    """Whether it begins in the middle of a sentence, as what follows a block of code may."""
    return str(passage.get("text", "")).lstrip()[:1].islower()


def keywords(text: str) -> set[str]:
    """The words of a text, and the pairs of neighbours of Chinese, which has no spaces."""
    words = {word.rstrip("s") for word in re.findall(r"[a-z0-9-]{3,}", text.lower())} - STOP
    return words | {run[at : at + 2] for run in HAN.findall(text) for at in range(len(run) - 1)}


def cite(part: str, number: int) -> str:
    """The part with the number of its passage; below a block, where it would become part of it."""
    return f"{part}\n\n[{number}]" if BLOCK.match(part.splitlines()[-1]) else f"{part} [{number}]"


def unwrapped(paragraph: str) -> str:
    """Prose on one line: a chat shows the line breaks that a page does not."""
    lines = paragraph.strip().splitlines()
    return paragraph.strip() if any(map(BLOCK.match, lines)) else joined(lines)


def joined(lines: list[str]) -> str:
    """One line of several; between Chinese characters a line break is no space."""
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff])", "", " ".join(lines))


def best_part(passage: Json, wanted: set[str]) -> str:
    """The paragraph of the passage that shares most words with the question, cut at a sentence.

    One that ends with a colon takes along what it announces.
    """
    text = str(passage.get("text", ""))
    parts = [unwrapped(part) for part in re.split(r"\n\s*\n", text) if part.strip()] or [text]
    prose = [part for part in parts if is_prose(part)] or parts
    best = max(prose, key=lambda part: len(keywords(part) & wanted))
    if best.endswith((":", "：")) and best != parts[-1]:
        return f"{best}\n\n{parts[parts.index(best) + 1]}"
    if len(best) <= PART_CHARACTERS:
        return best
    cut = best[:PART_CHARACTERS]
    end = max(cut.rfind(mark) for mark in ENDS)
    return (cut[: end + 1] if end > LEAST_CHARACTERS else cut + " …").strip()


def is_prose(part: str) -> bool:
    return len(part.split()) > 5 or sum(map(len, HAN.findall(part))) > 10
