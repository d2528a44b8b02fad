"""Text to words that FTS5 can find, in languages with and without spaces.

FTS5's own tokenizer takes a whole run of Chinese signs as one word. So each run is written as
its overlapping pairs of signs, in the index and in the question alike.
"""

import re
from collections.abc import Iterator, Mapping

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
    "是什么意思|什么意思|是干什么的|干什么用|是什么|什么时候|什么|怎么办|怎么样|怎么回事|怎么|怎样|如何"
    "|为什么|为何|哪里|哪个|哪些|哪儿|哪|多少|是否|能不能|可不可以|可以|能否|会不会|要不要|是不是|有没有"
    "|应该|应当|是干|合适|时候|情况|一个|一下|一些|这个|那个|这些|那些|我的|你的|他们的|我们|你们|他们|我能"
    "|请问|谢谢|帮我|我想|想要|还是|吗|呢|吧|啊|的|了"
)
"""Cut out of a question before its signs are paired."""
FUNCTION_SIGNS = frozenset("是在要我你他它能会用有没为把给被和跟从到也都就很太再又想让对与或")
"""A pair with one of these, where nothing holds it, is no word that is missing."""


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


def without_seams(counts: Mapping[str, int]) -> list[str]:
    """The terms of a question without the pairs that only stand where two words meet.

    Such a pair is held by nothing, and both its signs belong to pairs that something holds, or
    one of them is a word by itself that says little.

    Args:
        counts: Term, as `terms` gives it, to how many chunks hold it.
    """
    known = [term.strip('"') for term, count in counts.items() if count and is_pair(term)]
    firsts, lasts = {pair[0] for pair in known}, {pair[1] for pair in known}
    return [
        term
        for term, count in counts.items()
        if count or not is_pair(term) or not is_seam(term[1], term[2], firsts, lasts)
    ]


def is_seam(left: str, right: str, firsts: set[str], lasts: set[str]) -> bool:
    return (left in lasts and right in firsts) or bool(FUNCTION_SIGNS & {left, right})


def is_pair(term: str) -> bool:
    return len(term) == 4 and UNSPACED.fullmatch(term[1:3]) is not None


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
