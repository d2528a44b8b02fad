"""An intent and its slots become tool calls: runs, documents, and the table of all intents."""

import re
from dataclasses import replace

from agent.understanding import chats, smalltalk
from agent.understanding.names import mentions, root
from agent.understanding.on_data import (
    add_documents,
    check_dataset,
    create_dataset,
    delete_dataset,
    finetune,
    of_dataset,
    sample_dataset,
)
from agent.understanding.on_models import (
    deploy_endpoint,
    endpoint_status,
    of_model,
    predict_file,
    stop_endpoint,
)
from agent.understanding.plan import Step
from agent.understanding.scene import Scene
from agent.understanding.slots import collection, passages_wanted
from agent.understanding.text import QUOTED, normal, tidy
from agent.understanding.wish import Answer, Builder, Wish, step


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
        r"\b(?:previous|second last|before last|one before|earlier) (?:run|one|job)"
        r"|(?:上上|倒数第二|再上一|前一)次",
        text,
    ):
        return runs[-2] if len(runs) > 1 else ""
    if re.search(r"\b(?:first|oldest) (?:run|one|job)|第一次|首次|最早", text):
        return runs[0] if runs else ""
    return ""


ABOUT_TRAINING = re.compile(r"训|练|\b(?:train|finetun)")


def cancel_run(wish: Wish, scene: Scene) -> Answer:
    ended = all(scene.ended(run.id) for run in scene.world.runs)
    if not wish.named.runs and ended and ABOUT_TRAINING.search(normal(wish.whole)):
        return Answer(reply="Nothing is training, so there is nothing to stop.")
    if not scene.world.runs and not wish.named.runs:
        return Answer(ask="Which run? There is none in the records.")
    return of_run("cancel_run", active=True)(wish, scene)


def retry_run(wish: Wish, scene: Scene) -> Answer:
    changes = chats.settings(wish.raw, scene.world)
    if not changes and mentions(wish.whole, scene.world).datasets == wish.named.datasets:
        changes = chats.settings(wish.whole, scene.world)
        wish = replace(wish, raw=wish.whole) if changes else wish
    if changes and "run" not in changes:
        return finetune("start_finetune")(wish, scene)
    if not scene.world.runs and not wish.named.runs:
        return Answer(ask="Which run? There is none in the records.")
    return of_run("retry_run")(wish, scene)


def stop(wish: Wish, scene: Scene) -> Answer:
    """`Stop it`: a run when one is active, else the endpoint."""
    if wish.named.runs:
        return cancel_run(wish, scene)
    if ABOUT_TRAINING.search(normal(wish.whole)) and not wish.named.tags:
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
    """Whether it can mean a run: one is active, or may be and nothing is live."""
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


def delete(wish: Wish, scene: Scene) -> Answer:
    """`Delete banking77`, without saying what of that name."""
    named = wish.named
    kinds = {"dataset": named.datasets, "model": named.models, "endpoint": named.endpoints}
    there = [kind for kind, names in kinds.items() if names]
    if not there:
        spoken = [kind for kind in kinds if scene.spoken(kind)]
        there = spoken if len(spoken) == 1 else []
    said = [kind for kind in kinds if re.search(rf"\b{kind}\b", normal(wish.whole))]
    if len(there) > 1 and len(said) == 1:
        there = said
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


def delete_documents(wish: Wish, _: Scene) -> Answer:
    quoted = [next(part for part in found if part) for found in QUOTED.findall(tidy(wish.raw))]
    source = re.search(r"[\w./-]+\.(?:md|txt|html?|zip|pdf)\b", tidy(wish.raw))
    name = source[0] if source else quoted[0] if quoted else None
    into = collection(wish.whole) or "docs"
    return step("delete_documents", collection=into, source=name)


def search_docs(wish: Wish, scene: Scene) -> Answer:
    within = collection(wish.whole)
    return step(
        "search_docs", query=scene.request, collection=within, k=passages_wanted(wish.whole)
    )


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


def how_is(wish: Wish, scene: Scene) -> Answer:
    """`How is banking77 doing?`: an active run first, then an endpoint, then the last run."""
    name = (wish.named.datasets + wish.named.models + wish.named.endpoints + [""])[0]
    newest = scene.newest_run(name)
    endpoint = scene.endpoint_named(name or scene.just_deployed())
    about_quality = re.search(
        r"accura|result|report|score|metric|loss|curve|worst|confus|f1|baseline|better|beat|"
        r"verdict|准|错|报告|效果|基线|损失|最差|混淆|变好|提升",
        normal(wish.raw),
    )
    if newest and newest.active:
        return step("run_status", run=newest.id)
    if endpoint and endpoint.state != "stopped" and not (about_quality and newest):
        return step("endpoint_status", endpoint=endpoint.name)
    if name and newest is None and scene.world.runs == [] and wish.named.datasets:
        return step("describe_dataset", dataset=name)
    return of_run("run_status")(wish, scene)


def bare_tool(tool: str) -> Builder:
    return lambda wish, scene: Answer([Step(tool)])


def words(reply: str) -> Builder:
    return lambda wish, scene: Answer(reply=reply)


BUILDERS: dict[str, Builder] = {
    "create_dataset": create_dataset,
    "describe_dataset": of_dataset("describe_dataset"),
    "sample_dataset": sample_dataset,
    "check_dataset": check_dataset,
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
    "chats_possible": words(chats.CHATS_POSSIBLE),
    "talk": chats.talk,
}
