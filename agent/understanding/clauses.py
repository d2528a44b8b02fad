"""One request becomes its parts: what to do, in order, and what not to do."""

import re
from dataclasses import dataclass

from agent.understanding import clauses_zh
from agent.understanding.settings import without_hyperparameters
from agent.understanding.text import HAN, QUOTED, normal, tidy

VERBS = (
    r"fine-?\s?tune|train|tune|retrain|deploy|publish|serve|host|put|ship|release|ask|show|"
    r"tell|list|check|validate|compare|stop|cancel|delete|remove|start|launch|begin|run|make|"
    r"create|"
    r"build|turn|do not|don'?t|never|let|give|call|name|use|describe|export|download|add|index|"
    r"search|say|predict|classify|estimate|quote|explain|plan|retry|bring|roll out|what|how|is|"
    r"do it|if (?:all|everything|it|that|the)|please|look|set|go|then|wait|only|just|expose|"
    r"approve|(?:talk|speak) (?:to|with)|chat with|test it|try it|test the|try the|"
    r"get it|without|not yet|but|take|once|when|after|as soon as|微调|训练|部署|上线|取消|停止"
    r"|(?:the )?(?:texts?|labels?) (?:column |field )?(?:is|are|in|comes?|from)|columns? "
    r"|发布|创建|删除|比较|问|先|然后|再|不要|别"
)
THEN = (
    r",?\s*\b(?:and then|but then|then|after that|afterwards?|and finally|finally|followed by|"
    r"and after that|and also|as well as|plus)\b[,:]?\s*"
)
BOUNDARY = re.compile(
    rf"\s*;\s*|:\s+(?=(?:how|what|which|when)\b)|(?<=[.!?])\s+(?=\D)|(?<=[^\d\W])\.\s+|{THEN}"
    rf"|,?\s*\b(?:and|but|or)\s+(?!runs? ?[\d_#])(?=(?:{VERBS})\b)|\s*,\s*(?=(?:{VERBS})\b)|"
    rf"\s+(?=(?:without|w/o|"
    rf"instead of|rather than)\b)"
    rf"|{clauses_zh.THEN}|\s+-\s+",
    re.IGNORECASE,
)
POLITE = re.compile(
    r"^(?:(?:no(?=,? wait\b|, )|wait|hold on|oops|please|pls|kindly|ok(?:ay)?|so|now|well|hey|"
    r"hi|hello|great|good|perfect|nice|thanks?|"
    r"thank you|yes|yep|sure|alright|then|also|just|first|next|finally|and|but|could you|can you|"
    r"would you(?: mind)?|will you|can we|could we|shall we|let us|i would (?:like|love)(?:"
    r" you)? to|"
    r"i would like|i (?:want|need|wish)(?: you)? to|we (?:want|need|would like) to|we should|"
    r"you (?:should|can|may|could)|go ahead and|help me(?: to)?|try to|i think (?:we|you) should|"
    r"(?:it is )?time to|let me|feel free to|i am ready to|only|simply|quickly|actually|maybe|"
    r"perhaps|if possible|do you mind|may i ask you to)\b[,:!.]*\s*"
    rf"|{clauses_zh.POLITE})+"
)
POLITE_TAIL = re.compile(
    r"[ ,]+(?:(?:please|pl[sz]+|thanks|thank you|thx|for me|if you can|if possible|if you (?:do "
    r"not|don't) mind"
    r"|when you can|asap|right away|real quick|quickly|will you|would you|could you|can you|"
    r"mate)[ ,!.?]*)+$",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"\b(?:do not|does not|did not|never|not yet|without|no need to|need not|will not|would"
    r" rather not|"
    r"should not|must not|hold off|refrain from|wait with|skip|avoid|instead of|rather than|"
    r"nothing yet|not to|no)\b(?! (?:longer|more|idea))"
    rf"|{clauses_zh.NEGATED}"
)
WONDERING = re.compile(
    r"\b(?:have|has|got|there is|there are|with) no\b|\bno \w+ yet\b|\bneed (?:it|this|that|"
    r"them|xnamex)? ?any ?(?:more|longer)\b"
    r"|\b(?:do not|does not|did not|is not|are not|can not) (?:know|understand|see|work|have"
    r"|get|find)\b|^(?:why|what|how|is|are|does|do you|did|who|where|when)\b"
    rf"|{clauses_zh.WONDERING}"
)
SUBORDINATE = re.compile(
    r"^(?:after|once|when|as soon as|before|if|while|until|assuming|since|because|as|unless)\b"
    rf"|{clauses_zh.REASON}"
)
DONE_FIRST = re.compile(
    r"^(?:once|when|after|as soon as) (?:it|that|this|training|finetuning|the \w+|everything)"
    r"(?: (?:is|has|are|was))?(?: (?:done|finished|finishes|ready|complete|completed|ended"
    r"|ends|over|"
    r"succeeded|succeeds))?,? (?=\w)"
    r"|^if (?:all|everything|it|that|this|the \w+) (?:is|looks|goes|seems|are|look) ?(?:all "
    r")?\w+,? (?=\w)"
    rf"|{clauses_zh.AFTER}|{clauses_zh.BEFORE}"
)
"""The condition in `once it is done deploy it`."""
TRAILING = re.compile(
    r"[, ]+(?:after|once(?! more)|when|as soon as|before|if|while|until|unless|so (?:that|i|we|"
    r"you|they)|because"
    r"|since)\b.*$"
)


