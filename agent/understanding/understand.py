"""Words, names and history in; a plan out. The same input always gives the same plan."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from agent.understanding import smalltalk
from agent.understanding.asking import Asking, asking
from agent.understanding.clauses import Clause, clauses, polite_free, without_condition
from agent.understanding.lexicon import tags_of
from agent.understanding.likeness import intent_like
from agent.understanding.names import Mentions, mentions, with_history
from agent.understanding.plan import Plan, Step, Turn
from agent.understanding.rules import intent_of
from agent.understanding.scene import Scene
from agent.understanding.slots import columns, given_name, hyperparameters, without_hyperparameters
from agent.understanding.steps import BUILDERS, NO_ENDPOINT, Answer, Wish, which
from agent.understanding.text import normal, quotes, tidy, words
from agent.world import FileName, World

MAX_READ = 4_000
"""Characters of a request that are read; more is text that belongs in a file."""

QUESTIONS = (
    ("HOWTO", r"\bhow (?:do|can|should|could|must|shall|may) (?:i|we|you|one|people|users|someone|my)\b"
     r"|\bhow to\b|\bhow (?:does|do|did) (?!(?:it|that|this|the (?:run|model|training|endpoint)|xnamex|things)\b"
     r"(?! work))\w+|\bwhat (?:should|must|does|do) (?:my|the|a|an) .*(?:look like|contain|format)"
     r"|\bbest (?:way|practice)|\bwhere (?:can|do|should) (?:i|we)\b|\bhow (?:is|are) (?:the |my |a )?[\w ]+ "
     r"(?:stored|computed|measured|calculated|chosen|made|split|kept|formatted|used|protected|counted)\b"
     r"|\b(?:which|what) (?:file )?(?:formats?|file types?|languages?|base models?|kinds? of)\b"
     r"|\bwhat (?:happens|is needed|do (?:i|we) need)\b|(?:怎么|如何|怎样)(?!样)|什么格式|什么样的"),
    ("DEFINE", r"\bwhat (?:is|are|was|were) (?!wrong\b|the\b|my\b|this\b|that\b|it\b|its\b|in\b|on\b|your\b|our\b"
     r"|running|live|waiting|xnamex)|\bwhat (?:is|are) the (?:meaning|point|purpose|difference|idea|limits?)\b"
     r"|\bmeans?\b|\bmeaning\b|\bexplain|\bdefin(?:e|ition)|\bdifference between|\bwhy\b|\bpurpose\b"
     r"|\btell me (?:more )?about (?!xnamex|my|the (?:run|data)|it\b|this)|\bwhen (?:should|would|is it|does it|do)\b"
     r"|\bshould (?:i|we|my)\b|\b(?:can|may|could|must) (?:i|we|it|thimble|you (?:use|read|handle|run)|my)\b"
     r"(?!(?: now| please)? (?:see|download|export|get|have|deploy|cancel|stop|try|test|ask|start|train|finetune|"
     r"check|look at|view|list|delete|retry|compare) (?:it|the|my|this|that|xnamex|all|them)\b)"
     r"|\bdo (?:i|we|you) (?:need|have to|use|store|keep|send|support|collect)\b|\bdoes (?:it|thimble|this) "
     r"(?:need|use|support|work|send|store|require|run on|keep|cost|handle|speak)\b|\bis it (?:possible|safe|"
     r"necessary|better|worth)\b|\bwhat does (?:a |an |the )?(?!xnamex|it\b)[\w -]+ (?:do|mean|stand for)\b"
     r"|\bworth it\b|\bhow much data\b|\bhow many (?:rows|examples|samples|labels) (?:do\b|should|are needed|per\b)"
     r"|什么是|是什么|什么意思|为什么|解释"),
    ("WHY", r"\bwhy\b|为什么"),
    ("PRIVACY", r"\bwho (?:can|could|else)?\s?(?:see|sees|read|reads|has access)|\bwhere (?:is|are|does|do) "
     r"(?:my|the|our|all)? ?(?:data|files|state|models|texts|rows|information|everything)\b.*"
     r"(?:stored|kept|saved|live|lie|go|sent)?"),
    ("DATA", r"\bwho (?:can|could|else)?\s?(?:see|sees|read|reads|has access)"),
    ("WHEN", r"^(?:is|are|was|were|has|have|had|did|does|do|will|when|how|what|which|who|why|whether)\b"
     r"|[吗?]\s*$(?<=吗)"),
    ("WOULD", r"\b(?:would|will|could|does|do) (?:it|that|this|a|the|fine\w*|training|we|you|i)\b|\btake\b"),
    ("DONE", r"\bdid (?:it|that|the|this)\b|\bso far\b|\bleft\b|\bremaining\b|\blonger\b|\btook\b"
     r"|\bhas (?:it )?taken\b|\bwill (?:it|the run|the job|that|training) (?:be|finish|end)\b|\buntil it\b"),
    ("STATUS", r"\b(?:is|has|did) (?:it|the run|the job|the training|training|xnamex|run|that) (?:\w+ )?"
     r"(?:done|finished|ready|over|complete|work|fail|end|trained)|\bwere used\b|\bdid you use\b|\bwhen will\b"
     r"|\bhow (?:is|are) (?:it|things|xnamex|that|the \w+|my \w+)(?: \w+)?\W*$|\bany (?:news|progress|update)"
     r"|\bup to\b|\b(?:what|how) (?:about|is with) xnamex\W*$|\bupdate me\b|\bhow did (?:it|that|the|xnamex)"),
    ("CHECK", r"\b(?:is|are) (?:my|the|this|our|that) (?:data|dataset|file|csv|rows) "
     r"(?:ok|okay|fine|good|clean|usable|valid|any good|in order)\b"),
    ("DATASET", r"\b(?:is|are) (?:my|the|this|our) data\b.*\b(?:ok|okay|fine|good|clean|usable|valid)\b"),
    ("DESCRIBE", r"\bwhat is in\b|\blooks? like\b|^what (?:is|are|about) xnamex|\bhow (?:big|large|long|balanced) "
     r"(?:is|are)|\bhow many\b"),
    ("ESTIMATE", r"\b(?:would|will|does|might|could)\b.*\btakes?\b|\bwhat .*\b(?:take|require)\b"),
    ("RETRY", r"\bagain\b|\bonce more\b|\bone more time\b|\bstart over\b"),
    ("MAKES_MODEL", r"\b(?:make|build|create|get|want|need|give)\b(?: me| us)? (?:an? |the |my |some )?"
     r"(?:[\w-]+ ){0,2}(?:model|classifier)\b"),
    ("CLASSIFY", r"\b(?:run|apply|use|send) (?:it|xnamex|the \w+|my \w+) (?:over|on|to|through|for|against) (?:this|"
     r"the|these|that|my|all)\b.*\b(?:file|rows|csv|data|upload)\b"),
    ("ANY", r"^what is (?=running|live|waiting|going on|deployed|active)"),
)  # fmt: skip
ASKING_BACK = re.compile(r"\?\s*$")
YES = re.compile(
    r"^(?:yes|yep|yeah|ye|sure|ok(?:ay)?|go ahead|do it|please do|do that|sounds good|go|"
    r"of course|absolutely|let us do (?:it|that)|let us go|make it so|yes please|please|好的?|可以|是的?)"
    r"(?:[,. !]+(?:please|go ahead|do it|do that|then|thanks|yes|go))*[ .!]*$"
)
OFFERED = re.compile(r"[“\"]([^”\"]{3,80})[”\"]")
OFFER = re.compile(
    r"(?:shall i|should i|do you want me to|would you like me to|want me to) (.+?)\?", re.I
)


def understand(
    text: str,
    world: World,
    history: Sequence[Turn] = (),
    file: Sequence[FileName] = (),
) -> Plan:
    """What to do about a request.

    Args:
        text: The user's words.
        world: The names that exist.
        history: What was said before, the oldest first.
        file: The files attached to this message.
    """
    past = list(history)
    known = with_history(world, past)
    said = tidy(text)[:MAX_READ]
    if not said:
        said = "make a dataset from this" if file else ""
    answered = follow_up(said, known, past, file)
    return answered or fresh(said, known, past, file, text.strip())


def fresh(
    said: str, world: World, past: list[Turn], files: Sequence[FileName], typed: str = ""
) -> Plan:
    """The plan for a request that stands for itself."""
    talk = smalltalk.smalltalk(polite_free(normal(said))) or smalltalk.smalltalk(normal(said))
    if talk and not files:
        return Plan(reply=talk)
    scene = Scene(world, typed or said, past, files)
    asked = asking(said, target_names(world))
    if asked and not files:
        return ask_plan(asked, scene)
    wishes = wishes_of(said, world, bool(files))
    wishes = taken_in(wishes, said, scene)
    if not wishes:
        return without_wish(said, scene)
    return plan_of(wishes, scene)


def taken_in(wishes: list[Wish], said: str, scene: Scene) -> list[Wish]:
    """With the attached documents taken in first, before anything is asked of them."""
    if not scene.documents() or scene.tables() or [w for w in wishes if w.intent == "add_documents"]:
        return wishes
    asked = [wish for wish in wishes if ASKING_BACK.search(said) or wish.intent != "search_docs"]
    kept = [wish for wish in asked if wish.intent != "create_dataset"]
    return [Wish("add_documents", said, Mentions(), frozenset(), said), *kept]


def target_names(world: World) -> list[str]:
    return [*world.live, *(model.partition("@")[0] for model in world.models), *world.models]


# Wishes ----------------------------------------------------------------------------------------


def wishes_of(said: str, world: World, has_files: bool) -> list[Wish]:
    """The wishes in order; a part without one of its own qualifies the wish before it."""
    found: list[Wish] = []
    loose: list[str] = []
    parts = clauses(said)
    for part in parts:
        wish = wish_of(part, said, world)
        if wish is None and not part.negated:
            loose.append(part.raw)
            found[-1:] = [qualified(found[-1], loose.pop(), world)] if found else []
        elif wish is not None and part.negated:
            found = refused(found, wish)
        elif wish is not None:
            found.append(wish)
    if found and loose:
        found[0] = qualified(found[0], loose[0], world)
    if not found and not any(part.negated for part in parts):
        found = [wish for wish in [guessed(said, world)] if wish]
    if not found and has_files and not any(part.negated for part in parts):
        found = [Wish("create_dataset", said, mentions(said, world), frozenset(), said)]
    return merged(found)


def wish_of(part: Clause, said: str, world: World) -> Wish | None:
    named = mentions(part.raw, world)
    for text in (without_condition(part.text), part.text):
        tags = tags_in(without_hyperparameters(masked(text, world))) | named.tags
        intent = intent_of(tags - WEAK if qualifies(part) else tags)
        if intent and not (intent == "go" and qualifies(part)):
            return Wish(intent, part.raw, named, tags, said)
    return None


WEAK = frozenset({"CLASSIFY", "ASK", "ROWS", "MAKE", "CHECK", "COMPARE", "TRAINING"})
"""Tags that do not make a wish in a part that only gives values, such as `use queue as label`."""


def qualifies(part: Clause) -> bool:
    """Whether a part mainly gives values: columns, a name, hyperparameters."""
    if re.search(r"\bfinetun|\btrain\b|\bdataset\b|\bdeploy|训练|微调|数据集|部署", part.text):
        return False
    starts = re.match(r"^(?:use|using|with|call|name|set|take|the|text|label|and)\b", part.text)
    given = columns(part.raw) or given_name(part.raw) or hyperparameters(part.raw)
    return bool(given and (starts or not re.match(r"^(?:what|how|is|show|deploy)\b", part.text)))


def masked(text: str, world: World) -> str:
    return mentions(text, world).masked


def tags_in(text: str) -> frozenset[str]:
    """Tags of the words, and of the form of the sentence."""
    text = SEPARABLE.sub(r"\1 \3 \2", text)
    forms = {tag for tag, pattern in QUESTIONS if re.search(pattern, text)}
    return tags_of(words(text)) | forms


SEPARABLE = re.compile(
    r"\b(roll|take|call|turn|shut|start|kick|set|switch|bring|put|get) "
    r"(it|this|that|them|xnamex|(?:the|my|this) \w+) (out|down|off|over|up|live|online|offline)\b"
)
"""`Roll it out` is `roll out it`."""


def qualified(wish: Wish, raw: str, world: World) -> Wish:
    more = mentions(raw, world)
    named = wish.named if wish.named.tags else more
    return replace(wish, raw=f"{wish.raw}, {raw}", named=named)


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


def merged(found: list[Wish]) -> list[Wish]:
    """Neighbours with the same intent are one wish; `go` is only one when it stands alone."""
    kept: list[Wish] = []
    for wish in found:
        if wish.intent == "go" and (kept or len(found) > 1):
            continue
        same = kept and kept[-1].intent == wish.intent and wish.named.tags <= kept[-1].named.tags
        if same or (kept and wish.intent == "search_docs" == kept[-1].intent):
            kept[-1] = replace(kept[-1], raw=f"{kept[-1].raw}, {wish.raw}")
        else:
            kept.append(wish)
    return kept


# Plans -----------------------------------------------------------------------------------------


def plan_of(wishes: list[Wish], scene: Scene) -> Plan:
    """The steps of all wishes in order; the first thing missing is asked before any step."""
    steps: list[Step] = []
    replies: list[str] = []
    for wish in wishes:
        answer = answer_of(wish, scene)
        if answer.ask:
            return Plan(ask=answer.ask, reply=answer.ask)
        steps += [step for step in answer.steps if step not in steps]
        replies += [answer.reply] if answer.reply else []
    return Plan(steps, None, " ".join(replies))


def answer_of(wish: Wish, scene: Scene) -> Answer:
    if wish.intent == "search_docs" and not about_us(wish, scene):
        return Answer(reply=smalltalk.LIMITS)
    if wish.intent in ("ask_endpoint", "compare"):
        return which("text", [], "What shall I send? Write it after a colon: “ask it: …”.")
    if wish.intent == "go":
        return go(wish, scene)
    unknown = unknown_name(wish, scene)
    return unknown or BUILDERS[wish.intent](wish, scene)


def go(wish: Wish, scene: Scene) -> Answer:
    """`Start it`: what can be started with the least that is known."""
    if scene.datasets() or scene.tables():
        return BUILDERS["start_finetune"](wish, scene)
    return Answer(ask="Start what? Drop a file with texts and labels, and I can fine-tune on it.")


OURS = frozenset(
    {"CONCEPT", "DOCS", "PRIVACY", "DATA", "DATASET", "ENDPOINT", "MODEL", "FILE", "TRAIN", "DISK"}
    | {"TRAINING", "DEPLOY", "APPROVE", "APPROVAL", "RUN", "BASE", "LATENCY", "BASELINE", "ROWS"}
)


def about_us(wish: Wish, scene: Scene) -> bool:
    """Whether a question can be in the documents: about Thimble's matters, or docs were added."""
    return scene.world.documents or bool(
        tags_in(normal(wish.whole)) & OURS
    )


