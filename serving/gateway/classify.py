"""What programs send to `/v1/classify` and what they get. Routing of HTTP itself is in server/."""

from collections.abc import Mapping
from typing import Any, Protocol

from core.errors import RequestRefused
from core.identity import Caller
from serving.answers import Classified


class Classifies(Protocol):
    async def aclassify(
        self, caller: Caller, target: str, texts: Any, top_k: Any = 1
    ) -> Classified: ...


async def classify(
    supervisor: Classifies, caller: Caller, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The answer to a request body.

    Args:
        body: `model` (a live endpoint, or `model@version`), `input` (a text, or up to 256) and
            `top_k` (labels wanted for each text; 1).

    Raises:
        RequestRefused: Something in the body is wrong, or the key may not ask models.
        ServiceFailed: The model could not answer.
    """
    need_infer(caller)
    target = body.get("model")
    if not isinstance(target, str) or not target:
        raise missing("model", "Name a live endpoint.")
    if "input" not in body:
        raise missing("input", "Give a text or a list of texts.")
    found = await supervisor.aclassify(caller, target, body["input"], body.get("top_k", 1))
    return classify_response(target, found)


def need_infer(caller: Caller) -> None:
    if "infer" not in caller.scopes:
        raise RequestRefused(
            "This key may not ask models.", code="forbidden", fix="Use a key with scope 'infer'."
        )


def classify_response(target: str, found: Classified) -> dict[str, Any]:
    """The contract's JSON: `model` as it was asked for, `version` as it answered."""
    return {
        "object": "list",
        "model": target,
        "version": found.model,
        "data": [entry(index, answer) for index, answer in enumerate(found.answers)],
    }


def entry(index: int, answer: list[tuple[str, float]]) -> dict[str, Any]:
    label, score = answer[0]
    labels = [{"label": name, "score": share} for name, share in answer]
    return {"index": index, "label": label, "score": score, "labels": labels}


def missing(param: str, fix: str) -> RequestRefused:
    return RequestRefused(f"{param} is missing.", code="missing_argument", param=param, fix=fix)
