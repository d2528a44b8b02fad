"""Wishes about datasets, and about what is trained on them."""

import re

from agent.understanding import sampling
from agent.understanding.chats import (
    examined,
    fitting,
    holding,
    none_fits,
    other_base,
    other_task,
    settings,
    task_in,
    wanted,
)
from agent.understanding.names import bare
from agent.understanding.plan import Arguments, Step
from agent.understanding.scene import Scene
from agent.understanding.settings import hyperparameters, not_a_number
from agent.understanding.slots import (
    NOT_NAMES,
    collection,
    columns,
    compact,
    fitted,
    given_name,
)
from agent.understanding.text import normal, tidy
from agent.understanding.together import MOST, Together, names_of, together
from agent.understanding.wish import Answer, Builder, Wish, step, which

NO_FILE = (
    "Which file? Drop a CSV, TSV, JSON, JSONL or Parquet file into the chat: texts with labels for "
    "a classifier, or conversations for a chat model."
)
NO_DATASET = (
    "Which dataset? There is none yet: drop a CSV, TSV, JSON, JSONL or Parquet file with texts and "
    "labels, or with conversations, into the chat and say “make a dataset from this”."
)


def create_dataset(wish: Wish, scene: Scene) -> Answer:
    """A dataset for each table, with the files that are parts of it."""
    files = scene.tables() or [file for file in [scene.earlier_file(wish.whole)] if file]
    if not files:
        documents = scene.documents()
        return add_documents(wish, scene) if documents else Answer(ask=NO_FILE)
    sets = together(files, wish.whole)
    now, later = sets[:MOST], [one.main.filename for one in sets[MOST:]]
    scene.made = names_of(now, dataset_name(wish), scene.datasets())
    scene.made_dataset = scene.made[0] if len(scene.made) == 1 else ""
    steps = [created(wish, one, name, scene) for one, name in zip(now, scene.made, strict=True)]
    return Answer(steps, reply=" ".join(made_known(wish, later, scene.made)))


def created(wish: Wish, files: Together, name: str, scene: Scene) -> Step:
    arguments = compact(
        name=name,
        file_id=files.main.id,
        validation_file_id=files.validation.id if files.validation else None,
        test_file_id=files.test.id if files.test else None,
        columns=columns(wish.whole),
        task=task_in(wish.whole),
        seed=hyperparameters(wish.raw).get("seed"),
    )
    task = None if "task" in arguments else wanted(wish.whole, scene.world)
    return Step("create_dataset", arguments, compact(task=task))


CHOSEN_NAME = re.compile(r"table-\d+")
CHOSEN = (
    "A name is made of the letters a to z and digits, and the file's has too few, so I chose one. "
    "For another say “make a dataset from this and call it”, then the name."
)


def made_known(wish: Wish, later: list[str], names: list[str]) -> list[str]:
    """What to say beside the datasets: which files are left, and that a name was chosen."""
    chosen = not dataset_name(wish) and any(map(CHOSEN_NAME.fullmatch, names))
    return [*([too_many(later)] if later else []), *([CHOSEN] if chosen else [])]


def too_many(later: list[str]) -> str:
    return (
        f"I make at most {MOST} datasets at a time. Not done yet: {', '.join(later)}. Next: say "
        f"“make a dataset from {later[0]}”."
    )


ONE_OF = (
    "Each file becomes a dataset of its own. Say which to go on with: “fine-tune on” and its name."
)


DATASET_NAME = re.compile(
    r"\bdata ?-?set:? (?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|(?P<bare>[A-Za-z][\w.-]*\w))"
    r"(?= (?:from|out of|with|using|of)\b|$)",
    re.IGNORECASE,
)


def dataset_name(wish: Wish) -> str | None:
    first = wish.raw.split(",")[0]
    as_name = None if columns(first) else given_name(first, after_as=True)
    given = given_name(wish.raw) or given_name(wish.whole) or as_name
    match = DATASET_NAME.search(tidy(wish.raw))
    if given or not match or (match["bare"] or "").lower() in NOT_NAMES:
        return given
    return fitted(match["quoted"] or match["bare"])


def meant(wish: Wish, scene: Scene, among: list[str] | None = None) -> str:
    """The dataset that a wish is about, or an empty text.

    Args:
        among: The datasets that it can be where none is named; all without them.
    """
    return (
        scene.other_dataset(wish.raw)
        or scene.dataset(wish.named, pointed=wish.pointed, among=among)
        or scene.nth_dataset(wish.raw)
    )