UNKNOWN = re.compile(
    r"\b(?:(?:fine-?\s?tun\w+|train\w*|classifier|model)(?: \w+){0,3}? on|dataset|deploy|describe|check|delete)"
    r" (?:the |my |dataset |model |a )*[\"'`]?(?P<name>[A-Za-z][\w.-]*(?:@\d+)?)[\"'`]?"
    r"(?= (?:with|for|and|dataset|using|at|as|now|please)\b|[,.?!;]|$)",
    re.IGNORECASE,
)
NAMED_TOOLS = (
    "start_finetune",
    "quote_finetune",
    "describe_dataset",
    "check_dataset",
    "deploy_endpoint",
)


def unknown_name(wish: Wish, scene: Scene) -> Answer | None:
    """A question when the request clearly names something that does not exist."""
    if wish.named.tags or wish.intent not in NAMED_TOOLS or scene.made_dataset:
        return None
    match = UNKNOWN.search(tidy(wish.raw))
    if not match or tags_in(normal(match["name"])) or not_a_name(match["name"]):
        return None
    kind = "model" if wish.intent == "deploy_endpoint" else "dataset"
    if scene.tables() or columns(wish.raw):
        return None
    known = scene.models() if kind == "model" else scene.datasets()
    if not known:
        return None
    return Answer(
        ask=f"There is no {kind} “{match['name']}”. {which(kind, known, '').ask}",
    )


