"""Tool: a model as a file to download."""

from typing import Any

from finetune import export
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.WRITES)
def export_model(ctx: ToolContext, model: str) -> dict[str, Any]:
    """Pack a model version into a zip to download: ONNX, LoRA adapter, passport and a README.

    Args:
        model: Such as `banking77` (its newest version) or `banking77@1`.
    """
    models = ctx.house.runs.models
    found = models.get(ctx.caller, model)
    pieces = export.archive(found, models.folder(found))
    file = ctx.house.files.save(ctx.caller, export.filename(found), pieces, "model")
    return {
        "model": found.ref,
        "file_id": file.id,
        "filename": file.filename,
        "bytes": file.bytes,
        "url": f"{ctx.house.base_url}/v1/files/{file.id}/content",
    }