def of_dataset(tool: str) -> Builder:
    """A tool about one dataset; one that is still a file becomes a dataset first."""

    def build(wish: Wish, scene: Scene) -> Answer:
        before = made_first(wish, scene)
        if several(wish, scene):
            return Answer(before)
        candidates = holding(wish, scene)
        name = meant(wish, scene, candidates)
        if not name:
            return which("dataset", candidates, NO_DATASET)
        if before and tool in ("describe_dataset", "sample_dataset"):
            return Answer(before)
        if len(wish.named.datasets) > 1:
            return Answer([Step(tool, {"dataset": each}) for each in wish.named.datasets])
        return Answer([*before, Step(tool, {"dataset": name})])

    return build


def check_dataset(wish: Wish, scene: Scene) -> Answer:
    """The doctor; of conversations also which tokens are learnt, of a row where one is given."""
    found = of_dataset("check_dataset")(wish, scene)
    more = examined(wish, scene)
    steps = [
        Step(each.tool, each.arguments | more) if each.tool == "check_dataset" else each
        for each in found.steps
    ]
    return Answer(steps, found.ask, found.reply)


def sample_dataset(wish: Wish, scene: Scene) -> Answer:
    """Some rows; of a file that is no dataset yet its description has them."""
    shown = of_dataset("sample_dataset")(wish, scene)
    if len(shown.steps) != 1 or shown.steps[0].tool != "sample_dataset":
        return Answer(shown.steps[:1], shown.ask)
    rows = sampling.slots(wish.raw, scene.world)
    return step("sample_dataset", **shown.steps[0].arguments, **rows)


def made_first(wish: Wish, scene: Scene) -> list[Step]:
    """The steps that make datasets of the attached files, unless another dataset is named."""
    if scene.made or wish.named.datasets or not scene.tables():
        return []
    return create_dataset(wish, scene).steps


def several(wish: Wish, scene: Scene) -> bool:
    """Whether the attached files make more than one dataset, and none is named."""
    return len(scene.made) > 1 and not wish.named.datasets


def finetune(tool: str) -> Builder:
    def build(wish: Wish, scene: Scene) -> Answer:
        before = made_first(wish, scene)
        if several(wish, scene):
            return Answer(before, reply=ONE_OF)
        if "FAMILY" in wish.tags and (unknown := other_base(wish, scene)):
            return unknown
        task = wanted(wish.raw, scene.world)
        candidates = fitting(task, scene)
        name = meant(wish, scene, candidates)
        if not name and task and not candidates:
            return none_fits(task, scene)
        if not name:
            return which("dataset", candidates, NO_DATASET)
        called = list(dict.fromkeys(wish.named.datasets))
        if len(called) > 1 and not re.search(r"\bnot\b|\binstead\b|\brather\b|不", wish.raw):
            return which("dataset", called, NO_DATASET)
        if question := not_a_number(wish.raw):
            return Answer(ask=question)
        scene.made_model = bare(name)
        arguments: Arguments = {"dataset": name, **settings(wish.raw, scene.world)}
        note = "" if before else other_task(name, task, scene.world)
        return Answer([*before, Step(tool, arguments)], reply=note)

    return build


def delete_dataset(wish: Wish, scene: Scene) -> Answer:
    name = scene.dataset(wish.named, pointed="PRONOUN" in wish.tags)
    if not name:
        return which("dataset", scene.datasets(), "Which dataset? There is none.")
    model = [Step("delete_model", {"model": bare(name)})] if with_model(wish, name, scene) else []
    return Answer([*model, Step("delete_dataset", {"dataset": name})])


WITH_MODEL = re.compile(
    r"(?:和|及|与|跟|连同?|以及)(?:它|其|他|这个)?的?模型|\band (?:its|the) model\b"
)


def with_model(wish: Wish, name: str, scene: Scene) -> bool:
    return bare(name) in scene.models() and bool(WITH_MODEL.search(normal(wish.raw)))


def add_documents(wish: Wish, scene: Scene) -> Answer:
    files = scene.documents() or list(scene.files)
    if not files:
        return Answer(
            ask="Which documents? Drop Markdown, text or HTML files, or a zip, into the chat."
        )
    into = compact(collection=collection(wish.whole))
    return Answer([Step("add_documents", {"file_id": file.id, **into}) for file in files])
