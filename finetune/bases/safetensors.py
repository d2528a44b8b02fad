"""Weight files are looked at before they are kept: whole, only numbers, nothing hidden between."""

import json
import math
import struct
from pathlib import Path
from typing import Any

from core.errors import RequestRefused
from core.weights import WEIGHTS, weight_files, weight_map

MAX_HEADER_BYTES = 100 * 2**20
FLOATS = ("F64", "F32", "F16", "BF16")
"""Anything else among the weights of a model is packed numbers of fewer bits."""


def check_weights(folder: Path) -> dict[str, Any]:
    """{"parameters": how many numbers, "types": how they are stored}.

    Raises:
        RequestRefused: A file is missing, or is not a whole safetensors file.
    """
    files = weight_files(folder)
    if not files:
        raise no_weights(folder)
    for path in files:
        if not path.is_file():
            raise refused(f"{path.name} is missing; the index names it.", "Copy the whole model.")
    headers = {path.name: check_safetensors(path) for path in files}
    if WEIGHTS not in headers:
        check_index(folder, headers)
    tensors = [entry for header in headers.values() for entry in header.values()]
    return {
        "parameters": sum(numbers_in(entry) for entry in tensors),
        "types": {str(entry.get("dtype")) for entry in tensors},
    }


def check_index(folder: Path, headers: dict[str, dict[str, Any]]) -> None:
    """Every tensor lies where the index says, and nowhere else."""
    said = weight_map(folder)
    for name, file in said.items():
        if name not in headers[file]:
            raise refused(
                f"{file} has no {name[:80]!r}, which the index says it has.", "Copy it again."
            )
    if len(said) != sum(len(header) for header in headers.values()):
        raise refused("The files hold tensors that the index does not name.", "Copy it again.")


def refused(what: str, fix: str) -> RequestRefused:
    return RequestRefused(what, code="unsafe_or_unknown_base", param="source", fix=fix)


def no_weights(folder: Path) -> RequestRefused:
    pickles = sorted(path.name for path in folder.glob("*") if path.suffix in (".bin", ".pt"))
    if pickles:
        return refused(
            f"{pickles[0]} can run code when it is loaded, and there is no {WEIGHTS}.",
            "Convert the weights to safetensors where you trust them.",
        )
    return refused(f"There is no {WEIGHTS} in it.", "Give the folder of a saved model.")


def check_safetensors(path: Path) -> dict[str, Any]:
    """The header of a file that holds exactly the bytes that it describes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
        if length > min(size - 8, MAX_HEADER_BYTES):
            raise broken(path, "its header is longer than the file")
        header = parse_header(path, file.read(length))
    spans = sorted(tensor_span(path, name, entry) for name, entry in header.items())
    position = 0
    for begin, end in spans:
        if begin != position or end < begin:
            raise broken(path, "its tensors overlap or leave gaps")
        position = end
    if position != size - 8 - length:
        raise broken(path, "its tensors do not fill the file")
    return header


def parse_header(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except ValueError:
        raise broken(path, "its header is not JSON; it may be a renamed pickle") from None
    if not isinstance(header, dict):
        raise broken(path, "its header is not an object")
    header.pop("__metadata__", None)
    return header


def tensor_span(path: Path, name: str, entry: Any) -> tuple[int, int]:
    match entry:
        case {"data_offsets": [int(begin), int(end)]} if begin >= 0:
            return begin, end
    raise broken(path, f"the tensor {name[:80]!r} has no offsets")


def numbers_in(entry: dict[str, Any]) -> int:
    match entry.get("shape"):
        case [*sizes] if all(isinstance(size, int) for size in sizes):
            return math.prod(sizes)
    return 0


def broken(path: Path, why: str) -> RequestRefused:
    return refused(f"{path.name} is not a whole safetensors file: {why}.", "Copy it again.")
