"""From clauses to wishes: what each part wants, what only qualifies it, what must not be done."""

import re
from dataclasses import replace

from agent.understanding.clauses import Clause, clauses, polite_free, without_condition
from agent.understanding.forms_zh import WHOLE
from agent.understanding.likeness import intent_like
from agent.understanding.names import mentions
from agent.understanding.rules import intent_of
from agent.understanding.sentence import tags_in
from agent.understanding.settings import hyperparameters, without_hyperparameters
from agent.understanding.slots import columns, given_name, role_of_file, without_columns
from agent.understanding.text import normal
from agent.understanding.wish import Wish
from agent.world import World


def wishes_of(said: str, world: World, has_files: bool) -> list[Wish]:
    """The wishes in order; a part without one of its own qualifies the wish before it."""
    if WHOLE.search(said):
        return [Wish("search_docs", said, mentions(said, world), frozenset(), said)]
    found: list[Wish] = []
    loose: list[str] = []
    parts = clauses(said)
    attached = frozenset({"ATTACHED"} if has_files else ())
    for part in parts:
        wish = wish_of(part, said, world, attached)
        if wish and found and explains(part):
            continue
        off = 0 in hyperparameters(part.raw).values()
        if wish is None and (off or not part.negated):
            loose.append(part.raw)
            found[-1:] = [qualified(found[-1], loose.pop(), world)] if found else []
        elif wish is not None and part.negated:
            found = refused(found, wish)
        elif wish is not None:
            found += listings(wish)
    if found and loose:
        for raw in loose:
            found[0] = qualified(found[0], raw, world)
    if not found and not any(part.negated for part in parts):
        found = [wish for wish in [guessed(said, world)] if wish]
    if not found and has_files and not any(part.negated for part in parts):
        found = [Wish("create_dataset", said, mentions(said, world), frozenset(), said)]
    return merged(found)


def explains(part: Clause) -> bool:
    """Whether a part only gives a reason: `stop! that is the wrong dataset`."""
    return bool(re.match(r"^(?:that|this|it) (?:is|was) (?:the |a |not |too |way )*\w+", part.text))


FILE_NAME = re.compile(
    r"(?<![a-z0-9_.-])[a-z0-9_-][a-z0-9_.-]{0,200}\.(?:csv|tsv|jsonl?|ndjson|parquet|xlsx?)\b"
)
DOCUMENT_NAME = re.compile(r"(?<![\w.-])[\w-][\w.-]{0,200}\.(?:md|txt|html?|zip|pdf|rst|docx)\b")


ROLE = re.compile(
    rf"(?:{FILE_NAME.pattern}|一个|另一?个|第[一二三]个) ?(?:文件)?(?:用来|用于|作为|拿来|当作?|"
    rf"做|是|用作|来|用)?做? ?(?:训练|验证|测试)(?:集|用|数据|文件)?"
)


def without_roles(text: str) -> str:
    """The text without what each file is for: `a.csv 训练, b.csv 测试` starts nothing."""
    return ROLE.sub("file", text) if len(ROLE.findall(text)) > 1 or "测试" in text else text


def wish_of(
    part: Clause, said: str, world: World, attached: frozenset[str] = frozenset()
) -> Wish | None:
    file = FILE_NAME.search(part.text)
    if attached and file and role_of_file(part.text, file[0]) and not GOAL.search(part.text):
        return None
    if NOTIFY.match(part.text) or NEEDLESS.match(part.text) or only_settings(part):
        return None
    named = mentions(part.raw, world)
    if BUILDING.search(named.masked):
        return Wish("list_approvals", part.raw, named, named.tags, said)
    main = without_condition(part.text)
    for text in (main, *([] if NOT_WANTED.match(part.text[len(main) :]) else [part.text])):
        text = DOCUMENT_NAME.sub(
            "document", FILE_NAME.sub("file", without_columns(without_roles(text)))
        )
        tags = tags_in(without_hyperparameters(masked(text, world))) | named.tags | attached
        tags |= {"NAME_BASE"} if named.bases else set()
        intent = intent_of(tags - WEAK if qualifies(part) else tags)
        if intent and not (intent == "go" and qualifies(part)):
            return Wish(intent, part.raw, named, tags, said)
    return None


