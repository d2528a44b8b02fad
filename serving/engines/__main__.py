"""`python -m serving.engines FOLDER`: the process of one engine, as its `job.json` says.

{"engine": "onnx", "threads": 1, "workers": 2}
"""

import importlib
import pkgutil
import sys
from pathlib import Path

import serving.engines
from core.errors import SettingsError
from core.job import JOB_FILE, read_json
from serving.engines._host import Host, Hosting, serve


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0])
    spec = read_json(folder / JOB_FILE)
    serve(host(spec["engine"], spec["threads"], spec["workers"]), folder)


def host(name: str, threads: int, workers: int) -> Hosting:
    """The engine's own host, or that of classifiers around its function `load`."""
    known = [module.name for module in pkgutil.iter_modules(serving.engines.__path__)]
    if name not in known or name.startswith("_") or name == "base":
        raise SettingsError(f"There is no engine {name!r}.")
    module = importlib.import_module(f"serving.engines.{name}")
    if hasattr(module, "host"):
        made: Hosting = module.host(threads)
        return made
    return Host(module.load, threads, workers)


if __name__ == "__main__":
    main(sys.argv[1:])
