"""What is said of chat models: whether one is meant, of which conversations, how to talk to it."""

import re

from agent.understanding.names import bare, mentions
from agent.understanding.numerals import VALUE, number
from agent.understanding.plan import Arguments
from agent.understanding.scene import Scene
from agent.understanding.sentence import tags_in
from agent.understanding.settings import base_model, hyperparameters
from agent.understanding.slots import compact
from agent.understanding.text import normal
from agent.understanding.wish import Answer, Wish, step, which
from agent.world import World

CHAT, CLASSIFICATION = "chat", "classification"
NO_CONVERSATIONS = (
    "Which conversations? Drop a JSON, JSON Lines or Parquet file with chats, or with questions "
    "and their answers, into the chat and say “fine-tune a chat model on this”."
)
ONLY_LABELS = (
    "A chat model learns from conversations, and the datasets there are hold texts with labels. "
    "Drop a JSON, JSON Lines or Parquet file with chats, or with questions and their answers, and "
    "say “fine-tune a chat model on this”."
)
ONLY_CHATS = (
    "A classifier learns from texts with labels, and the datasets there are hold conversations. "
    "Drop a CSV, TSV, JSONL or Parquet file with a text and a label column and say “fine-tune a "
    "classifier on this”."
)
CHATS_POSSIBLE = (
    "Yes. Drop a file with conversations, or with questions and their answers, and say “fine-tune "
    "a chat model on this”: you see the plan first, and afterwards you can talk to the model, its "
    "untuned base beside it."
)
PRESS_TALK = (
    "Press “Talk to it” on the card: it opens a conversation with the model itself, its untuned "
    "base beside it. Here I pass single questions on: “ask it: …”."
)
NOBODY_TO_TALK_TO = (
    "There is no model to talk to yet. Drop a file with conversations and say “fine-tune a chat "
    "model on this”."
)


# Training --------------------------------------------------------------------------------------

CLASSIFIER = re.compile(r"\bclassifiers?\b|分类器|分类模型")
CLASSES = re.compile(r"classif|分类|归类|打标")
CONVERSATIONS = re.compile(r"\b(?:conversations?|chats|dialog(?:ue)?s)\b|对话|聊天|会话")


def wanted(raw: str, world: World) -> str:
    """The task that the words ask for, by themselves or by the base; else an empty text."""
    named = mentions(raw, world)
    if CLASSIFIER.search(named.masked):
        return CLASSIFICATION
    if "CHATMODEL" in tags_in(named.masked):
        return CHAT
    if CLASSES.search(named.masked):
        return CLASSIFICATION
    if CONVERSATIONS.search(named.masked):
        return CHAT
    kinds = {world.bases[name] for name in named.bases}
    return CHAT if kinds == {"causal"} else CLASSIFICATION if kinds == {"encoder"} else ""


def fitting(task: str, scene: Scene) -> list[str]:
    """The datasets for the task, as far as that is known; all where none is known to be."""
    known = scene.datasets()
    if not task:
        return known
    told = [name for name in known if scene.world.tasks.get(name) == task]
    return told or [name for name in known if name not in scene.world.tasks]


def holding(wish: Wish, scene: Scene) -> list[str]:
    """The datasets that can be meant where none is named: of conversations where these are."""
    spoken_of = "MASK" in wish.tags or CONVERSATIONS.search(mentions(wish.raw, scene.world).masked)
    return (fitting(CHAT, scene) if spoken_of else []) or scene.datasets()


def none_fits(task: str, scene: Scene) -> Answer:
    """What to say where no dataset is for the task."""
    if scene.datasets():
        return Answer(reply=ONLY_LABELS if task == CHAT else ONLY_CHATS)
    return Answer(ask=NO_CONVERSATIONS)


def other_task(dataset: str, task: str, world: World) -> str:
    """What to say of a dataset that is meant for another task than the words ask for."""
    name = bare(dataset)
    held = world.tasks.get(name, task)
    if not task or held == task:
        return ""
    if held == CHAT:
        return f"The dataset {name} holds conversations: what is fine-tuned on it is a chat model."
    return f"The dataset {name} holds labelled texts: what is fine-tuned on it is a classifier."


def settings(raw: str, world: World) -> Arguments:
    """The settings of a training that were given, with the base where one that exists is named."""
    named = mentions(raw, world).bases
    return hyperparameters(raw) | ({"base_model": named[0]} if named else {})


def other_base(wish: Wish, scene: Scene) -> Answer | None:
    """What to say of a base that is named and that is not here; None where one is given."""
    if base_model(wish.raw) or mentions(wish.raw, scene.world).bases:
        return None
    known = [name for name, kind in scene.world.bases.items() if kind != "encoder"]
    names = ", ".join(known or scene.world.bases)
    return Answer(
        reply=f"I have no base model of that name. A chat model can be fine-tuned from: {names}. "
        "Whoever runs Thimble adds another, from its folder or a hub, with `thimble base add`."
    )


