"""Which files hold a model's weights, and the one hash by which they are known.

Only the standard library here: the training worker imports this file on a bare machine.
"""

import hashlib
import json
from pathlib import Path

from core.errors import RequestRefused

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Of a model in several files: which tensor is in which."""


def weight_files(folder: Path) -> list[Path]:
    """The one file, or every part that the index names, by name. Empty if there is neither.

    Raises:
        RequestRefused: (code `unsafe_or_unknown_base`) The index is not one.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        return []
    return [folder / name for name in sorted(set(weight_map(folder).values()))]


def weight_map(folder: Path) -> dict[str, str]:
    """Tensor to the file that holds it, from the index. Raises as `weight_files`."""
    try:
        found = json.loads((folder / INDEX).read_bytes())["weight_map"]
    except (ValueError, KeyError, TypeError):
        raise bad_index("it has no weight_map") from None
    if not isinstance(found, dict) or not found:
        raise bad_index("its weight_map is empty")
    for name in found.values():
        if not is_plain(name):
            raise bad_index(f"{str(name)[:80]!r} is not the name of a safetensors file beside it")
    return found


def is_plain(name: object) -> bool:
    return isinstance(name, str) and name.endswith(".safetensors") and Path(name).name == name


def bad_index(why: str) -> RequestRefused:
    return RequestRefused(
        f"{INDEX} is not the index of a model: {why}.",
        code="unsafe_or_unknown_base",
        param="source",
        fix="Copy the whole model again.",
    )


def weights_sha256(folder: Path) -> str:
    """Of the one weight file; of a model in several, of their names and hashes."""
    files = weight_files(folder)
    if [path.name for path in files] == [WEIGHTS]:
        return file_sha256(files[0])
    return joined_sha256({path.name: file_sha256(path) for path in files})


def joined_sha256(hashes: dict[str, str]) -> str:
    """One hash for several weight files, from name to hash."""
    if list(hashes) == [WEIGHTS]:
        return hashes[WEIGHTS]
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
