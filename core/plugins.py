"""A folder is a registry: one file or folder in it is one choice, named by it."""

import importlib
import pkgutil
from types import ModuleType

from core.errors import RequestRefused


def names(package: ModuleType) -> list[str]:
    """Every choice in the package, sorted, without importing any of them."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if name != "base" and not name.startswith("_"))


def load(package: ModuleType, name: str) -> ModuleType:
    """Import one choice. The name is checked first: it may come from a model."""
    known = names(package)
    if name not in known:
        raise RequestRefused(
            f"There is no {kind_of(package)} {name[:80]!r}.",
            code="not_found",
            fix=f"Available: {', '.join(known)}.",
        )
    return importlib.import_module(f"{package.__name__}.{name}")


def kind_of(package: ModuleType) -> str:
    """What one of its choices is called: a tool is a choice in `tools`."""
    return package.__name__.rpartition(".")[2].removesuffix("s")
