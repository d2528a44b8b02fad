"""Texts that are to be sent to an endpoint: which part of a request is not for us."""

import re
from dataclasses import dataclass

from agent.understanding import asking_zh
from agent.understanding.clauses import cut
from agent.understanding.text import HAN, quotes, tidy

VERB = (
    r"(?:ask|query|classify|categori[sz]e|predict|label|tag|test|try|score|send|run|say|says|think|"
    r"thinks|answer|answers|reply|respond|return|returns|make of|made of|do with|classified|"
    r"labelled|labeled|sorted|put|compare|give|gives|guess|intent of|label of|class of|belong"
    r"|belongs|understand|understands|call|recogni[sz]e|handle|falls?|sure|confident|certain|"
    r"means?|"
    r"probability|tell (?!me\b|us\b)[\w.@-]+|(?:chat|talk|speak) (?:to|with) [\w.@-]+)"
)
TARGET = (
    r"(?:it|them both|both|the (?:\w+ )?(?:endpoint|model|classifier|api|service|bot|chatbot|"
    r"assistant|llm)|endpoint|"
    r"my (?:endpoint|model|classifier)|this (?:endpoint|model)|xtargetx|[\w.@-]*\d[\w.@-]*)"
)
NOT_ASKING = re.compile(
    r"\b(?:fine-?\s?tun\w+|train|dataset|columns?|rank|epochs?|learning rate|csv|jsonl|file|files|"
    r"deploy|docs|documentation|handbook|manual|search|call (?:it|this|that|them)|named?|called)\b",
    re.IGNORECASE,
)
FILE_LIKE = re.compile(
    r"^(?:all |every |each )?(?:of )?(?:this|these|those|the|that|my|all|every|each|it|them|"
    r"everything|again|once more)?\s*(?:attached |uploaded |new )?"
    r"(?:files?|csv|rows?|lines?|it|them|this|that|these|those|data|dataset|tickets|messages|texts|"
    r"spreadsheet|table|upload|column|with .*)?(?: (?:in|of|from) .*)?(?: with .*)?\W*$",
    re.IGNORECASE,
)
BASE = (
    r"(?:the )?(?:(?:untuned |original |plain |untrained )?base(?:line)?(?: model)?|"
    r"(?:untuned|untrained|original) (?:one|model))"
)
COMPARING = re.compile(
    r"[,;.]?\s*\(?(?:\band |\bthen |\bbut |\bplease |\balso )*"
    r"(?:\bcompared?(?: (?:it|that|them|the answer|the result|this))?(?: (?:with|to|against))?"
    rf"|\bbesides?|\bnext to|\balongside|\bversus|\bvs\.?|\bagainst|\bside by side with"
    rf"|\bshow(?: me)?|\band what does|\bask|\band|\bwith)\s+(?:what )?(?P<other>{BASE})"
    r"(?: (?:too|as well|beside it|next to it|says?|say|alongside))*\)?",
    re.IGNORECASE,
)
BASE_TOO = re.compile(rf"{COMPARING.pattern}|\b(?:the|with|and|to) (?:untuned )?base\b", re.I)
COLON = re.compile(
    rf"^(?P<head>[^:\"]*?\b{VERB}\b[^:\"]{{0,90}}?)\s*:\s*(?P<text>.+)$", re.I | re.S
)
BARE = (
    rf"^(?:ask|query) {TARGET}(?: (?:about|whether|if|to classify|for|with|on|what it thinks of))? "
    r"(?P<text>.+)$",
    rf"\bwhat (?:does|would|will|did|might) {TARGET} "
    r"(?:say|think|answer|predict|return|reply|respond|make|give)"
    r"(?: (?:to|about|for|of|on|when i (?:say|write|ask)|if i (?:say|write|ask)|with))+"
    r" (?P<text>.+)$",
    rf"\bhow (?:does|would|will|did) {TARGET} (?:classify|label|categori[sz]e|tag|score|answer|"
    r"sort|handle|respond to|react to|reply to|rate|treat) (?P<text>.+)$",
    rf"^(?:send|try|give|feed|test) (?P<text>.+) (?:to|through|with|on|into|against|in) "
    rf"{TARGET}$",
    rf"^(?:test|try|send|give|feed|tell) {TARGET} (?:with|on|the text|the message|this)"
    rf" (?P<text>.+)$",
    rf"^(?:try|test|classify|predict|label|categori[sz]e|tag) (?:the (?:text|message|sentence) )?"
    rf"(?P<text>.+?)(?: (?:with|using|on) {TARGET})?$",
    r"^(?:which|what) (?:label|class|category|intent|queue) (?:is|has|would be|does|for|fits|gets?)"
    r"(?! (?:the )?(?:most|least|best|\w+est|it|there)\b)"
    r"(?: for)? (?P<text>.+)$",
)
POLITE = re.compile(
    r"^(?:(?:please|now|ok(?:ay)?|so|and|then|can you|could you|would you|will you|let us|let's|"
    r"i want to|i would like to|i'd like to|just|also|great|good|yes|go ahead and)\b[,.!]?\s*)+",
    re.IGNORECASE,
)
ASK_ONLY = re.compile(
    rf"^(?:ask|query|try|test|classify|use|call)\b(?: {TARGET})?(?: (?:something|a question"
    rf"|out))?\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asking:
    """A text for an endpoint; `head` is the rest of the request."""

    head: str
    text: str
    """Empty when the request asks without saying what."""
    compare: bool = False
    before: str = ""
    """What the request wants first, such as `deploy it` of `deploy it and ask it: hello`."""


def asking(text: str, names: list[str]) -> Asking | None:
    """The text to be sent to an endpoint, or None when the request is about something else.

    Args:
        names: Names of endpoints and models, which may stand for `it`.
    """
    plain = tidy(text)
    found = (
        addressed(plain, names)
        or in_quotes(plain, names)
        or after_colon(plain, names)
        or (in_chinese(plain, names) if HAN.search(plain) else None)
        or in_the_open(plain, names)
    )
    if found is None:
        return None
    compare = bool(BASE_TOO.search(found.head) or asking_zh.COMPARED.search(found.head))
    head, said = found.head, found.text
    tail = COMPARING.search(said) or asking_zh.COMPARING.search(said.rstrip(" .?!"))
    if tail and tail.end() >= len(said.rstrip(" .?!)")):
        said, compare = said[: tail.start()], True
    return Asking(head, trimmed(said), compare, found.before)


def trimmed(said: str) -> str:
    """Without quotation marks around it; its own punctuation stays."""
    said = said.strip()
    marked = quotes(said)
    return marked[0] if marked and len(marked[0]) >= len(said) - 3 else said


def in_chinese(plain: str, names: list[str]) -> Asking | None:
    """`部署它,然后问它:…`: the last part that asks, what it asks, and what comes before."""
    *before, last = cut(plain.partition(":")[0]) if ":" in plain else cut(plain)
    rest = plain[len(plain.partition(":")[0]) :] if ":" in plain else ""
    for earlier, part in (([], plain), (before, f"{last}{rest}")):
        found = asking_zh.asked(part, with_target(part, names))
        if found:
            return Asking(found[0], found[1], before=", ".join(filter(str.strip, earlier)))
    return None


def in_quotes(plain: str, names: list[str]) -> Asking | None:
    marked = [part for part in quotes(plain) if part.lower() not in names]
    if not marked:
        return None
    said = max(marked, key=len)
    colon = COLON.match(plain)
    if colon and not alone(said, colon["text"]):
        return None
    head = " ".join(plain.replace(said, " ", 1).split())
    verb = re.search(rf"\b{VERB}\b", head, re.IGNORECASE) or asking_zh.VERB.search(head)
    asks = verb and not NOT_ASKING.search(head)
    follows = re.match(
        r"^\W*(?:and|what about|how about|and what about|now|那|呢|再|换成|还有)*\W*(?:呢)?\W*$",
        head,
        re.I,
    )
    return Asking(head, said) if asks or follows else None


def addressed(plain: str, names: list[str]) -> Asking | None:
    """`support: where is my parcel`."""
    head, colon, said = plain.partition(":")
    known = head.strip().lstrip("@").lower() in [name.lower() for name in names]
    return Asking(head, said.strip()) if colon and known and said.strip() else None


def alone(said: str, text: str) -> bool:
    """Whether the quoted words are all that stands after the colon, but for a comparison."""
    rest = text.partition(said)[2] if text[1:].startswith(said) else text
    return len(rest.strip()) < 3 or bool(BASE_TOO.search(rest))


def with_target(text: str, names: list[str]) -> str:
    """The text with `xtargetx` for each of the names."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![a-z0-9_-])", "xtargetx", text, flags=re.I)
    return text


EITHER = re.compile(
    r"^(?:is|would|was) (?:this|the following) ?(?:sentence|text|message|review|one)? ?(?:be )?"
    r"[\w-]+ or [\w-]+ ?: ?(?P<text>.+)$",
    re.IGNORECASE | re.DOTALL,
)
"""`Is this sentence positive or negative: …`."""


def after_colon(plain: str, names: list[str]) -> Asking | None:
    if either := EITHER.match(plain):
        return Asking(plain.removesuffix(either["text"]), either["text"])
    match = COLON.match(plain)
    if not match:
        return None
    *before, last = cut(match["head"])
    if NOT_ASKING.search(last) or not re.search(rf"\b{VERB}\b", last, re.I):
        return None
    about = re.search(r"\b(?:text|labels?)$", match["head"], re.I) and " " in match["head"]
    if about and not re.search(rf"\b{VERB} (?:(?:this|the|that|following) )*text$", last, re.I):
        return None
    return Asking(last, match["text"], before=", ".join(part for part in before if part.strip()))


def in_the_open(plain: str, names: list[str]) -> Asking | None:
    """Words that follow `ask it`, `classify`, `what does it say to` without any mark."""
    spoken = POLITE.sub("", plain).rstrip()
    spoken = with_target(spoken, names)
    if re.search(
        r"\b(?:again|once more|one more time|in a (?:chat|conversation))\W*$", spoken, re.IGNORECASE
    ):
        return None
    if ASK_ONLY.match(spoken):
        return Asking(plain, "")
    for pattern in BARE:
        match = re.search(pattern, spoken, re.IGNORECASE)
        if match and not FILE_LIKE.match(match["text"]) and not NOT_ASKING.search(spoken):
            return Asking(plain, match["text"])
    return None
