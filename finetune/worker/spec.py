"""The worker's `job.json` as plain data: the one place that says what may stand in it.

No torch here: the process that writes a job imports this file, the process that runs it too.
"""

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from core.errors import RequestRefused

SPLITS = ("train", "validation", "test")
"""Each is a file `<split>.jsonl` in the job folder: `{"text": …, "label": …}` a line for classify,
`{"row": …, "messages": […], "tools": […] or null}` for chat."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """A registered base model."""

    name: str
    """What people call it, such as `minilm`."""
    path: str
    """Folder with `config.json`, `model.safetensors` and `tokenizer.json`."""
    sha256: str = ""
    """Of `model.safetensors`; checked before loading. Empty: not checked."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to tune, whatever the task. Every number is final: "auto" was resolved already."""

    epochs: int
    """Passes over the training rows."""
    rank: int
    """Width of the adapter on every linear layer."""
    alpha: float
    """Scale of the adapter is alpha / rank."""
    learning_rate: float
    """Of the adapter, after warm-up; falls linearly to 0."""
    batch_size: int
    """Rows in one step."""
    seed: int
    """Decides the first weights, the order of rows and dropout."""
    max_length: int
    """Tokens of a row that are read."""
    warmup_ratio: float = 0.1
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    average: float = 0.99
    """Share of the past in the running average of the trained weights. The average is what is
    validated and kept: it ends better than the last step. 0: no averaging."""
    target_modules: str = "all-linear"
    """Which layers get an adapter. Only `all-linear` exists."""


@dataclass(frozen=True, kw_only=True)
class ClassifyRecipe(Recipe):
    """Of the task `classify`. A text longer than `max_length` is cut there."""

    head_learning_rate: float
    """Of the task's head."""
    dropout: float = 0.1
    """Share of the pooled features hidden in a training step. The encoder itself has none."""
    label_smoothing: float = 0.1
    """Share of the target given to all labels alike, so that wrong labels in the data and sure
    mistakes cost less."""
    frozen_layers: int = 0
    """The lowest layers that get no adapter; what they make of each row is worked out once."""


@dataclass(frozen=True, kw_only=True)
class ChatRecipe(Recipe):
    """Of the task `chat`. A row longer than `max_length` is left out and named, never cut."""

    loop: str = "auto"
    """`fast`: our own loop; `plain`: HF Trainer + PEFT, for models that ours does not fit;
    `auto`: ours where it computes the same as the plain model on this base."""


