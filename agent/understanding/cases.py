"""Understanding from JSON to JSON: for `thimble understand` and for lists of cases."""

from typing import Any

from agent.understanding.names import bare
from agent.understanding.plan import Plan, Turn
from agent.understanding.understand import understand
from agent.world import EndpointName, FileName, RunName, World
from core.errors import RequestRefused

Json = dict[str, Any]


def run_case(case: Json) -> Json:
    """{"steps": [{"tool", "arguments"}], "ask": null or the question, "reply"}; nothing runs.

    Args:
        case: {"text", "file"?, "datasets"?, "runs"?, "models"?, "endpoints"?, "bases"?,
            "history"?: [[role, text]]}. Names stand in for the records; the last run is the newest.
            A dataset, model or endpoint may say what it is for: {"ref": "chats@1", "task": "chat"}.
            Other keys, such as an expected answer, are left alone.

    Raises:
        RequestRefused: The case has no text, or a value of an unknown form.
    """
    if not isinstance(case.get("text"), str):
        raise RequestRefused(
            "A case has no text.",
            param="text",
            fix='Write {"text": "…", "file"?, "datasets"?, "runs"?, "models"?, "endpoints"?}.',
        )
    plan = understand(case["text"], world_of(case), history_of(case), files_of(case))
    return as_json(plan)


def as_json(plan: Plan) -> Json:
    steps = [{"tool": step.tool, "arguments": step.arguments} for step in plan.steps]
    return {"steps": steps, "ask": plan.ask, "reply": plan.reply}


def world_of(case: Json) -> World:
    return World(
        datasets=[name_in(item, "ref", "name", "id") for item in case.get("datasets") or []],
        runs=[run_of(item) for item in case.get("runs") or []],
        models=[name_in(item, "ref", "name", "id") for item in case.get("models") or []],
        endpoints=[endpoint_of(item) for item in case.get("endpoints") or []],
        approvals=[name_in(item, "id") for item in case.get("approvals") or []],
        documents=bool(case.get("documents")),
        tasks=tasks_of([*(case.get("models") or []), *(case.get("datasets") or [])]),
        bases=bases_of(case.get("bases") or []),
    )


def tasks_of(items: list[Any]) -> dict[str, str]:
    """The tasks of those that say theirs."""
    told = [item for item in items if isinstance(item, dict) and item.get("task")]
    return {bare(name_in(item, "ref", "name", "id")): str(item["task"]) for item in told}


def bases_of(items: list[Any]) -> dict[str, str]:
    """The bases that are always there, and those of the case."""
    told = {name_in(item, "name"): str(item.get("kind", "")) for item in map(as_record, items)}
    return {"minilm": "encoder", "tiny-chat": "causal"} | told


def as_record(item: Any) -> Json:
    return item if isinstance(item, dict) else {"name": name_in(item)}


def name_in(item: Any, *keys: str) -> str:
    """A name given as text, or as an object under one of the keys."""
    if isinstance(item, dict):
        item = next((item[key] for key in keys if key in item), None)
    if not isinstance(item, str):
        raise RequestRefused("A name in a case is not a text.", fix='Write "banking77" or "run_1".')
    return item


def run_of(item: Any) -> RunName:
    if not isinstance(item, dict):
        return RunName(name_in(item))
    dataset = str(item.get("dataset", "")).partition("@")[0]
    state, recommended = str(item.get("state", "")), str(item.get("recommended", ""))
    return RunName(name_in(item, "id", "run", "name"), dataset, state, recommended)


def endpoint_of(item: Any) -> EndpointName:
    state = str(item.get("state", "live")) if isinstance(item, dict) else "live"
    task = str(item.get("task", "")) if isinstance(item, dict) else ""
    return EndpointName(name_in(item, "name", "endpoint", "id"), state, task)


def files_of(case: Json) -> list[FileName]:
    given = [case.get("file"), *(case.get("files") or [])]
    flat = [item for part in given for item in (part if isinstance(part, list) else [part])]
    return [file_of(item) for item in flat if item]


def file_of(item: Any) -> FileName:
    if isinstance(item, dict):
        name = name_in(item, "filename", "name", "id")
        return FileName(str(item.get("id", name)), name)
    return FileName(name_in(item), name_in(item))


def history_of(case: Json) -> list[Turn]:
    try:
        return [Turn(str(role), str(text)) for role, text in case.get("history") or []]
    except (TypeError, ValueError):
        raise RequestRefused("history is not a list of [role, text].", param="history") from None
