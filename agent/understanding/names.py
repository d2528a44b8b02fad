"""Which existing things a text names: exactly, in another spelling, or with a slip."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.understanding.lexicon import phrases
from agent.understanding.plan import Turn
from agent.understanding.text import distance, normal, slips, squashed, word_set
from agent.world import World

TOKEN = re.compile(r"[\w\u3400-\u9fff][\w.-]*(?:@\d+)?")
RUN = re.compile(
    r"\b(?:run|job)(?:[ _#-]+|_)(?:number |no\.? ?)?#?(\d+)\b"
    r"(?!\s*(?:more|epochs?|passes|times|steps|rounds|rows|seeds?|minutes))"
)
APPROVAL = re.compile(r"\bap[ _-]?(\d+)\b|\bapproval (?:number |#)?(\d+)\b")
VERSION_AFTER = re.compile(r"^,?\s*(?:v|version ?)(\d+)\b")
VERSION_BEFORE = re.compile(r"\bversion (\d+) of (?:the )?(?:dataset |model )?$")
MARKED = re.compile(
    r"(?:\b(?:dataset|model|endpoint|on|of|called|named|for|is|deploy|stop|delete|describe|show|"
    r"show me|export|remove|drop|sample) |[\"'`])$"
)
"""What must stand before a name that is also an ordinary word, such as `train`."""
AMONG_HAN = re.compile(r"[\u3400-\u9fff]")
ROLE_BEFORE = re.compile(r"(?:列|字段|文本|标签|内容|是|为|[=:])\s*$")
ROLE_AFTER = re.compile(r"\s*(?:列|字段|当|作为?|做|是|为|column|[=:])")
"""Around the name of a column, in Chinese."""
LITTLE = word_set("a an i the on in it is to of and or my this that all new")
LITTLE_MARKED = re.compile(r"(?:dataset |model |endpoint |[\"'`])$")
KINDS = ("dataset", "model", "endpoint")
BASELINES = ("-tfidf", "-frozen")


@dataclass
class Mentions:
    """What a text names, in the order of the text. References are `name` or `name@version`."""

    datasets: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    approvals: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    masked: str = ""
    """The normal text with each name replaced by `xnamex`, that of a base by `xbasex`."""

    @property
    def tags(self) -> frozenset[str]:
        found = {"NAME_DATASET": self.datasets, "NAME_MODEL": self.models}
        found |= {"NAME_ENDPOINT": self.endpoints}
        tags = {tag for tag, names in found.items() if names}
        tags |= {"NAME"} if tags else set()
        tags |= {"NAME_RUN"} if self.runs else set()
        return frozenset(tags | ({"NAME_APPROVAL"} if self.approvals else set()))


def bare(ref: str) -> str:
    """`banking77` of `banking77@2`."""
    return ref.partition("@")[0]


def root(ref: str) -> str:
    """The name that a run's models share: `banking77` of `banking77-tfidf@1`."""
    name = bare(ref)
    for suffix in BASELINES:
        name = name.removesuffix(suffix)
    return name


def kinds_of(world: World) -> dict[str, frozenset[str]]:
    """Each bare name with the kinds of things that have it."""
    groups: Iterable[tuple[str, list[str]]] = (
        ("dataset", world.datasets),
        ("model", world.models),
        ("endpoint", [endpoint.name for endpoint in world.endpoints]),
    )
    found: dict[str, frozenset[str]] = {}
    for kind, refs in groups:
        for ref in refs:
            found[bare(ref)] = found.get(bare(ref), frozenset()) | {kind}
    return found


def mentions(text: str, world: World) -> Mentions:
    """All names of the world in the text, the longest first where they overlap."""
    found = Mentions()
    known = kinds_of(world)
    bases = {name: frozenset({"base"}) for name in world.bases if name not in known}
    rest = take_bases(take_numbered(normal(text), found), bases, found)
    spans = sorted(exact(rest, known))
    spans = spans or slipped(rest, known)
    at, parts = 0, []
    for start, end, name, version in spans:
        ref = f"{name}@{version}" if version else name
        for kind in known[name]:
            getattr(found, f"{kind}s").append(ref)
        parts += [rest[at:start], "xnamex"]
        at = end
    found.masked = "".join([*parts, rest[at:]])
    return found