def not_a_name(word: str) -> bool:
    return word.lower() in set(
        "it this that them these those mine one all both now again please top my the a an newest "
        "latest last new old same other first second everything yet soon here there cpu gpu".split()
    )


def without_wish(said: str, scene: Scene) -> Plan:
    """What to say when nothing was understood."""
    if any(part.negated for part in clauses(said)):
        return Plan(reply=smalltalk.NOTHING)
    question = ASKING_BACK.search(said) or "WHEN" in tags_in(normal(said))
    if question and scene.world.documents:
        return Plan([Step("search_docs", {"query": said})])
    if columns(said) or hyperparameters(said):
        return Plan(ask=NEED_FOR_VALUES, reply=NEED_FOR_VALUES)
    return Plan(reply=smalltalk.LIMITS if question else smalltalk.UNCLEAR)


NEED_FOR_VALUES = (
    "What shall I use these for? Say for example “make a dataset from this” with a file, or "
    "“fine-tune on” a dataset."
)


# Asking an endpoint ----------------------------------------------------------------------------


def ask_plan(asked: Asking, scene: Scene) -> Plan:
    named = mentions(asked.head, scene.world)
    endpoint = scene.endpoint(named)
    if not endpoint:
        return Plan(ask=NO_ENDPOINT, reply=NO_ENDPOINT)
    if not asked.text:
        question = "What shall I send? Write it after a colon: “ask it: …”."
        return Plan(ask=question, reply=question)
    arguments = {"endpoint": endpoint, "input": asked.text}
    other = compared(named, endpoint, asked)
    return Plan([Step("ask_endpoint", arguments | ({"compare_with": other} if other else {}))])


