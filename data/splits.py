"""Which rows train, which steer and which judge: fixed by a hash, never by chance.

Equal texts always fall into the same split, so that none is learned by heart and then tested.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b

from core.errors import RequestRefused
from data.rows import Rows

HELD_OUT = 0.1
"""Share of each class for validation, and for test."""
MIN_TEXTS = 3
"""A class with fewer different texts is only trained on."""


@dataclass(frozen=True)
class Splits:
    parts: dict[str, Rows]
    """`train`, `validation` and `test`."""
    leaked: list[int] = field(default_factory=list)
    """Rows of the main file left out of training, since the other files have them too."""

    def sizes(self) -> dict[str, int]:
        return {name: len(part) for name, part in self.parts.items()}


def make(main: Rows, validation: Rows | None, test: Rows | None, seed: int) -> Splits:
    """Split `main`; parts that come as files of their own are taken as they are.

    Raises RequestRefused when there are too few different texts to hold any out.
    """
    given = {"validation": validation, "test": test}
    wanted = [name for name, part in given.items() if part is None]
    held = {key for part in given.values() if part is not None for key in part.keys}
    fresh = [at for at, key in enumerate(main.keys) if key not in held]
    leaked = [main.numbers[at] for at, key in enumerate(main.keys) if key in held]
    remaining = main.take(fresh)
    chosen = assign(remaining, wanted, seed)
    parts = {"train": remaining.take(at for at, name in enumerate(chosen) if name == "train")}
    for name, part in given.items():
        own = [at for at, split in enumerate(chosen) if split == name]
        parts[name] = remaining.take(own) if part is None else part
    for name, part in parts.items():
        refuse_empty(name, part)
    return Splits(parts, leaked)


def assign(rows: Rows, wanted: list[str], seed: int) -> list[str]:
    """The split of each row: a tenth of each class's texts to each wanted one."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for key, label in label_of_text(rows).items():
        by_label[label].append(key)
    split_of: dict[str, str] = {}
    for label, keys in by_label.items():
        keys.sort(key=lambda key: rank(seed, label, key))
        quota = max(1, round(HELD_OUT * len(keys))) if len(keys) >= MIN_TEXTS else 0
        for number, name in enumerate(wanted):
            for key in keys[number * quota : (number + 1) * quota]:
                split_of[key] = name
    return [split_of.get(key, "train") for key in rows.keys]


def label_of_text(rows: Rows) -> dict[str, str]:
    """Each different text with its most frequent label, the first in the alphabet on a tie."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for key, label in zip(rows.keys, rows.labels, strict=True):
        votes[key][label] += 1
    return {
        key: min(count, key=lambda label: (-count[label], label)) for key, count in votes.items()
    }


def rank(seed: int, label: str, key: str) -> bytes:
    return blake2b(f"{seed}\0{label}\0{key}".encode(), digest_size=8).digest()


def refuse_empty(name: str, part: Rows) -> None:
    if len(part):
        return
    raise RequestRefused(
        f"Nothing is left for the {name} split: too few different texts in each class.",
        code="too_few_rows",
        param="file_id",
        fix=f"Give at least {MIN_TEXTS} different texts in each class, or files for validation "
        "and test that do not repeat the training texts.",
    )