CONDITION = re.compile(clauses_zh.IF)
TAIL = re.compile(clauses_zh.TAIL)
REQUEST = re.compile(clauses_zh.REQUEST)
INTERJECTION = re.compile(
    r"(?:wait|hold on|oops|hmm+|no|oh|ah|well|sorry|行|好|好的|好吧|嗯+|可以|没问题|不错|对|那|"
    r"哦|算了|不用了?|不了|谢谢|太好了|ok"
    r"|是的|没事|麻烦|打扰了?|您?好|你好)\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Clause:
    """One part of a request."""

    raw: str
    """As typed, for values whose case matters."""
    text: str
    """Normal, without politeness at its head."""
    negated: bool = False


def clauses(text: str) -> list[Clause]:
    """The parts in order; conditions such as `once it is done` are left out where more is said."""
    plain = tidy(text)
    parts = with_conditions([part.strip(" ,.;!") for part in cut(plain)])
    found = [
        clause(part) for part in parts if part and not (INTERJECTION.match(part) and parts[1:])
    ]
    kept = [part for part in found if part.text and not SUBORDINATE.match(part.text)]
    return kept or found


def with_conditions(parts: list[str]) -> list[str]:
    """A Chinese condition stays with what it is a condition of: `如果训练 8 轮,要多久`."""
    joined: list[str] = []
    for part in parts:
        if joined and CONDITION.match(polite_free(joined[-1])):
            joined[-1] = f"{joined[-1]} {part}"
        else:
            joined.append(part)
    return joined


def cut(plain: str) -> list[str]:
    """Cut at boundaries, never inside quotation marks."""
    hidden = QUOTED.sub(lambda match: "q" * len(match[0]), plain)
    parts, at = [], 0
    for match in BOUNDARY.finditer(hidden):
        before = plain[at : match.start()]
        if "between" in before.lower() and " and " in match[0].lower():
            continue
        parts.append(before)
        at = match.end()
    return [*parts, plain[at:]]


def clause(raw: str) -> Clause:
    raw = POLITE_TAIL.sub("", raw) or raw
    raw = TAIL.sub("", raw) or raw if HAN.search(raw) else raw
    asked_kindly = REQUEST.match(normal(raw))
    text = polite_free(DONE_FIRST.sub("", polite_free(normal(raw))))
    text = re.sub(r"[吗么?\s]+$", "", text) if asked_kindly else text
    negated = bool(NEGATED.search(text)) and forbids(text) and not WONDERING.search(text)
    return Clause(raw, text, negated)


def forbids(text: str) -> bool:
    """Whether the `no` is not only about a setting: `训练时不要 dropout`."""
    return bool(NEGATED.search(without_hyperparameters(text)))


def polite_free(text: str) -> str:
    """Without `please could you` and the like at the head; never empty."""
    return POLITE.sub("", text).strip() or text


def without_condition(text: str) -> str:
    """`deploy it` of `deploy it once it is done`."""
    return TRAILING.sub("", text)