def compared(named: Mentions, endpoint: str, asked: Asking) -> str:
    others = [model for model in named.models if model.partition("@")[0] != endpoint]
    if others and re.search(r"compar|beside|next to|versus|\bvs\b|against", asked.head, re.I):
        return others[0]
    return "base" if asked.compare else ""


# Following up on what was said -----------------------------------------------------------------


def follow_up(said: str, world: World, past: list[Turn], files: Sequence[FileName]) -> Plan | None:
    """The plan for words that only make sense after what was said before, or None."""
    if not past or not said:
        return None
    spoken = normal(said)
    last = next((turn.text for turn in reversed(past) if turn.role == "assistant"), "")
    before = next((turn.text for turn in reversed(past) if turn.role == "user"), "")
    if YES.match(spoken):
        return agreed(last, before, world, past, files)
    if answers(said, spoken, last, world):
        return fresh(f"{before.rstrip(' .?!')} {joined(said, world)}", world, past[:-2], files)
    return changed(said, spoken, world, past, files)


def joined(said: str, world: World) -> str:
    named = mentions(said, world)
    return f"on {said}" if named.datasets or named.models else said


def agreed(
    last: str, before: str, world: World, past: list[Turn], files: Sequence[FileName]
) -> Plan | None:
    """`Yes` to an offer takes it up; after a plan it starts the training."""
    offer = OFFER.search(last)
    offered = [offer[1]] if offer else OFFERED.findall(last)
    for words_offered in offered:
        plan = fresh(words_offered, world, past, files)
        if plan.steps:
            return plan
    wishes = wishes_of(before, world, False)
    if wishes and wishes[-1].intent == "quote_finetune":
        return plan_of([replace(wishes[-1], intent="start_finetune")], Scene(world, before, past, files))
    return None


