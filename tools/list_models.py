"""Tool: the models there are."""

from typing import Any

from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def list_models(ctx: ToolContext, model: str = "") -> dict[str, Any]:
    """List the bases that can be fine-tuned and the model versions that can be deployed.

    Args:
        model: Only this model, such as `banking77` or `banking77@2`, with the passport of each
            version: hashes, recipe, seed and versions of what made it.
    """
    models = ctx.house.runs.models
    bases = [] if model else [base.as_dict() for base in ctx.house.bases.list()]
    return {"bases": bases, "models": models.listing(ctx.caller, model)}
