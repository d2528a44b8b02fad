"""The two ways to train a chat model, and which one fits a base."""

from dataclasses import dataclass

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused
from finetune.worker.causal.fits import fits
from finetune.worker.causal.rows import ChatRows
from finetune.worker.machine import Device
from finetune.worker.spec import ChatRecipe, ProbeSpec, TrainSpec
from finetune.worker.tasks.chat.plain import PlainTask
from finetune.worker.tasks.chat.task import ChatTask


@dataclass(frozen=True)
class Way:
    """How it is trained."""

    loop: str
    """`fast` or `plain`."""
    why: str
    """A sentence."""


def choose(spec: TrainSpec | ProbeSpec, device: Device) -> Way:
    """The way that the recipe asks for; with `auto` the fast one where it computes the same.

    Raises:
        RequestRefused: The fast one is asked for and does not fit the base.
    """
    assert isinstance(spec.recipe, ChatRecipe), "job.json is read by its task"
    if spec.recipe.loop == "plain":
        return Way("plain", "The plain way was asked for.")
    fitting, why = fits(spec.base, device)
    if fitting:
        return Way("fast", why)
    if spec.recipe.loop == "fast":
        raise RequestRefused(
            f"The fast way to train does not fit {spec.base.name!r}. {why}",
            code="unsupported_base",
            param="loop",
            fix="Use loop 'auto' or 'plain'.",
        )
    return Way("plain", why)


def make_task(
    way: Way,
    spec: TrainSpec | ProbeSpec,
    tokenizer: ChatTokenizer,
    splits: dict[str, ChatRows],
    device: Device,
) -> ChatTask | PlainTask:
    """The task, with the base loaded."""
    kind = ChatTask if way.loop == "fast" else PlainTask
    return kind(spec, tokenizer, splits, device)