def answers(said: str, spoken: str, last: str, world: World) -> bool:
    """Whether a short text answers the question that was asked last."""
    if not last.rstrip().endswith("?") and "Which " not in last:
        return False
    named = mentions(said, world)
    short = len(words(spoken)) <= 12 and bool(named.tags)
    wishes = [wish_of(part, said, world) for part in clauses(said)]
    own = [wish for wish in wishes if wish and wish.intent not in MERELY_NAMING]
    return short and not own


MERELY_NAMING = ("describe_dataset", "check_dataset", "go")
"""Intents that a name alone, or `the first one`, may seem to have."""


def changed(
    said: str, spoken: str, world: World, past: list[Turn], files: Sequence[FileName]
) -> Plan | None:
    """`Make it 5 epochs` after a plan; `and the base?` or another text after an answer."""
    call = last_call(past, world)
    if call is None:
        return None
    changes = hyperparameters(said)
    if call.tool in ("start_finetune", "quote_finetune") and changes:
        if re.search(r"\b(?:finetun|train\b|dataset|plan|quote|how long)|微调|训练", spoken):
            return None
        return Plan([Step(call.tool, call.arguments | changes)])
    if call.tool == "ask_endpoint":
        return asked_again(said, spoken, world, call)
    return None


BASE_TOO = re.compile(
    r"^(?:(?:and|now|please|also|compare|what|how|about|does|would|it|that|with|to|against|the|do|say|show|me|"
    r"beside|next|untuned|original|model|says?|too|as well|versus|vs)\W*)*\bbase(?:line)?\b"
    r"(?:\W*(?:model|say|says|too|as|well|answer|think|it|that|on|about|do|to))*\W*$"
)


def asked_again(said: str, spoken: str, world: World, call: Step) -> Plan | None:
    if BASE_TOO.match(spoken) or re.match(r"^compare (?:it|that|them)\b", spoken):
        return Plan([Step("ask_endpoint", call.arguments | {"compare_with": "base"})])
    another = re.match(
        r"^(?:and|and what about|what about|how about|and for|and this|another|this one|also|now)"
        r"(?: (?:this|this one|that))?[:,]? (?P<text>.{8,})$",
        said,
        re.IGNORECASE,
    )
    if another and not wishes_of(said, world, False):
        arguments = {**call.arguments, "input": (quotes(said) or [another["text"]])[0]}
        arguments.pop("compare_with", None)
        return Plan([Step("ask_endpoint", arguments)])
    return None


def last_call(past: list[Turn], world: World) -> Step | None:
    """The last tool call: as it was recorded, else as the user's last words are understood."""
    for at in range(len(past) - 1, -1, -1):
        turn = past[at]
        if turn.role == "call":
            data = json.loads(turn.text)
            return Step(data["tool"], data["arguments"])
        if turn.role == "user":
            steps = fresh(turn.text, world, past[:at], ()).steps
            if steps:
                return steps[-1]
    return None