BUILDING = re.compile(
    r"^(?!.*(?:\brun\b|\bjob\b|train|tun|训|调))(?:.*\b(?:how long|when|until|is|has)\b.{0,40}"
    r"\bxbasex (?:\w+ ){0,2}?(?:built|ready|installed|finished|done)\b|"
    r".*xbasex.{0,8}(?:建好|做好|准备好|构建完|造好))"
)
"""About a base that is being made; whether that was allowed is what can hold it up."""
FILLING = re.compile(
    r"(?:\b(?:only|just|but|with|for|this time|at most|over|through|the|all|my|whole|full|data|"
    r"dataset|rows|it|and|now|instead|of)\b|这次|只|就|但是?|不过|用|而已|[;,.!]|\s)*"
)


def only_settings(part: Clause) -> bool:
    """Whether a part gives settings and nothing else: `but only 4 passes over the data`."""
    given = hyperparameters(part.raw)
    return bool(given) and bool(FILLING.fullmatch(without_hyperparameters(part.text)))


NOTIFY = re.compile(
    r"^(?:tell|let|notify|ping|inform|message) (?:me|us)(?: know)? (?:when|once|as soon|after|if)\b"
)
"""Everyone is told anyway when something is done."""
NEEDLESS = re.compile(
    r"^(?:i|we) (?:no longer (?:need|want|use)\b|do not need .{0,20}any "
    r"?(?:more|longer)\b)"
)
"""Why something is to be deleted; by itself it asks for nothing."""
NOT_WANTED = re.compile(r"[, ]+(?:before|until|unless|because|since)\b")
GOAL = re.compile(r"\b(?:dataset|finetun|deploy|classifier|model)|数据集|微调|部署|模型")
"""Words of a wish; a part without them that gives a file its role is no wish of its own."""
WEAK = frozenset({"CLASSIFY", "ASK", "ROWS", "MAKE", "CHECK", "COMPARE", "TRAINING"})
"""Tags that do not make a wish in a part that only gives values, such as `use queue as label`."""


def qualifies(part: Clause) -> bool:
    """Whether a part mainly gives values: columns, a name, hyperparameters."""
    if re.search(
        r"\bfinetun|\btrain|\blearn|\bdataset\b|\bdeploy|\bendpoint|\bmodel\b|训练|微调|数据集|"
        r"部署",
        part.text,
    ):
        return False
    starts = re.match(
        r"^(?:use|using|with|call|name|set|take|the|text|label|and|columns?|fields?)\b", part.text
    )
    given = columns(part.raw) or given_name(part.raw) or hyperparameters(part.raw)
    return bool(
        given
        and (starts or not re.match(r"^(?:what|which|how|is|are|does|show|deploy)\b", part.text))
    )


def masked(text: str, world: World) -> str:
    return mentions(text, world).masked


def qualified(wish: Wish, raw: str, world: World) -> Wish:
    more = mentions(raw, world)
    named = wish.named if wish.named.tags else more
    tags = wish.tags | (tags_in(normal(raw)) & {"BASELINE"})
    return replace(wish, raw=f"{wish.raw}, {raw}", named=named, tags=tags)


def refused(found: list[Wish], wish: Wish) -> list[Wish]:
    """Without what must not be done; a training not to be started yet becomes its plan."""
    kept = []
    for earlier in found:
        if wish.intent in ("go", "start_finetune") and earlier.intent == "start_finetune":
            kept.append(replace(earlier, intent="quote_finetune"))
        elif earlier.intent != wish.intent:
            kept.append(earlier)
    return kept


def guessed(said: str, world: World) -> Wish | None:
    """The wish of the example that the request is most like."""
    named = mentions(said, world)
    intent = intent_like(polite_free(named.masked.replace("xnamex", "it")))
    return Wish(intent, said, named, tags_in(named.masked) | named.tags, said) if intent else None


