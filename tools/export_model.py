"""Tool: a model as a file to download."""

from typing import Any

from core.errors import ServiceFailed
from core.records.tables import Model
from finetune import export
from serving.routes import CHAT
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.WRITES)
def export_model(ctx: ToolContext, model: str) -> dict[str, Any]:
    """Pack a model version into a zip to download: ONNX, LoRA adapter, passport and a README.

    Args:
        model: Such as `banking77` (its newest version) or `banking77@1`.
    """
    models = ctx.house.runs.models
    found = models.get(ctx.caller, model)
    pieces = export.archive(found, models.folder(found), source(ctx, found))
    file = ctx.house.files.save(ctx.caller, export.filename(found), pieces, "model")
    return {
        "model": found.ref,
        "file_id": file.id,
        "filename": file.filename,
        "bytes": file.bytes,
        "url": f"{ctx.house.base_url}/v1/files/{file.id}/content",
    }


def source(ctx: ToolContext, model: Model) -> str:
    """Where the base of a chat model was taken from; "" once it is gone or another one."""
    if model.task != CHAT or model.base_model not in ctx.house.bases.names("causal"):
        return ""
    try:
        base = ctx.house.bases.get(model.base_model)
    except ServiceFailed:  # Its files were changed since: it is not the base of this model.
        return ""
    return base.source if base.sha256 == model.passport.get("base_sha256") else ""
