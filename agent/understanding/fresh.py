"""The plan for a request that stands for itself: its wishes become steps, a question, or words."""

import re
from collections.abc import Sequence

from agent.understanding import sampling, smalltalk
from agent.understanding.asking import Asking, asking
from agent.understanding.clauses import clauses, polite_free
from agent.understanding.names import Mentions, mentions
from agent.understanding.on_data import several
from agent.understanding.on_models import NO_ENDPOINT
from agent.understanding.plan import Plan, Step, Turn
from agent.understanding.scene import Scene
from agent.understanding.sentence import tags_in
from agent.understanding.settings import hyperparameters, unfit
from agent.understanding.slots import columns
from agent.understanding.steps import BUILDERS
from agent.understanding.text import normal, quotes, tidy
from agent.understanding.undo import nothing_started, taken_back
from agent.understanding.unknown import unknown_name, unknown_version
from agent.understanding.wish import Answer, Wish, which
from agent.understanding.wishes import wishes_of
from agent.world import FileName, World

ASKING_BACK = re.compile(r"\?\s*$")


def fresh(
    said: str, world: World, past: list[Turn], files: Sequence[FileName], typed: str = ""
) -> Plan:
    """The plan for a request that stands for itself."""
    talk = smalltalk.smalltalk(polite_free(normal(said))) or smalltalk.smalltalk(normal(said))
    if not files and (back := taken_back(polite_free(normal(said)), world)):
        return back
    if talk and not files:
        return nothing_started(world) if talk == smalltalk.NOTHING else Plan(reply=talk)
    scene = Scene(world, typed or said, past, files)
    if (question := unfit(said)) and not tags_in(normal(said)) & {"WHEN", "HOWTO", "DEFINE"}:
        return Plan(ask=question, reply=question)
    asked = asking(said, target_names(world))
    if asked and not files and not sampling.by_marked_label(said):
        return ask_plan(asked, scene)
    wishes = taken_in(wishes_of(said, world, bool(files)), said, scene)
    plan = plan_of(wishes, scene) if wishes else without_wish(said, scene)
    marked = max(quotes(said), key=len, default="")
    if plan.ask and not scene.datasets() and world.documents and ASKING_BACK.search(said):
        return Plan([Step("search_docs", {"query": said})])
    if not plan.steps and not plan.ask and " " in marked and scene.live():
        return ask_plan(Asking(said.replace(marked, ""), marked), scene)
    return plan


def taken_in(wishes: list[Wish], said: str, scene: Scene) -> list[Wish]:
    """With the attached documents taken in first, before anything is asked of them."""
    asked_for = any(wish.intent == "add_documents" for wish in wishes)
    if asked_for or scene.tables() or not scene.documents():
        return wishes
    needless = {"create_dataset"} | (set() if ASKING_BACK.search(said) else {"search_docs"})
    kept = [wish for wish in wishes if wish.intent not in needless]
    return [Wish("add_documents", said, Mentions(), frozenset(), said), *kept]


def target_names(world: World) -> list[str]:
    return [*world.live, *(model.partition("@")[0] for model in world.models), *world.models]


# Plans -----------------------------------------------------------------------------------------


def plan_of(wishes: list[Wish], scene: Scene) -> Plan:
    """The steps of all wishes in order; the first thing missing is asked before any step."""
    steps: list[Step] = []
    replies: list[str] = []
    for wish in wishes:
        if wish.intent == "deploy_endpoint" and several(wish, scene):
            break
        answer = answer_of(wish, scene)
        scene.remember(wish.named)
        if answer.ask:
            return Plan(ask=answer.ask, reply=answer.ask)
        steps += [step for step in answer.steps if step not in steps]
        replies += [answer.reply] if answer.reply else []
        if wish.intent == "unsupported":
            break
    replies += [left] if (left := left_out(steps, scene)) else []
    return Plan(steps, None, " ".join(dict.fromkeys(replies)))


