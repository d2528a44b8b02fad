"""Text to words that FTS5 can find, in languages with and without spaces.

FTS5's own tokenizer takes a whole run of Chinese signs as one word. So each run is written as
its overlapping pairs of signs, in the index and in the question alike.
"""

import re
from collections.abc import Iterator

UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
WORD = re.compile(r"\w+")
MAX_TERMS = 64
"""Words of a question that count; the rest of a longer one is left out."""

STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below
between both but by can cannot could did do does doing done down during each either else ever every
few for from further get give given gives had has have having he her here hers him his how i if in
into is it its itself just let like may me might mine more most much must my myself need no nor not
now of off on once one only or other ought our ours out over own please same shall she should so
some such tell than that the their theirs them then there these they this those though through thus
to too under until up upon us use used using very want was way we were what when where whether which
while who whom whose why will with within without would yes yet you your yours s t don doesn didn
isn aren wasn won ll ve re m d
"""
STOP = frozenset(STOP_WORDS.split())
UNSPACED_STOP = re.compile(
    "什么|怎么样|怎么|怎样|如何|为什么|为何|哪里|哪个|哪些|多少|是否|可以|能不能|会不会"
    "|一个|这个|那个|我们|你们|他们|请问|吗|呢|吧|的|了"
)
"""Cut out of a question before its signs are paired."""


def indexable(text: str) -> str:
    """The text with each run of unspaced signs as pairs; the last sign stands alone as well."""
    return UNSPACED.sub(lambda run: " " + " ".join([*pairs(run[0]), run[0][-1]]) + " ", text)


def pairs(run: str) -> list[str]:
    return [run[index : index + 2] for index in range(len(run) - 1)]


def terms(question: str) -> list[str]:
    """The words of a question worth looking for, each once, in FTS5's notation.

    Stop words are left out, unless there is nothing else in the question.
    """
    found = list(dict.fromkeys(raw_terms(question.lower())))
    telling = [term for term in found if term not in STOP]
    return [quoted(term) for term in (telling or found)[:MAX_TERMS]]


def raw_terms(question: str) -> Iterator[str]:
    telling = UNSPACED_STOP.sub(" ", question)
    spaced = UNSPACED.sub(lambda run: f" {run[0]} ", telling if telling.strip() else question)
    for word in WORD.findall(spaced):
        if UNSPACED.fullmatch(word) and len(word) > 1:
            yield from pairs(word)
        else:
            yield word


def quoted(term: str) -> str:
    """Inside quotes FTS5 reads no operators; one unspaced sign is the beginning of its pairs."""
    alone = len(term) == 1 and UNSPACED.fullmatch(term)
    return f'"{term}"*' if alone else f'"{term}"'
