"""Words that only make sense after what was said before: yes, the second, with rank 8 instead."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from agent.understanding import follow_zh
from agent.understanding.chats import examined_again, settings, task_alone
from agent.understanding.clauses import clauses
from agent.understanding.fresh import fresh, plan_of
from agent.understanding.names import mentions
from agent.understanding.plan import Plan, Step, Turn
from agent.understanding.sampling import another_page
from agent.understanding.scene import Scene
from agent.understanding.settings import relative
from agent.understanding.text import normal, quotes, words
from agent.understanding.wishes import wish_of, wishes_of
from agent.world import FileName, World

YES = re.compile(
    r"^(?:yes|yep|yeah|ye|sure|ok(?:ay)?|go ahead|do it|please do|do that|sounds good|go|"
    r"of course|absolutely|let us do (?:it|that)|let us go|make it so|yes please|please)"
    r"(?:[,. !]+(?:please|go ahead|do it|do that|then|thanks|yes|go))*[ .!]*$"
    rf"|^{follow_zh.YES}[ .!]*$"
)
OFFERED = re.compile(r"[“\"]([^”\"]{2,80})[”\"]")
OFFER = re.compile(
    r"(?:shall i|should i|do you want me to|would you like me to|want me to) (?P<english>.+?)\?"
    rf"|{follow_zh.OFFER}",
    re.I,
)


def follow_up(said: str, world: World, past: list[Turn], files: Sequence[FileName]) -> Plan | None:
    """The plan for words that only make sense after what was said before, or None."""
    if not past or not said:
        return None
    spoken = normal(said)
    last = next((turn.text for turn in reversed(past) if turn.role == "assistant"), "")
    before = next((turn.text for turn in reversed(past) if turn.role == "user"), "")
    if YES.match(spoken):
        return agreed(last, before, world, past, files)
    chosen = nth_candidate(spoken, last)
    if chosen:
        return fresh(f"{before.rstrip(' .?!')} on {chosen}", world, past[:-2], files)
    if answers(said, spoken, last, world):
        return fresh(f"{before.rstrip(' .?!')} {joined(said, world)}", world, past[:-2], files)
    return changed(said, spoken, world, past)


CANDIDATES = re.compile(rf"Which \w+: (?P<english>.+?)\?|{follow_zh.CANDIDATES}")
ORDINALS = {"first": 0, "1": 0, "second": 1, "2": 1, "third": 2, "3": 2, "last": -1, "latter": -1}


def nth_candidate(spoken: str, last: str) -> str | None:
    """What `the second` means after a question that named candidates."""
    asked = CANDIDATES.search(last)
    said_nth = re.fullmatch(
        r"(?:the )?(?:option |number |no\.? ?|#)?(\w+)(?: one)?(?:,? "
        r"please)?\W*",
        spoken,
    )
    at = ORDINALS.get(said_nth[1]) if said_nth else None
    at = follow_zh.nth(spoken) if at is None else at
    if not asked or at is None:
        return None
    names = re.split(follow_zh.SPLIT, asked["english"] or asked["chinese"])
    return names[at] if at < len(names) else None


def joined(said: str, world: World) -> str:
    named = mentions(said, world)
    return f"on {said}" if named.datasets or named.models else said


def agreed(
    last: str, before: str, world: World, past: list[Turn], files: Sequence[FileName]
) -> Plan | None:
    """`Yes` to an offer takes it up; after a plan it starts the training."""
    offer = OFFER.search(last)
    offered = [offer["english"] or offer["chinese"]] if offer else OFFERED.findall(last)
    for words_offered in offered:
        plan = fresh(words_offered, world, past, files)
        if plan.steps:
            return plan
    wishes = wishes_of(before, world, False)
    if wishes and wishes[-1].intent == "quote_finetune":
        return plan_of(
            [replace(wishes[-1], intent="start_finetune")], Scene(world, before, past, files)
        )
    return None


def answers(said: str, spoken: str, last: str, world: World) -> bool:
    """Whether a short text answers the question that was asked last."""
    if not re.search(r"[?\uff1f]\s*$", last) and not CANDIDATES.search(last):
        return False
    named = mentions(said, world)
    short = len(words(spoken)) <= 12 and bool(named.tags)
    wishes = [wish_of(part, said, world) for part in clauses(said)]
    own = [wish for wish in wishes if wish and wish.intent not in MERELY_NAMING]
    return short and not own


MERELY_NAMING = ("describe_dataset", "check_dataset", "go")
"""Intents that a name alone, or `the first one`, may seem to have."""


def changed(said: str, spoken: str, world: World, past: list[Turn]) -> Plan | None:
    """`Make it 5 epochs` after a plan; `and the base?` or another text after an answer."""
    call = last_call(past, world)
    if call is None:
        return None
    changes = settings(said, world) | relative(said, call.arguments)
    if call.tool in ("start_finetune", "quote_finetune"):
        if changes and not re.search(ABOUT_TRAINING, spoken):
            return Plan([Step(call.tool, call.arguments | changes)])
        return same_plan(said, world, past, call) or about_another(spoken, world, call)
    if call.tool == "create_dataset" and (task := task_answered(spoken, past)):
        return Plan([Step(call.tool, call.arguments | {"task": task})])
    if call.tool == "check_dataset" and (more := examined_again(spoken, world, call.arguments)):
        return Plan([Step(call.tool, call.arguments | more)])
    if call.tool == "sample_dataset" and (paged := another_page(spoken, world, call)):
        return paged
    if call.tool == "ask_endpoint":
        return asked_again(said, spoken, world, call)
    return about_another(spoken, world, call)


def task_answered(spoken: str, past: list[Turn]) -> str | None:
    """The task of a dataset, where its data left it open and it was asked for."""
    last = next((turn.text for turn in reversed(past) if turn.role == "assistant"), "")
    return task_alone(spoken) if "task=" in last else None


ABOUT_TRAINING = r"\b(?:finetun|train\b|dataset|plan|quote|how long)|微调|训练"


POINTING = re.compile(r"\b(?:it|that|this)\b|这|它")


def same_plan(said: str, world: World, past: list[Turn], call: Step) -> Plan | None:
    """`What would that take?` and, after a plan, `ok, train it`: with the settings said before."""
    plan = fresh(said, world, past, ())
    tools = [step.tool for step in plan.steps]
    planned = tools == ["quote_finetune"] or (tools, call.tool) == (
        ["start_finetune"],
        "quote_finetune",
    )
    if not planned or not (POINTING.search(normal(said)) or follow_zh.HOW_LONG.match(normal(said))):
        return None
    if plan.steps[0].arguments.get("dataset") != call.arguments.get("dataset"):
        return None
    return Plan([Step(tools[0], call.arguments | plan.steps[0].arguments)], None, plan.reply)


ANOTHER = re.compile(
    r"(?:(?:no|nope|sorry|oops|wait|actually|and|also|now|then|but|what|how|about|same|again|do|"
    r"the|for|on|with|to|"
    r"of|in|i|meant|mean|rather|instead|use|take|make|it|that|please|ok|okay|hmm|is|not|try|one|"
    r"dataset|model|run|endpoint|thing|other|too|as|well|xnamex"
    rf"|{follow_zh.ANOTHER})(?![a-z])\W*|"
    r"\W+)+"
)
KINDS = {"dataset": "datasets", "model": "models", "endpoint": "endpoints", "run": "runs"}


def about_another(spoken: str, world: World, call: Step) -> Plan | None:
    """The last call again for what is named now: `and tickets?`, `no, the other one`."""
    named = mentions(spoken, world)
    other = re.search(rf"\bother (?:one|dataset|model|run|endpoint)\b|{follow_zh.OTHER}", spoken)
    if not (named.tags or other) or not ANOTHER.fullmatch(named.masked):
        return None
    for kind, plural in KINDS.items():
        if kind not in call.arguments:
            continue
        given: list[str] = getattr(named, plural) or others(world, plural, call.arguments[kind])
        if len(given) == 1 and given[0] != call.arguments[kind]:
            return Plan([Step(call.tool, call.arguments | {kind: given[0]})])
    return None


def others(world: World, plural: str, than: str) -> list[str]:
    names = {"runs": [run.id for run in world.runs], "endpoints": world.live}.get(plural)
    known = getattr(world, plural) if names is None else names
    return [name for name in known if name != than]


BASE_TOO = re.compile(
    r"^(?:(?:and|now|please|also|compare|what|how|about|does|would|it|that|with|to|against|the|"
    r"do|say|show|me|"
    r"beside|next|model|says?|too|as well|versus|vs)\W*)*\b(?:base(?:line)?|untuned(?: one)?|"
    r"untrained(?: one)?|original(?: one)?)\b"
    r"(?:\W*(?:model|say|says|too|as|well|answer|think|it|that|on|about|do|to))*\W*$"
)


def asked_again(said: str, spoken: str, world: World, call: Step) -> Plan | None:
    if (
        BASE_TOO.match(spoken)
        or follow_zh.BASE_TOO.fullmatch(spoken)
        or re.match(r"^compare (?:it|that|them)\b", spoken)
    ):
        return Plan([Step("ask_endpoint", call.arguments | {"compare_with": "base"})])
    another = re.match(
        r"^(?:(?:and|then|also|now|ok|next|what about|how about|for|another|this|one|try|"
        r"that)\b[:,]? ?)+"
        r"(?P<text>\S.{7,})$",
        said,
        re.IGNORECASE,
    ) or follow_zh.ANOTHER_TEXT.match(said)
    if another and (":" in said[: another.start("text")] or not wishes_of(said, world, False)):
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
