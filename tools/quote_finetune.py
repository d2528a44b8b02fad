"""Tool: what a fine-tuning would take."""

from typing import Any

from finetune.config import Setting
from finetune.quote import as_dict
from tools.base import Effect, ToolContext, tool


@tool(effect=Effect.READS)
def quote_finetune(
    ctx: ToolContext,
    dataset: str,
    base_model: str = "auto",
    epochs: Setting = "auto",
    rank: Setting = "auto",
    alpha: Setting = "auto",
    learning_rate: Setting = "auto",
    head_learning_rate: Setting = "auto",
    batch_size: Setting = "auto",
    max_length: Setting = "auto",
    warmup_ratio: Setting = "auto",
    weight_decay: Setting = "auto",
    dropout: Setting = "auto",
    clip: Setting = "auto",
    label_smoothing: Setting = "auto",
    average: Setting = "auto",
    frozen_layers: Setting = "auto",
    seed: Setting = "auto",
) -> dict[str, Any]:
    """Say what fine-tuning on a dataset would take, without starting it.

    Answers at once with every parameter (set or default, with the reason) and the baselines that
    it will be compared with. Minutes and memory come from a short probe on this machine: while
    `state` is `measuring`, call again in some seconds. Every setting is "auto" or a number.

    Args:
        dataset: Such as `banking77` (its newest version) or `banking77@1`.
        base_model: A base that list_models names, or "auto".
        epochs: Passes over the training rows, 1 to 50.
        rank: Width of the LoRA adapter, 1 to 256.
        alpha: Scale of the adapter (alpha / rank), 1 to 1,024.
        learning_rate: Learning rate of the adapter, 0.000001 to 0.1.
        head_learning_rate: Of the classification head, 0.000001 to 0.5; not for chat models.
        batch_size: Rows in one step, 1 to 1,024.
        max_length: Tokens of a row that are read, from 8 to 512, of a chat to 131,072.
        warmup_ratio: Share of the steps in which the rates rise, 0 to 0.5.
        weight_decay: How strongly large weights are held back, 0 to 0.5.
        dropout: Share of what the classification head reads that is hidden, 0 to 0.5.
        clip: Largest norm of a gradient, 0.01 to 100.
        label_smoothing: Share of a label's target given to all labels, 0 to 0.5.
        average: Share of the past in the average of the weights that is kept, 0 to 0.9999.
        frozen_layers: Lowest layers of a classifier that learn nothing, 0 to 46.
        seed: Decides all chance, 0 to 2,147,483,647.
    """
    quote = ctx.house.quotes.quote(
        ctx.caller,
        dataset=dataset,
        base_model=base_model,
        epochs=epochs,
        rank=rank,
        alpha=alpha,
        learning_rate=learning_rate,
        head_learning_rate=head_learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        dropout=dropout,
        clip=clip,
        label_smoothing=label_smoothing,
        average=average,
        frozen_layers=frozen_layers,
        seed=seed,
    )
    return as_dict(quote)
