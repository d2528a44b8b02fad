"""Wishes about models and endpoints."""

import re

from agent.understanding.chats import CHAT
from agent.understanding.names import bare, root
from agent.understanding.plan import Step
from agent.understanding.scene import Scene
from agent.understanding.slots import columns, given_name
from agent.understanding.text import normal
from agent.understanding.wish import Answer, Builder, Wish, step, which

NO_MODEL = "Which model? There is none yet: fine-tune one first."
NO_CHAT_BASELINE = (
    "What a chat model is compared with is no model of its own and is not deployed. Programs can "
    "ask the untuned base by its own name, and “deploy it” serves the tuned model."
)
NO_ENDPOINT = "Which endpoint? None is live: say “deploy it” once there is a model."


def deploy_endpoint(wish: Wish, scene: Scene) -> Answer:
    model = chosen_model(wish, scene)
    if not model:
        return which("model", scene.models(), NO_MODEL)
    if bare(model) != root(model) and scene.world.tasks.get(root(model)) == CHAT:
        return Answer(reply=NO_CHAT_BASELINE)
    name = given_name(wish.raw, after_as=True)
    others = [found for found in map(bare, wish.named.endpoints) if found not in scene.stems()]
    name = name or (others[0] if others else None)
    if name == bare(model):
        name = None
    scene.made_endpoint = name or bare(model)
    return step("deploy_endpoint", model=model, name=name)


def chosen_model(wish: Wish, scene: Scene) -> str:
    text = normal(wish.raw)
    named = [model for model in wish.named.models if bare(model) != root(model)]
    if named:
        return named[0]
    baseline = re.search(r"([\w.-]+)-(?:tfidf|frozen)\b", text)
    if baseline and baseline[1] in scene.stems():
        return baseline[0]
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
    if "ALL" in wish.tags and not wish.named.endpoints and scene.live():
        return Answer([Step("stop_endpoint", {"endpoint": name}) for name in scene.live()])
    if len(wish.named.endpoints) > 1:
        return Answer([Step("stop_endpoint", {"endpoint": name}) for name in wish.named.endpoints])
    name = scene.endpoint(wish.named, pointed="PRONOUN" in wish.tags)
    if not name:
        return which("endpoint", scene.live(), "Which endpoint? None is live.")
    return step("stop_endpoint", endpoint=name)


def endpoint_status(wish: Wish, scene: Scene) -> Answer:
    name = scene.endpoint(wish.named, pointed=True)
    return step("endpoint_status", endpoint=name) if name else Answer([Step("list_endpoints")])


def predict_file(wish: Wish, scene: Scene) -> Answer:
    attached = scene.tables()
    file = attached[0] if attached else scene.earlier_file(wish.whole)
    endpoint = scene.endpoint(wish.named)
    column = columns(wish.whole).get("text")
    if not file:
        return Answer(ask="Which file? Drop one with a text column into the chat.")
    if endpoint:
        return step("predict_file", endpoint=endpoint, file_id=file.id, column=column)
    model = scene.model(wish.named, pointed=True)
    if model:
        return step("predict_file", model=model, file_id=file.id, column=column)
    return Answer(ask=NO_ENDPOINT)


def of_model(tool: str) -> Builder:
    def build(wish: Wish, scene: Scene) -> Answer:
        model = chosen_model(wish, scene)
        return step(tool, model=model) if model else which("model", scene.models(), NO_MODEL)

    return build
