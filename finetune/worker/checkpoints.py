"""Training states on disk that survive a kill at any moment.

A checkpoint is a folder `checkpoints/step-N` whose `manifest.json`, with the hash of every file,
is written last: without it, or with one hash that differs, the checkpoint does not exist and the
one before it is used. A resumed run goes on bit for bit as if it had never stopped.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from core.job import read_json, sync_folder, write_json

Tensors = dict[str, torch.Tensor]

MANIFEST = "manifest.json"
KEPT = 2
"""The newest, and one to fall back on."""


@dataclass
class Snapshot:
    """All that training needs to go on."""

    step: int
    """Steps done."""
    trained: Tensors
    averaged: Tensors
    """Their running average."""
    best: Tensors
    """The average as it was when validation was best; empty before the first look."""
    optimizer: Tensors
    progress: dict[str, Any]
    """Curve, best score, time used."""


class Checkpoints:
    """The checkpoints of one job.

    Args:
        folder: The job's folder.
        write_adapter, read_adapter: How trained tensors are stored; the files are a standard
            adapter, so that any checkpoint can be used by itself.
        note: Told when a checkpoint had to be passed over.
    """

    def __init__(
        self,
        folder: Path,
        write_adapter: Callable[[Path, Tensors], None],
        read_adapter: Callable[[Path], Tensors],
        note: Callable[[str], None],
    ) -> None:
        self._folder = folder / "checkpoints"
        self._write_adapter, self._read_adapter, self._note = write_adapter, read_adapter, note

    def save(self, snapshot: Snapshot) -> Path:
        """Store the snapshot, then drop all but the newest two."""
        folder = self._folder / f"step-{snapshot.step}"
        # Left over from a kill while it was written.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._write_adapter(folder, snapshot.trained)
        self._write_adapter(folder / "averaged", snapshot.averaged)
        save_file(snapshot.optimizer, folder / "optimizer.safetensors")
        if snapshot.best:
            self._write_adapter(folder / "best", snapshot.best)
        write_json(folder / "state.json", {"step": snapshot.step, "progress": snapshot.progress})
        write_json(folder / MANIFEST, {"sha256": _hashes(folder)})
        sync_folder(self._folder)
        for _, old in self._newest_first()[KEPT:]:
            shutil.rmtree(old)
        return folder

    def newest(self) -> Snapshot | None:
        """The newest checkpoint whose files are all as they were written, or None."""
        for step, folder in self._newest_first():
            damage = _damage(folder)
            if damage is None:
                return self._load(step, folder)
            self._note(f"Checkpoint {folder.name} is passed over: {damage}.")
        return None

    def _load(self, step: int, folder: Path) -> Snapshot:
        best = folder / "best"
        return Snapshot(
            step=step,
            trained=self._read_adapter(folder),
            averaged=self._read_adapter(folder / "averaged"),
            best=self._read_adapter(best) if best.is_dir() else {},
            optimizer=load_file(folder / "optimizer.safetensors"),
            progress=read_json(folder / "state.json")["progress"],
        )

    def _newest_first(self) -> list[tuple[int, Path]]:
        found = [
            (int(folder.name.removeprefix("step-")), folder)
            for folder in self._folder.glob("step-*")
        ]
        return sorted(found, reverse=True)


def _hashes(folder: Path) -> dict[str, str]:
    """Of every file but the manifest, each flushed to the disk first."""
    return {
        str(file.relative_to(folder)): _sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }


def _damage(folder: Path) -> str | None:
    """What is wrong with a checkpoint, in words, or None."""
    try:
        manifest = read_json(folder / MANIFEST)
    except ValueError:
        return "its manifest is not JSON"
    if manifest is None:
        return "it was not finished"
    for name, wanted in manifest["sha256"].items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if _sha256(file) != wanted:
            return f"{name} is not what was written"
    return None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
