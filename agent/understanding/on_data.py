"""Wishes about datasets, and about what is trained on them."""

import re

from agent.understanding import sampling
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
    role_of_file,
)
from agent.understanding.text import tidy
from agent.understanding.wish import Answer, Builder, Wish, step, which
from agent.world import FileName
from core.names import name_from_file

NO_FILE = (
    "Which file? Drop a CSV, TSV, JSONL or Parquet file with a text and a label column "
    "into the chat."
)
NO_DATASET = (
    "Which dataset? There is none yet: drop a CSV, TSV, JSONL or Parquet file with a text and a "
    "label column into the chat and say “make a dataset from this”."
)


def create_dataset(wish: Wish, scene: Scene) -> Answer:
    files = scene.tables() or [file for file in [scene.earlier_file(wish.whole)] if file]
    if not files:
        documents = scene.documents()
        return add_documents(wish, scene) if documents else Answer(ask=NO_FILE)
    main, validation, test = roles(files, wish.whole)
    name = dataset_name(wish) or name_from_file(main.filename)
    scene.made_dataset = name
    return step(
        "create_dataset",
        name=name,
        file_id=main.id,
        validation_file_id=validation.id if validation else None,
        test_file_id=test.id if test else None,
        columns=columns(wish.whole),
        seed=hyperparameters(wish.raw).get("seed"),
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


def roles(files: list[FileName], text: str) -> tuple[FileName, FileName | None, FileName | None]:
    """Main, validation and test file, told by the words about them, else by their names."""
    told = {role_of_file(text, file.filename): file for file in reversed(files)}
    found = {role: told.get(role) if len(files) > 1 else None for role in ("test", "validation")}
    rest = [file for file in files if file not in found.values()] or list(files)
    patterns = {
        "test": r"(?<![a-z])(?:test|eval|holdout|held)",
        "validation": r"(?<![a-z])(?:val|dev)",
    }
    for role, pattern in patterns.items():
        fitting = [file for file in rest if re.search(pattern, file.filename.lower())]
        if fitting and len(rest) > 1 and not found[role]:
            found[role] = fitting[0]
            rest.remove(fitting[0])
    return told.get("main", rest[0]), found["validation"], found["test"]


def meant(wish: Wish, scene: Scene) -> str:
    """The dataset that a wish is about, or an empty text."""
    return (
        scene.other_dataset(wish.raw)
        or scene.dataset(wish.named, pointed=wish.pointed)
        or scene.nth_dataset(wish.raw)
    )


def of_dataset(tool: str) -> Builder:
    """A tool about one dataset; one that is still a file becomes a dataset first."""

    def build(wish: Wish, scene: Scene) -> Answer:
        before = made_first(wish, scene)
        name = meant(wish, scene)
        if not name:
            return which("dataset", scene.datasets(), NO_DATASET)
        if before and tool in ("describe_dataset", "sample_dataset"):
            return Answer(before)
        if len(wish.named.datasets) > 1:
            return Answer([Step(tool, {"dataset": each}) for each in wish.named.datasets])
        return Answer([*before, Step(tool, {"dataset": name})])

    return build


def sample_dataset(wish: Wish, scene: Scene) -> Answer:
    """Some rows; of a file that is no dataset yet its description has them."""
    shown = of_dataset("sample_dataset")(wish, scene)
    if len(shown.steps) != 1 or shown.steps[0].tool != "sample_dataset":
        return Answer(shown.steps[:1], shown.ask)
    rows = sampling.slots(wish.raw, scene.world)
    return step("sample_dataset", **shown.steps[0].arguments, **rows)


def made_first(wish: Wish, scene: Scene) -> list[Step]:
    """The step that makes a dataset of the attached file, unless another dataset is named."""
    if scene.made_dataset or wish.named.datasets or not scene.tables():
        return []
    return create_dataset(wish, scene).steps


def finetune(tool: str) -> Builder:
    def build(wish: Wish, scene: Scene) -> Answer:
        before = made_first(wish, scene)
        name = meant(wish, scene)
        if not name:
            return which("dataset", scene.datasets(), NO_DATASET)
        several = list(dict.fromkeys(wish.named.datasets))
        if len(several) > 1 and not re.search(r"\bnot\b|\binstead\b|\brather\b|不", wish.raw):
            return which("dataset", several, NO_DATASET)
        if question := not_a_number(wish.raw):
            return Answer(ask=question)
        scene.made_model = bare(name)
        arguments: Arguments = {"dataset": name, **hyperparameters(wish.raw)}
        return Answer([*before, Step(tool, arguments)])

    return build


def delete_dataset(wish: Wish, scene: Scene) -> Answer:
    name = scene.dataset(wish.named, pointed="PRONOUN" in wish.tags)
    if not name:
        return which("dataset", scene.datasets(), "Which dataset? There is none.")
    return step("delete_dataset", dataset=name)


def add_documents(wish: Wish, scene: Scene) -> Answer:
    files = scene.documents() or list(scene.files)
    if not files:
        return Answer(
            ask="Which documents? Drop Markdown, text or HTML files, or a zip, into the chat."
        )
    into = compact(collection=collection(wish.whole))
    return Answer([Step("add_documents", {"file_id": file.id, **into}) for file in files])