LISTS = {"DATASETS": "datasets", "RUNS": "runs", "MODELS": "models", "ENDPOINTS": "endpoints"}


def listings(wish: Wish) -> list[Wish]:
    """One wish for each kind in `show my models and endpoints`."""
    kinds = [kind for tag, kind in LISTS.items() if tag in wish.tags]
    if not wish.intent.startswith("list_") or len(kinds) < 2 or "WHEN" in wish.tags:
        return [wish]
    return [replace(wish, intent=f"list_{kind}") for kind in kinds]


def without_reasons(found: list[Wish]) -> list[Wish]:
    """Without what is only told: the first part of `run_2 crashed, try it again`."""
    kept: list[Wish] = []
    for wish in found:
        told = kept and kept[-1].intent in ("run_status", "how_is") and not asks(kept[-1].raw)
        if told and wish.intent in ("retry_run", "cancel_run", "stop"):
            named = wish.named if wish.named.tags else kept[-1].named
            wish = replace(wish, named=named)
            kept.pop()
        kept.append(wish)
    return kept


IF_SO = re.compile(r"^(?:如果|要是)?(?:能|可以|行|合适|没问题)(?:的话|就)")


def without_tests(found: list[Wish]) -> list[Wish]:
    """Without what another part answers: `is it usable, if so make a dataset`; `is it better`."""
    intents = {wish.intent for wish in found}
    if asks_how_long(found):
        return [replace(joined(found[0], found[1]), intent="quote_finetune")]
    if any("MASK" in wish.tags for wish in found[1:]) and found[0].tags & {"NTH"}:
        return [replace(joined(found[0], found[1]), intent="check_dataset"), *found[2:]]
    if any(wish.intent == "create_dataset" and IF_SO.search(wish.raw) for wish in found):
        return [wish for wish in found if wish.intent not in ("check_dataset", "start_finetune")]
    if "compare" in intents and intents & {"how_is", "run_status"}:
        kept = [wish for wish in found if wish.intent != "compare"]
        return [replace(kept[0], intent="run_status"), *kept[1:]]
    return found


def joined(first: Wish, second: Wish) -> Wish:
    """The second wish with the words of the first, and its names where it has none."""
    named = second.named if second.named.tags else first.named
    return replace(
        second, raw=f"{first.raw}, {second.raw}", named=named, tags=second.tags | first.named.tags
    )


def asks_how_long(found: list[Wish]) -> bool:
    """Whether the training is only what is asked about: `how long, fine-tuning on shop?`."""
    if [wish.intent for wish in found] != ["quote_finetune", "start_finetune"]:
        return False
    first, second = found
    then = re.search(r"就|再|吧|然后|\b(?:then|so|please)\b", second.whole.lower())
    return not (first.named.tags or then) and second.whole.rstrip().endswith("?")


def asks(raw: str) -> bool:
    """Whether a part asks or commands, rather than tells."""
    return bool(tags_in(normal(raw)) & {"WHEN", "SHOW", "WH"}) or raw.rstrip().endswith("?")


def merged(found: list[Wish]) -> list[Wish]:
    """Neighbours with the same intent are one wish; `go` is only one when it stands alone."""
    kept: list[Wish] = []
    if found and found[0].intent == "search_docs" and "DOCS" in found[0].tags:
        found = [found[0], *(wish for wish in found[1:] if "WHEN" not in wish.tags)]
    for wish in without_reasons(without_tests(found)):
        if wish.intent == "go" and (kept or len(found) > 1):
            continue
        same = kept and kept[-1].intent == wish.intent and wish.named.tags <= kept[-1].named.tags
        if same or (kept and wish.intent == "search_docs" == kept[-1].intent):
            kept[-1] = replace(kept[-1], raw=f"{kept[-1].raw}, {wish.raw}")
        else:
            kept.append(wish)
    return kept