# Datasets --------------------------------------------------------------------------------------

NAMES_OF_TASKS = {
    CHAT: r"chats?|chat ?bots?|conversations?|conversational|dialogu?e?s?|对话|聊天|会话",
    CLASSIFICATION: r"classification|classifier|labelling|labels?|分类|归类",
}


def task_in(text: str) -> str | None:
    """The task that a dataset is said to be for, or None: mostly its data tells."""
    said = normal(text)
    for task, form in NAMES_OF_TASKS.items():
        if re.search(
            rf"\b(?:{form}) dataset\b|(?:{form})(?:用的?)?(?:的)?数据集|"
            rf"\btask ?(?:is|=|:|of)? ?[\"']?(?:{form})(?![a-z])|任务(?:是|为|=|:|选)? ?(?:{form})",
            said,
        ):
            return task
    return None


def task_alone(spoken: str) -> str | None:
    """The task, where a normal text says nothing else: the answer to which it is."""
    for task, form in NAMES_OF_TASKS.items():
        if re.fullmatch(
            rf"(?:(?:it|that|this|is|should|be|use|as|for|take|make|want|i|the|an?|task|train|"
            rf"用来|用于|用作|当作?|作为|做|是|选|按|要|任务)[ =:\"']*)*(?:{form})"
            rf"[\"' ]*(?:model|bot|task|dataset|please|模型|任务|数据集?|机器人|用的?|吧|\W)*",
            spoken,
        ):
            return task
    return None


ROW = re.compile(
    rf"\brow (?:number |no\.? ?|#)?{VALUE}"
    rf"|第 ?{VALUE.replace('value', 'nth')} ?[行条个]|\b(?P<before>\d+)(?:st|nd|rd|th) row"
)


def examined(wish: Wish, scene: Scene) -> Arguments:
    """The arguments of check_dataset besides the dataset: whose tokens, and of which row."""
    row = row_in(mentions(wish.raw, scene.world).masked) if "MASK" in wish.tags else None
    return compact(row=row, base_model=settings(wish.raw, scene.world).get("base_model"))


def row_in(masked: str) -> int | None:
    row = ROW.search(masked)
    return int(number(row["value"] or row["nth"] or row["before"])) if row else None


FILLER = re.compile(
    r"(?:(?:and|or|also|now|then|what|how|about|the|of|for|in|on|with|show|see|look|at|me|please|"
    r"same|again|instead|mask|tokens?|against)\b|[那再也看查的呢把给我用对上换成一下又吧来改]|\W)*"
)


def examined_again(spoken: str, world: World, before: Arguments) -> Arguments:
    """`And row 5?`, or `with tiny-chat?`, after conversations were examined: what changes."""
    named = mentions(spoken, world)
    if world.tasks.get(bare(str(before.get("dataset", "")))) == CLASSIFICATION or named.tags:
        return {}
    rest = ROW.sub(" ", named.masked).replace("xbasex", " ")
    if not FILLER.fullmatch(rest):
        return {}
    return compact(row=row_in(named.masked), base_model=next(iter(named.bases), None))


# Talking ---------------------------------------------------------------------------------------


def talk(wish: Wish, scene: Scene) -> Answer:
    """The card of the endpoint, which opens a conversation with its model."""
    name = talkable(wish, scene)
    if not name:
        return nobody_live(scene)
    found = scene.endpoint_named(name)
    if found and found.task == CLASSIFICATION:
        return Answer(
            reply=f"The endpoint {name} chooses among labels: it cannot talk. “Ask it: …” asks it "
            "for a label."
        )
    told = step("endpoint_status", endpoint=name)
    return Answer(told.steps, reply=PRESS_TALK)


def talkable(wish: Wish, scene: Scene) -> str:
    """The endpoint that is meant: as named or spoken of, else the newest that can talk."""
    if wish.named.tags or scene.made_endpoint or scene.spoken("endpoint") in scene.live():
        return scene.endpoint(wish.named, pointed=True)
    tasks = {one.name: one.task for one in scene.world.endpoints}
    live = [name for name in scene.live() if tasks[name] != CLASSIFICATION]
    return (live or scene.live() or [""])[-1]


def nobody_live(scene: Scene) -> Answer:
    models = [name for name in scene.models() if scene.world.tasks.get(name) != CLASSIFICATION]
    if not models:
        return Answer(ask=NOBODY_TO_TALK_TO)
    asked = "None is live yet. Say “deploy it”, then “talk to it”."
    return which("model", models, "") if len(models) > 1 else Answer(ask=asked)