def left_out(steps: list[Step], scene: Scene) -> str:
    """What to say of documents that came with tables and that nothing was asked of."""
    tools = {step.tool for step in steps}
    documents = ", ".join(file.filename for file in scene.documents())
    if not documents or "create_dataset" not in tools or "add_documents" in tools:
        return ""
    return f"Not taken: {documents}. Attach documents again and say “add these documents”."


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
    if scene.tables():
        return BUILDERS["create_dataset"](wish, scene)
    if scene.datasets():
        return BUILDERS["start_finetune"](wish, scene)
    return Answer(
        ask="Start what? Drop a file with labelled texts or conversations: I can fine-tune on it."
    )


OURS = frozenset(
    {"CONCEPT", "DOCS", "PRIVACY", "DATA", "DATASET", "ENDPOINT", "MODEL", "FILE", "TRAIN", "DISK"}
    | {
        "START",
        "TRAINING",
        "DEPLOY",
        "APPROVE",
        "APPROVAL",
        "RUN",
        "BASE",
        "LATENCY",
        "BASELINE",
        "FLAWS",
        "ROWS",
    }
)


def about_us(wish: Wish, scene: Scene) -> bool:
    """Whether a question can be in the documents: about Thimble's matters, or docs were added."""
    ours = bool(tags_in(normal(wish.whole)) & OURS)
    return scene.world.documents or bool(wish.named.tags) or ours


def without_wish(said: str, scene: Scene) -> Plan:
    """What to say when nothing was understood."""
    if any(part.negated for part in clauses(said)):
        return nothing_started(scene.world)
    if unknown := unknown_version(said, scene):
        return Plan(ask=unknown, reply=unknown)
    question = ASKING_BACK.search(said) or "WHEN" in tags_in(normal(said))
    if question and scene.world.documents:
        return Plan([Step("search_docs", {"query": said})])
    named = mentions(said, scene.world)
    if hyperparameters(said) and not columns(said) and not question and named.datasets:
        return plan_of([Wish("start_finetune", said, named, named.tags, said)], scene)
    if columns(said) or hyperparameters(said):
        return Plan(ask=NEED_FOR_VALUES, reply=NEED_FOR_VALUES)
    return Plan(reply=smalltalk.LIMITS if question else smalltalk.UNCLEAR)


NEED_FOR_VALUES = (
    "What shall I use these for? Say for example “make a dataset from this” with a file, or "
    "“fine-tune on” a dataset."
)


# Asking an endpoint ----------------------------------------------------------------------------


def ask_plan(asked: Asking, scene: Scene) -> Plan:
    """What comes before the asking in the request, then the asking."""
    wishes = wishes_of(asked.before, scene.world, False) if asked.before else []
    first, then = plan_of(wishes, scene), asked_step(asked, scene)
    asks = first if first.ask else then
    return asks if asks.ask else Plan([*first.steps, *then.steps], None, first.reply)


def asked_step(asked: Asking, scene: Scene) -> Plan:
    named = mentions(asked.head, scene.world)
    endpoint = scene.endpoint(named)
    if not endpoint:
        return Plan(ask=NO_ENDPOINT, reply=NO_ENDPOINT)
    if not asked.text:
        question = "What shall I send? Write it after a colon: “ask it: …”."
        return Plan(ask=question, reply=question)
    arguments = {"endpoint": endpoint, "input": as_typed(asked.text, scene.request)}
    other = compared(named, endpoint, asked)
    return Plan([Step("ask_endpoint", arguments | ({"compare_with": other} if other else {}))])


def as_typed(text: str, request: str) -> str:
    """The part of the request that was tidied to this text, as its characters were typed."""
    typed = " ".join(request.split())
    tidied = [(part, at) for at, char in enumerate(typed) for part in tidy(char)]
    wanted = text.replace(" ", "")
    start = "".join(part for part, _ in tidied).find(wanted) if wanted else -1
    return typed[tidied[start][1] : tidied[start + len(wanted) - 1][1] + 1] if start >= 0 else text


def compared(named: Mentions, endpoint: str, asked: Asking) -> str:
    others = [model for model in named.models if model.partition("@")[0] != endpoint]
    if others and re.search(r"compar|beside|next to|versus|\bvs\b|against", asked.head, re.I):
        return others[0]
    return "base" if asked.compare else ""
