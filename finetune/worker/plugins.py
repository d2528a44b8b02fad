"""The tasks there are: a module each in `finetune.worker.tasks`, named by the task."""

import importlib
import pkgutil
from types import ModuleType

from core.errors import RequestRefused
from finetune.worker import tasks


def load_task(name: str) -> ModuleType:
    """The module of a task. The name is checked before anything is imported.

    Raises:
        RequestRefused: There is no such task.
    """
    known = [module.name for module in pkgutil.iter_modules(tasks.__path__)]
    known.remove("base")
    if name not in known:
        raise RequestRefused(
            f"There is no task {name!r}; known: {', '.join(known)}.", code="bad_job", param="task"
        )
    return importlib.import_module(f"{tasks.__name__}.{name}")
