"""Words of a request: one spelling for many ways to type it, and the parts that are quoted."""

import re
import unicodedata
from functools import cache, lru_cache

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
PLAIN = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "‚": "'", "´": "'"}
    | {"–": "-", "—": " - ", "‑": "-", "−": "-", "…": "...", "「": '"', "」": '"', "。": ". "}
    | {"『": '"', "』": '"'}
)
CONTRACTIONS = (
    (r"\b(can|could|would|should|do|does|did|is|are|was|has|have|wo|must)n'?t\b", r"\1 not"),
    (r"\bwo not\b", "will not"),
    (r"\bca not\b|\bcannot\b", "can not"),
    (r"\b[a-z]+(?:_[a-z]+)+(?= mean)", "error"),  # a code, as error texts show it
    (r"\b(do|does|did|is|are|was|has|have|wo|ca|could|would|should)nt\b", r"\1 not"),
    (r"\bpl[sz]+\b|\bplease+\b|\bpleas\b", "please"),
    (r"\b(?<![-.])u\b(?![-.])", "you"),
    (r"\bw/o\b", "without"),
    (r"\bw/ ?(?=\w)", "with "),
    (r"\bgimme\b", "give me"),
    (r"\bwanna\b", "want to"),
    (r"\bgonna\b", "going to"),
    (r"\b(?:im|i am)\b", "i am"),
    (r"\bive\b", "i have"),
    (r"\bwht\b|\bwat\b", "what"),
    (r"\bthats\b", "that is"),
    (r"\b(what|who|where|how|when|that|it|there|here)'s\b", r"\1 is"),
    (r"\bwhats\b", "what is"),
    (r"\bhows\b", "how is"),
    (r"\blet'?s\b", "let us"),
    (r"\b(i|you|we|they|it)'(?:d)\b", r"\1 would"),
    (r"\b(i|you|we|they|it)'(?:ll)\b", r"\1 will"),
    (r"\bi'm\b", "i am"),
    (r"\b(you|we|they|what)'re\b", r"\1 are"),
    (r"\b(i|you|we|they)'ve\b", r"\1 have"),
    (r"\bfine[ -]?tun(e|es|ed|ing)\b", r"finetun\1"),
    (r"\bre[ -](train|run|start|try)", r"re\1"),
    (r"\btf[ -]?idf\b", "tfidf"),
    (r"\bdata[ -]set(s?)\b", r"dataset\1"),
    (r"\bend[ -]point(s?)\b", r"endpoint\1"),
    (r"\bset[ -]up\b", "setup"),
)
WORD = re.compile(
    r"[a-z0-9][a-z0-9._-]*@\d+|[a-z][a-z0-9_]*(?:[-.'][a-z0-9_]+)*|\d[\d.,]*(?:e[+-]?\d+)?[a-z]*"
    r"|[\u3400-\u9fff]|[^\s\w]"
)
HAN = re.compile("[\u3400-\u9fff]")
QUOTED = re.compile(r"\"([^\"]+)\"|`([^`]+)`|(?<![\w'])'([^']+(?:'\w[^']*)*)'(?!\w)")


def tidy(text: str) -> str:
    """The text with one kind of quote, dash and space, and without what cannot be seen."""
    plain = INVISIBLE.sub("", unicodedata.normalize("NFKC", text.translate(PLAIN)))
    return " ".join(plain.translate(PLAIN).split())


@cache
def compiled() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern), plain) for pattern, plain in CONTRACTIONS]


@lru_cache(maxsize=2048)
def normal(text: str) -> str:
    """Lower case, tidy, contractions written out, one spelling of fine-tune and dataset."""
    lowered = tidy(text).lower()
    for pattern, plain in compiled():
        lowered = pattern.sub(plain, lowered)
    return lowered


def words(text: str) -> list[str]:
    """Words, numbers, single Chinese characters and punctuation of a normal text."""
    return WORD.findall(text)


def quotes(text: str) -> list[str]:
    """What stands in quotation marks or backticks, in order."""
    return [next(part for part in found if part) for found in QUOTED.findall(text)]


def word_set(listed: str) -> frozenset[str]:
    """The words of a listing, for tables that are easier to read that way."""
    return frozenset(listed.split())


def squashed(text: str) -> str:
    """Letters and digits only: `Banking-77` and `banking 77` are the same thing."""
    return re.sub(r"[^a-z0-9\u3400-\u9fff]", "", text.lower())


def distance(left: str, right: str, most: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours between two words, up to most + 1."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


def slips(word: str) -> int:
    """How many slips of the finger we forgive in a word of this length."""
    return 0 if len(word) < 5 else 1 if len(word) < 9 else 2
