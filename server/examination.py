"""`thimble doctor`: what a file would be as a dataset, and what a base would learn from it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unicodedata import category

import typer

from core.errors import RequestRefused
from data.examine import examine
from finetune import doctor
from finetune.bases import Bases

Json = dict[str, Any]
TEXT, CHAT = "encoder", "causal"


def examination(file: Path, home: Path, base: str = "", row: int = 0) -> Json:
    """Columns, rows, splits, profile and problems; of conversations, or with a base named, also
    `check`: what `check_dataset` says of it. Nothing is kept.

    Raises:
        RequestRefused: Something is wrong with the file, or there is no such base or row.
    """

    def look(folder: Path, found: Json) -> Json:
        if found["task"] == "chat":
            return {"check": check(folder, found, CHAT)}
        return {"check": check(folder, found, TEXT)} if base else {}

    def check(folder: Path, found: Json, kind: str) -> Json:
        with bases_of(home) as bases:
            chosen = bases.get(base or "auto", kind=kind)
            if chosen.kind != kind:
                raise unfit(chosen.name, bases.names(kind))
            if kind == CHAT:
                return doctor.check_chats(folder, chosen, found["problems"], row)
            return doctor.check_texts(folder, chosen, found["problems"])

    return examine(file, look=look)


def unfit(name: str, fitting: list[str]) -> RequestRefused:
    return RequestRefused(
        f"The base model {name!r} does not fit this file.",
        code="unfit_base",
        param="base",
        fix=f"Use one of: {', '.join(fitting)}.",
    )


@contextmanager
def bases_of(home: Path) -> Iterator[Bases]:
    """Those of a home; where there is no home yet, those that are always there, and no home is
    made for a look at a file."""
    if home.is_dir():
        yield Bases(home)
        return
    with tempfile.TemporaryDirectory(prefix="thimble-") as folder:
        yield Bases(Path(folder))


def marked(preview: list[Json]) -> Iterator[str]:
    """What trains in each row, for a terminal: underlined and green."""
    yield typer.style("Underlined: what the training learns to write.", bold=True)
    for row in preview:
        yield f"\nRow {row['row']}: {row['trained_tokens']:,} of {row['tokens']:,} tokens train"
        yield "".join(
            typer.style(harmless(piece["text"]), fg="green", underline=True)
            if piece["trained"]
            else typer.style(harmless(piece["text"]), dim=True)
            for piece in row["segments"]
        )


def harmless(text: str) -> str:
    """Without what a terminal obeys instead of showing it; lines and tabs stay."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if category(one) in ("Cc", "Cf") and one not in "\n\t" else one
        for one in text
    )
