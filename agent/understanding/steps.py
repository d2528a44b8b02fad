"""An intent and its slots become tool calls, or a question for what is missing."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.understanding import smalltalk
from agent.understanding.names import Mentions, bare, root
from agent.understanding.plan import Arguments, Step
from agent.understanding.scene import Scene
from agent.understanding.slots import (
    NOT_NAMES,
    columns,
    compact,
    fitted,
    given_name,
    hyperparameters,
    passages_wanted,
)
from agent.understanding.text import QUOTED, normal, tidy
from agent.world import FileName
from core.names import name_from_file


@dataclass(frozen=True)
class Wish:
    """One understood part of a request."""

    intent: str
    raw: str
    """The words it came from, as typed, with what qualifies them."""
    named: Mentions
    tags: frozenset[str]
    whole: str = ""
    """The whole request, for what may stand anywhere in it."""

    @property
    def pointed(self) -> bool:
        return "PRONOUN" in self.tags or bool(re.search(r"\b(?:last|latest|newest)\b", self.raw))


@dataclass(frozen=True)
class Answer:
    """What a wish amounts to: steps, or a question, or words."""

    steps: list[Step] = field(default_factory=list)
    ask: str | None = None
    reply: str = ""


Builder = Callable[[Wish, Scene], Answer]


def step(tool: str, /, **arguments: object) -> Answer:
    return Answer([Step(tool, compact(**arguments))])


def which(kind: str, candidates: list[str], otherwise: str) -> Answer:
    """A question that names the candidates."""
    if candidates:
        return Answer(ask=f"Which {kind}: {listed(candidates)}?")
    return Answer(ask=otherwise)


def listed(names: list[str]) -> str:
    shown = names[-8:]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


# Data ------------------------------------------------------------------------------------------

NO_FILE = "Which file? Drop a CSV, TSV, JSONL or Parquet file with a text and a label column into the chat."
NO_DATASET = (
    "Which dataset? There is none yet: drop a CSV, TSV, JSONL or Parquet file with a text and a "
    "label column into the chat and say “make a dataset from this”."
)


def create_dataset(wish: Wish, scene: Scene) -> Answer:
    files = scene.tables() or [file for file in [scene.earlier_file(wish.whole)] if file]
    if not files:
        documents = scene.documents()
        return add_documents(wish, scene) if documents else Answer(ask=NO_FILE)
    main, validation, test = roles(files)
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
    r"\bdata ?-?set (?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|(?P<bare>[A-Za-z][\w.-]*\w))"
    r"(?= (?:from|out of|with|using|of)\b|$)",
    re.IGNORECASE,
)


def dataset_name(wish: Wish) -> str | None:
    given = given_name(wish.raw) or given_name(wish.whole)
    match = DATASET_NAME.search(tidy(wish.raw))
    if given or not match or (match["bare"] or "").lower() in NOT_NAMES:
        return given
    return fitted(match["quoted"] or match["bare"])


def roles(files: list[FileName]) -> tuple[FileName, FileName | None, FileName | None]:
    """Main, validation and test file, told by their names."""
    rest = list(files)
    found: dict[str, FileName | None] = {"test": None, "validation": None}
    patterns = {
        "test": r"(?<![a-z])(?:test|eval|holdout|held)",
        "validation": r"(?<![a-z])(?:val|dev)",
    }
    for role, pattern in patterns.items():
        fitting = [file for file in rest if re.search(pattern, file.filename.lower())]
        if fitting and len(rest) > 1:
            found[role] = fitting[0]
            rest.remove(fitting[0])
    return rest[0], found["validation"], found["test"]


def of_dataset(tool: str) -> Builder:
    """A tool about one dataset; one that is still a file becomes a dataset first."""

    def build(wish: Wish, scene: Scene) -> Answer:
        before = made_first(wish, scene)
        name = scene.dataset(wish.named, pointed=wish.pointed)
        if not name:
            return which("dataset", scene.datasets(), NO_DATASET)
        if before and tool == "describe_dataset":
            return Answer(before)
        return Answer([*before, Step(tool, {"dataset": name})])

    return build


def made_first(wish: Wish, scene: Scene) -> list[Step]:
    """The step that makes a dataset of the attached file, unless another dataset is named."""
    if scene.made_dataset or wish.named.datasets or not scene.tables():
        return []
    return create_dataset(wish, scene).steps


# Fine-tuning -----------------------------------------------------------------------------------


def finetune(tool: str) -> Builder:
    def build(wish: Wish, scene: Scene) -> Answer:
        before = made_first(wish, scene)
        name = scene.dataset(wish.named, pointed=wish.pointed)
        if not name:
            return which("dataset", scene.datasets(), NO_DATASET)
        scene.made_model = bare(name)
        arguments: Arguments = {"dataset": name, **hyperparameters(wish.raw)}
        return Answer([*before, Step(tool, arguments)])

    return build


def of_run(tool: str, *, active: bool = False) -> Builder:
    def build(wish: Wish, scene: Scene) -> Answer:
        return Answer(
            [Step(tool, {"run": ordinal(wish, scene) or scene.run(wish.named, active=active)})]
        )

    return build


def ordinal(wish: Wish, scene: Scene) -> str:
    """The run meant by `the first run` or `the previous run`."""
    runs = [run.id for run in scene.world.runs]
    text = normal(wish.raw)
    if re.search(
        r"\b(?:previous|second last|before last|one before|earlier) (?:run|one|job)", text
    ):
        return runs[-2] if len(runs) > 1 else ""
    if re.search(r"\b(?:first|oldest) (?:run|one|job)", text):
        return runs[0] if runs else ""
    return ""


def cancel_run(wish: Wish, scene: Scene) -> Answer:
    if not scene.world.runs and not wish.named.runs:
        return Answer(ask="Which run? There is none in the records.")
    return of_run("cancel_run", active=True)(wish, scene)


def retry_run(wish: Wish, scene: Scene) -> Answer:
    changes = hyperparameters(wish.raw)
    if changes and "run" not in changes:
        return finetune("start_finetune")(wish, scene)
    if not scene.world.runs and not wish.named.runs:
        return Answer(ask="Which run? There is none in the records.")
    return of_run("retry_run")(wish, scene)


def stop(wish: Wish, scene: Scene) -> Answer:
    """`Stop it`: a run when one is active, else the endpoint."""
    if wish.named.runs:
        return cancel_run(wish, scene)
    if wish.named.endpoints and not active_run(wish, scene):
        return stop_endpoint(wish, scene)
    if active_run(wish, scene):
        return cancel_run(wish, scene)
    if scene.live():
        return stop_endpoint(wish, scene)
    if scene.world.runs:
        return cancel_run(wish, scene)
    return Answer(reply="Nothing is running and no endpoint is live, so there is nothing to stop.")


def active_run(wish: Wish, scene: Scene) -> bool:
    """Whether the wish can mean a run: one is active, or its state is unknown and nothing is live."""
    name = (wish.named.datasets + wish.named.models + [""])[0]
    run = scene.newest_run(name, active=True)
    return bool(run and (run.active or not scene.live()))


def compare_runs(wish: Wish, scene: Scene) -> Answer:
    named = list(dict.fromkeys(wish.named.runs))
    dataset = root((wish.named.datasets or [""])[0])
    known = [run.id for run in scene.world.runs if not dataset or run.dataset in ("", dataset)]
    runs = named if len(named) > 1 else last_runs(known, named, wish.raw)
    return step("compare_runs", runs=runs)


def last_runs(known: list[str], named: list[str], text: str) -> list[str]:
    """The last two, or three, or all; one that is named goes with the newest other."""
    others = [run for run in known if run not in named]
    if named:
        return [*others[-1:], *named]
    count = re.search(r"\blast (two|three|four|five|\d+)\b", normal(text))
    numbers = {"two": 2, "three": 3, "four": 4, "five": 5}
    if re.search(r"\ball\b|\bmy runs\b", normal(text)):
        return others
    return others[-(numbers.get(count[1]) or int(count[1])) :] if count else others[-2:]


# Endpoints -------------------------------------------------------------------------------------

NO_MODEL = "Which model? There is none yet: fine-tune a classifier first."
NO_ENDPOINT = "Which endpoint? None is live: say “deploy it” once there is a model."


def deploy_endpoint(wish: Wish, scene: Scene) -> Answer:
    model = chosen_model(wish, scene)
    if not model:
        return which("model", scene.models(), NO_MODEL)
    name = given_name(wish.raw, after_as=True)
    if name == bare(model):
        name = None
    scene.made_endpoint = name or bare(model)
    return step("deploy_endpoint", model=model, name=name)


def chosen_model(wish: Wish, scene: Scene) -> str:
    text = normal(wish.raw)
    named = [model for model in wish.named.models if bare(model) != root(model)]
    if named:
        return named[0]
    if "BASELINE" in wish.tags and not re.search(r"\bfinetuned\b|\btuned\b", text):
        kind = "tfidf" if "tfidf" in text else "frozen" if re.search(r"frozen|embedd", text) else ""
        return scene.baseline(kind, wish.named)
    if re.search(r"\b(?:recommended|suggested|better|best|winner|winning)\b", text):
        return recommended_model(wish, scene)
    return scene.model(wish.named, pointed=wish.pointed)


def recommended_model(wish: Wish, scene: Scene) -> str:
    model = scene.model(wish.named, pointed=True)
    newest = scene.newest_run(root(model))
    if newest and newest.recommended in ("frozen", "tfidf"):
        return f"{root(model)}-{newest.recommended}"
    return model


def stop_endpoint(wish: Wish, scene: Scene) -> Answer:
    name = scene.endpoint(wish.named, pointed="PRONOUN" in wish.tags)
    if not name:
        return which("endpoint", scene.live(), "Which endpoint? None is live.")
    return step("stop_endpoint", endpoint=name)


def endpoint_status(wish: Wish, scene: Scene) -> Answer:
    name = scene.endpoint(wish.named, pointed=True)
    return step("endpoint_status", endpoint=name) if name else Answer([Step("list_endpoints")])


def how_is(wish: Wish, scene: Scene) -> Answer:
    """`How is banking77 doing?`: an active run first, then an endpoint, then the last run."""
    name = (wish.named.datasets + wish.named.models + wish.named.endpoints + [""])[0]
    newest = scene.newest_run(name)
    endpoint = scene.endpoint_named(name) if name else None
    about_quality = re.search(
        r"accura|result|report|score|metric|loss|curve|worst|confus|f1|baseline|better|beat|verdict",
        normal(wish.raw),
    )
    if newest and newest.active:
        return step("run_status", run=newest.id)
    if endpoint and endpoint.state != "stopped" and not (about_quality and newest):
        return step("endpoint_status", endpoint=endpoint.name)
    if name and newest is None and scene.world.runs == [] and wish.named.datasets:
        return step("describe_dataset", dataset=name)
    return of_run("run_status")(wish, scene)


def predict_file(wish: Wish, scene: Scene) -> Answer:
    attached = scene.tables()
    file = attached[0] if attached else scene.earlier_file(wish.whole)
    endpoint = scene.endpoint(wish.named)
    if not file:
        return Answer(ask="Which file? Drop one with a text column into the chat.")
    if endpoint:
        return step("predict_file", endpoint=endpoint, file_id=file.id)
    model = scene.model(wish.named, pointed=True)
    if model:
        return step("predict_file", model=model, file_id=file.id)
    return Answer(ask=NO_ENDPOINT)


# Models, documents, the rest -------------------------------------------------------------------


def of_model(tool: str) -> Builder:
    def build(wish: Wish, scene: Scene) -> Answer:
        model = chosen_model(wish, scene)
        return step(tool, model=model) if model else which("model", scene.models(), NO_MODEL)

    return build


def delete_dataset(wish: Wish, scene: Scene) -> Answer:
    name = scene.dataset(wish.named, pointed="PRONOUN" in wish.tags)
    if not name:
        return which("dataset", scene.datasets(), "Which dataset? There is none.")
    return step("delete_dataset", dataset=name)


def delete(wish: Wish, scene: Scene) -> Answer:
    """`Delete banking77`, without saying what of that name."""
    named = wish.named
    kinds = {"dataset": named.datasets, "model": named.models, "endpoint": named.endpoints}
    there = [kind for kind, names in kinds.items() if names]
    if not there:
        spoken = [kind for kind in kinds if scene.spoken(kind)]
        there = spoken if len(spoken) == 1 else []
    if len(there) != 1:
        return Answer(
            ask="What shall I delete: a dataset, a model, or documents? Say its name too."
        )
    builders: dict[str, Builder] = {
        "dataset": delete_dataset,
        "model": of_model("delete_model"),
        "endpoint": stop_endpoint,
    }
    return builders[there[0]](wish, scene)


def add_documents(wish: Wish, scene: Scene) -> Answer:
    files = scene.documents() or list(scene.files)
    if not files:
        return Answer(
            ask="Which documents? Drop Markdown, text or HTML files, or a zip, into the chat."
        )
    return Answer([Step("add_documents", {"file_id": file.id}) for file in files])


def delete_documents(wish: Wish, _: Scene) -> Answer:
    quoted = [next(part for part in found if part) for found in QUOTED.findall(tidy(wish.raw))]
    source = re.search(r"[\w./-]+\.(?:md|txt|html?|zip|pdf)\b", tidy(wish.raw))
    name = source[0] if source else quoted[0] if quoted else None
    return step("delete_documents", collection="docs", source=name)


def search_docs(wish: Wish, scene: Scene) -> Answer:
    return step("search_docs", query=scene.request, k=passages_wanted(wish.whole))


def quote_or_status(wish: Wish, scene: Scene) -> Answer:
    """`How long will it take?` is about the run while one is active."""
    text = normal(wish.raw)
    later = re.search(r"\bwould\b|\bplan\b|\bquote\b|\bestimate\b|\bcost|\bprice|\bmemory\b", text)
    newest = scene.newest_run(active=True)
    if (
        newest
        and newest.active
        and not later
        and not wish.named.datasets
        and not scene.made_dataset
    ):
        return step("run_status", run=newest.id)
    return finetune("quote_finetune")(wish, scene)


def deciding(wish: Wish, _: Scene) -> Answer:
    return Answer([Step("list_approvals")], reply=smalltalk.APPROVE)


def bare_tool(tool: str) -> Builder:
    return lambda wish, scene: Answer([Step(tool)])


def words(reply: str) -> Builder:
    return lambda wish, scene: Answer(reply=reply)


BUILDERS: dict[str, Builder] = {
    "create_dataset": create_dataset,
    "describe_dataset": of_dataset("describe_dataset"),
    "check_dataset": of_dataset("check_dataset"),
    "list_datasets": bare_tool("list_datasets"),
    "delete_dataset": delete_dataset,
    "delete_model": of_model("delete_model"),
    "delete_documents": delete_documents,
    "delete_run": words(smalltalk.NO_DELETE_RUN),
    "delete": delete,
    "quote_finetune": quote_or_status,
    "start_finetune": finetune("start_finetune"),
    "list_runs": bare_tool("list_runs"),
    "run_status": of_run("run_status"),
    "how_is": how_is,
    "compare_runs": compare_runs,
    "cancel_run": cancel_run,
    "retry_run": retry_run,
    "stop": stop,
    "list_models": bare_tool("list_models"),
    "export_model": of_model("export_model"),
    "deploy_endpoint": deploy_endpoint,
    "stop_endpoint": stop_endpoint,
    "list_endpoints": bare_tool("list_endpoints"),
    "endpoint_status": endpoint_status,
    "predict_file": predict_file,
    "add_documents": add_documents,
    "search_docs": search_docs,
    "list_approvals": bare_tool("list_approvals"),
    "disk_usage": bare_tool("disk_usage"),
    "approve": deciding,
    "reject": deciding,
    "pause": words(smalltalk.PAUSE),
    "outside": words(smalltalk.LIMITS),
    "unsupported": words(smalltalk.UNSUPPORTED),
}