RECIPES: dict[str, type[ClassifyRecipe] | type[ChatRecipe]] = {
    "classify": ClassifyRecipe,
    "chat": ChatRecipe,
}
"""Task to the recipe it takes."""
LOOPS = ("auto", "fast", "plain")


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """Tune a base model on the splits in the job folder."""

    task: str
    """Name of a module in `finetune.worker.tasks`."""
    base: Base
    recipe: ClassifyRecipe | ChatRecipe
    labels: list[str] = field(default_factory=list)
    """Sorted; a class number is a position in this list. Empty for tasks without classes."""
    threads: int = 1
    """Processor threads. One is safe where cores are shared: with two, stalls cost up to 20x."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `mps`."""
    kind: str = "train"


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """Measure what the training would take. Reads the same splits, trains a few steps."""

    task: str
    base: Base
    recipe: ClassifyRecipe | ChatRecipe
    labels: list[str] = field(default_factory=list)
    threads: int = 1
    device: str = "auto"
    rows: dict[str, int] = field(default_factory=dict)
    """Rows of the real splits, when the folder holds only samples of them; empty: count files."""
    kind: str = "probe"


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Export a base model as a sentence embedder for the documents index."""

    base: Base
    max_length: int = 256
    """Tokens of a passage that are read."""
    threads: int = 1
    kind: str = "encoder"


@dataclass(frozen=True, kw_only=True)
class BaseSpec:
    """Make the weights of a small base model from nothing (finetune.worker.pretrain)."""

    tokens: int
    """To be read in all."""
    seed: int = 0
    threads: int = 1
    kind: str = "base"


Spec = TrainSpec | ProbeSpec | EncoderSpec | BaseSpec

_KINDS: dict[str, type[TrainSpec] | type[ProbeSpec] | type[EncoderSpec] | type[BaseSpec]] = {
    "train": TrainSpec,
    "probe": ProbeSpec,
    "encoder": EncoderSpec,
    "base": BaseSpec,
}


def to_json(spec: Spec) -> dict[str, Any]:
    """The content of `job.json`."""
    return dataclasses.asdict(spec)


def from_json(content: Any) -> Spec:
    """The spec that `job.json` holds.

    Raises:
        RequestRefused: Not an object, unknown kind or key, a missing key, or a wrong type.
    """
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind not in _KINDS:
        raise _bad(f"kind={kind!r} is not one of {', '.join(_KINDS)}.")
    spec: Spec = _read(_KINDS[kind], content, "job.json")
    _check(spec)
    return spec


def _read(kind: type[Any], content: Any, where: str) -> Any:
    """Build the dataclass, refusing what it does not know."""
    if not isinstance(content, dict):
        raise _bad(f"{where} should be an object, not {type(content).__name__}.")
    fields = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(set(content) - set(fields))
    if unknown:
        raise _bad(f"{where} has the unknown key {unknown[0]!r}; known: {', '.join(fields)}.")
    hints = typing.get_type_hints(kind)
    if "recipe" in hints:
        hints["recipe"] = _recipe_of(content)
    missing = [name for name, item in fields.items() if _required(item) and name not in content]
    if missing:
        raise _bad(f"{where} lacks {', '.join(missing)}.")
    values = {name: _value(hints[name], content[name], f"{where}: {name}") for name in content}
    return kind(**values)


def _recipe_of(content: dict[str, Any]) -> type[Any]:
    task = content.get("task")
    if task not in RECIPES:
        raise _bad(f"task={task!r} is not one of {', '.join(RECIPES)}.")
    return RECIPES[task]


def _required(item: "dataclasses.Field[Any]") -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _read(hint, value, where)
    if isinstance(hint, types.GenericAlias):
        return _collection(hint, value, where)
    wanted: Any = (int, float) if hint is float else hint
    # bool is an int to Python, never a number to a person.
    if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
        raise _bad(f"{where}={value!r} should be {hint.__name__}.")
    return float(value) if hint is float else value


def _collection(hint: types.GenericAlias, value: Any, where: str) -> Any:
    origin: Any = hint.__origin__
    inner: Any = hint.__args__[-1]
    if not isinstance(value, origin):
        raise _bad(f"{where} should be a {origin.__name__}, not {type(value).__name__}.")
    items = value.values() if isinstance(value, dict) else value
    if not all(isinstance(item, inner) for item in items):
        raise _bad(f"{where} should hold only {inner.__name__}.")
    return value


def _check(spec: Spec) -> None:
    """Refuse impossible combinations that types cannot express."""
    if isinstance(spec, BaseSpec) and spec.tokens <= 0:
        raise _bad(f"tokens={spec.tokens} should be above 0.")
    if isinstance(spec, EncoderSpec | BaseSpec):
        return
    if spec.task == "classify" and (
        len(set(spec.labels)) != len(spec.labels) or len(spec.labels) < 2
    ):
        raise _bad(f"labels has {len(spec.labels)} entries; at least two different are needed.")
    if spec.task != "classify" and spec.labels:
        raise _bad(f"labels has {len(spec.labels)} entries; the task {spec.task!r} has no labels.")
    recipe = spec.recipe
    if recipe.target_modules != "all-linear":
        raise _bad(f"target_modules={recipe.target_modules!r}; only 'all-linear' exists.")
    if isinstance(recipe, ChatRecipe) and recipe.loop not in LOOPS:
        raise _bad(f"loop={recipe.loop!r} is not one of {', '.join(LOOPS)}.")
    _check_numbers(dataclasses.asdict(recipe))


def _check_numbers(values: dict[str, Any]) -> None:
    for name in ("epochs", "rank", "batch_size", "max_length", "learning_rate", "alpha", "clip"):
        if not values[name] > 0:
            raise _bad(f"{name}={values[name]} should be above 0.")
    for name in ("dropout", "warmup_ratio", "label_smoothing", "average", "weight_decay"):
        if not 0 <= values.get(name, 0) < 1:
            raise _bad(f"{name}={values[name]} should be at least 0 and below 1.")


def _bad(message: str) -> RequestRefused:
    return RequestRefused(message, code="bad_job", fix="Write job.json with finetune.worker.spec.")