def take_numbered(text: str, found: Mentions) -> str:
    """Note runs and approvals, which are known by their form, and mask them."""
    found.approvals += [f"ap_{a or b}" for a, b in APPROVAL.findall(text)]
    rest = APPROVAL.sub("xnamex", text)
    found.runs += [f"run_{number}" for number in RUN.findall(rest)]
    more = re.search(r"(?<=\band )(\d+)\b(?! (?:epoch|pass))", rest) if found.runs else None
    if more and not re.search(r"\b(?:rank|batch|seed|rate|epoch)", rest):
        found.runs.append(f"run_{more[1]}")
    return RUN.sub("xnamex", rest)


def take_bases(text: str, bases: dict[str, frozenset[str]], found: Mentions) -> str:
    """Note base models and mask them; one that shares its name with a record is that record."""
    for start, end, name, _ in sorted(exact(text, bases), reverse=True):
        found.bases.insert(0, name)
        text = f"{text[:start]}xbasex{text[end:]}"
    return text


Span = tuple[int, int, str, str]


def exact(text: str, known: dict[str, frozenset[str]]) -> list[Span]:
    """Names that are there letter by letter, however they are cased, spaced or hyphenated."""
    tokens = [(match.start(), match.end()) for match in TOKEN.finditer(text)]
    by_letters = {squashed(name): name for name in known}
    spans: list[Span] = []
    for size in (4, 3, 2, 1):
        for at in range(len(tokens) - size + 1):
            start, end = tokens[at][0], tokens[at + size - 1][1]
            if any(start < taken[1] and taken[0] < end for taken in spans):
                continue
            span = as_name(text, start, end, by_letters)
            if span:
                spans.append(span)
    return spans


def as_name(text: str, start: int, end: int, by_letters: dict[str, str]) -> Span | None:
    word, _, version = text[start:end].rstrip(".").partition("@")
    if version and not version.isdecimal():
        return None
    name = by_letters.get(squashed(word))
    if name in LITTLE and (start, end) != (0, len(text)) and not LITTLE_MARKED.search(text[:start]):
        return None
    if name is None or (not version and ordinary(word) and not marked(text, start, end)):
        return None
    after = VERSION_AFTER.match(text[end:])
    before = VERSION_BEFORE.search(text[:start])
    if after and not version:
        return start, end + after.end(), name, after[1]
    return start, end, name, version or (before[1] if before else "")


def marked(text: str, start: int, end: int) -> bool:
    """Whether an ordinary word is meant as a name: by what stands before it, or Latin in Chinese.

    `text` in `文本列是 text` is a column.
    """
    if MARKED.search(text[:start]):
        return True
    latin = text[start:end].isascii() and AMONG_HAN.search(text[:start] + text[end:])
    of_column = ROLE_BEFORE.search(text[:start]) or ROLE_AFTER.match(text[end:])
    return bool(latin) and not of_column


def ordinary(word: str) -> bool:
    return (word,) in phrases()


def slipped(text: str, known: dict[str, frozenset[str]]) -> list[Span]:
    """Names with a slip in them, when no name is there letter by letter."""
    spans: list[Span] = []
    for match in TOKEN.finditer(text):
        word, _, version = match[0].rstrip(".").partition("@")
        if ordinary(word) or (len(word) < 5):
            continue
        near = [(distance(word, name, slips(name)), name) for name in known if slips(name)]
        gap, name = min(near, default=(99, ""))
        if name and gap <= slips(name):
            spans.append((match.start(), match.end(), name, version))
    return spans


def with_history(world: World, history: list[Turn]) -> World:
    """The world and the versions that were spoken of, should the records not be at hand."""
    if world.datasets or world.models:
        return world
    spoken = [ref for turn in history for ref in re.findall(r"\b([a-z0-9][\w.-]*)@\d+", turn.text)]
    unique = list(dict.fromkeys(spoken))
    datasets = [name for name in unique if root(name) == name]
    return World(
        datasets=datasets,
        runs=world.runs,
        models=world.models,
        endpoints=world.endpoints,
        files=world.files,
        approvals=world.approvals,
        documents=world.documents,
        tasks=world.tasks,
        bases=world.bases,
    )
