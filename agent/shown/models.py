"""Cards of models: versions with their scores, and one with its passport."""

from typing import Any

from agent.language import Words
from agent.shown.figures import excerpt, interval, listed, moment, percent
from agent.shown.plans import parameters_table
from agent.shown.runs import MOST_ROWS, deploy, left_out, score_of
from agent.shown.states import of_kind
from agent.views import Action, Table, View

Json = dict[str, Any]
HASH_CHARACTERS = 16


def models_view(result: Json, w: Words) -> View:
    """All versions, or the one that was asked for."""
    found = result["models"]
    if len(found) == 1 and found[0].get("passport"):
        return model_view(found[0], w)
    columns = [w("model"), w("made by"), w("test result"), w("95 % interval"), w("live as")]
    bases: list[list[Any]] = [[one["name"]] for one in result.get("bases") or []]
    return View(
        title=w("Models"),
        kind="list",
        summary="" if found else w("No model yet. Fine-tune on a dataset to make one."),
        tables=[
            Table("", columns, [model_row(one, w) for one in found[:MOST_ROWS]]),
            Table(w("Base models that can be fine-tuned"), [w("base model")], bases, folded=True),
        ],
        notes=left_out(len(found), w),
        actions=next_steps(found, w),
    )


def model_row(one: Json, w: Words) -> list[Any]:
    return [
        one["model"],
        of_kind(one["kind"], w),
        score_of(one, w),
        interval(one.get("interval"), w) if one.get("accuracy") is not None else "",
        listed(one.get("endpoints") or [], w),
    ]


def next_steps(found: list[Json], w: Words) -> list[Action]:
    """The newest tuned model, when it is not live."""
    tuned = next((one for one in found if one["kind"] == "lora"), None)
    return [deploy(tuned["model"], w)] if tuned and not tuned.get("endpoints") else []


def model_view(one: Json, w: Words) -> View:
    live = one.get("endpoints") or []
    return View(
        title=w("Model {name}", name=one["model"]),
        kind="model",
        key=f"model/{one['model']}",
        state_label=w("live") if live else w("not live"),
        tone="good" if live else "quiet",
        facts=model_facts(one, w),
        tables=passport(one["passport"], w),
        actions=[
            *([] if live else [deploy(one["model"], w)]),
            Action(w("Download it"), say=w("Export {model}", model=one["model"])),
        ],
    )


def test_score(one: Json, w: Words) -> tuple[str, str]:
    """The accuracy of a classifier; of a chat model how well it predicts unseen answers."""
    if one.get("accuracy") is None and one.get("perplexity") is not None:
        return w("Perplexity"), f"{one['perplexity']:.2f}"
    told = w(
        "{share} (95 % sure: {interval})",
        share=percent(one.get("accuracy"), w),
        interval=interval(one.get("interval"), w),
    )
    return w("Test accuracy"), told


def model_facts(one: Json, w: Words) -> list[tuple[str, str]]:
    shown = [
        test_score(one, w),
        (w("Made by"), of_kind(one["kind"], w)),
        (w("Run"), one.get("run")),
        (w("Dataset"), one.get("dataset")),
        (w("Base model"), one.get("base_model")),
        (w("Live as"), listed(one.get("endpoints") or [], w)),
        (w("Made"), moment(one.get("created_at"), w)),
    ]
    return [(label, str(value)) for label, value in shown if value]


def passport(told: Json, w: Words) -> list[Table]:
    """What decided this model: the recipe, and the hashes that tell whether it is this one."""
    hashes = {
        w("data"): told.get("dataset_fingerprint"),
        w("base model"): told.get("base_sha256"),
        **(told.get("files") or {}),
    }
    rows: list[list[Any]] = [
        [name, excerpt(str(value), HASH_CHARACTERS)] for name, value in hashes.items() if value
    ]
    versions: list[list[Any]] = [[*pair] for pair in (told.get("versions") or {}).items()]
    return [
        parameters_table(told.get("recipe") or {}, w),
        Table(w("Hashes (SHA-256)"), [w("of"), w("begins with")], rows, folded=True),
        Table(w("Made with"), [w("package"), w("version")], versions, folded=True),
    ]
