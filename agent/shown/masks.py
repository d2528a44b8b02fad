"""What a training on conversations learns: each token is either trained on or only read."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count
from agent.views import Mask, Piece, Preview

Json = dict[str, Any]


def preview(result: Json, w: Words) -> Preview | None:
    """Of the doctor's answer; None where nothing was rendered."""
    rows = result.get("preview") or []
    if not rows:
        return None
    return Preview(
        title=w("What the training learns"),
        dataset=str(result["dataset"]),
        base=str(result.get("base_model") or ""),
        masks=[mask(one, w) for one in rows],
    )


def mask(row: Json, w: Words) -> Mask:
    title = w(
        "Row {row}: {trained} of {tokens} tokens are trained on",
        row=count(row["row"]),
        trained=count(row["trained_tokens"]),
        tokens=count(row["tokens"]),
    )
    pieces = [Piece(str(one["text"]), bool(one["trained"])) for one in row["segments"]]
    return Mask(title, [piece for piece in pieces if piece.text])
