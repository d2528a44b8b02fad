"""Several attached files: which belong together in one dataset, and what each dataset is called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from agent.understanding.slots import role_of_file
from agent.understanding.text import HAN, normal
from agent.world import FileName
from core.names import name_from_file

MOST = 5
"""Datasets that one request makes: an answer may make only so many calls."""
TAIL = r"(?:set|data)?(?![a-z])"
PARTS = {
    "test": rf"(?<![a-z])(?:test(?:ing)?|eval(?:uation)?|hold-?out|held-?out|held){TAIL}",
    "validation": rf"(?<![a-z])(?:val(?:id(?:ation)?)?|dev){TAIL}",
}
TRAIN = rf"(?<![a-z])train(?:ing)?{TAIL}"
ALL = re.compile(r"\b(?:all|each|every|these|those|them|both|files)\b|全部|所有|每|这些|都")


@dataclass(frozen=True)
class Together:
    """The files of one dataset."""

    main: FileName
    validation: FileName | None = None
    test: FileName | None = None


def together(files: Sequence[FileName], text: str) -> list[Together]:
    """The datasets that the files make, in their order; the roles are told by the words about
    them, else by their names. A text that names some of the files is about those alone.
    """
    told = {file: role_of_file(text, file.filename) for file in files}
    free = [file for file in told if told[file] not in PARTS] or list(told)
    mains = [file for file in free if told[file] == "main" or not part_of(file)] or free
    parts: dict[tuple[FileName, str], FileName] = {}
    alone = list(mains)
    for file in (file for file in told if file not in mains):
        role = told[file] if told[file] in PARTS else part_of(file)
        owner = owner_of(file, mains, outright=told[file] in PARTS)
        if owner and (owner, role) not in parts:
            parts[owner, role] = file
        else:
            alone.append(file)
    sets = [
        Together(file, parts.get((file, "validation")), parts.get((file, "test")))
        for file in told
        if file in alone
    ]
    return named(sets, text)


def part_of(file: FileName) -> str:
    """`test` or `validation` when the name says that the file is such a part, else empty."""
    name = file.filename.lower()
    return next((role for role, form in PARTS.items() if re.search(form, name)), "")


def owner_of(part: FileName, mains: list[FileName], *, outright: bool) -> FileName | None:
    """The file that it is a part of: of the same name, else for training, else the only one."""
    same = [file for file in mains if stem(file) == stem(part)]
    train = [file for file in mains if re.search(TRAIN, file.filename.lower())]
    found = same or train or (mains if outright or len(mains) == 1 else [])
    return found[0] if found else None


def stem(file: FileName) -> str:
    """What the name says besides its part: `tickets` of `tickets_test.csv`."""
    said = re.sub("|".join([*PARTS.values(), TRAIN]), "", file.filename.lower().rsplit(".", 1)[0])
    return re.sub(r"\W|_", "", said)


def named(sets: list[Together], text: str) -> list[Together]:
    """Those that the text names, unless it is about all of them."""
    said = normal(text)
    meant = [
        one
        for one in sets
        if re.search(rf"(?<![a-z0-9_.-]){re.escape(one.main.filename.lower())}", said)
    ]
    return sets if ALL.search(said) or not meant else meant


def names_of(sets: list[Together], given: str | None, known: Sequence[str] = ()) -> list[str]:
    """A name for each dataset, no two alike: the given one for one, else made of its file's.

    Args:
        known: Names of datasets there are; a new one that no file's name tells is none of them.
    """
    if given and len(sets) == 1:
        return [given]
    made: list[str] = []
    for one in sets:
        name = name_of(one.main.filename, [*known, *made])
        name = f"{given}-{name}" if given else name
        made.append(unlike(made, name[:60].rstrip("-.")))
    return made


def name_of(filename: str, taken: Sequence[str]) -> str:
    """`tickets` of tickets.csv; `table-1`, or the next, of 酒店评论.csv, which has no such letters.

    A word that requests are made of, such as `data`, would be a poor name to speak of.
    """
    name = name_from_file(filename)
    if not HAN.search(filename) or re.search(r"[a-z]{3}", name.removeprefix("data")):
        return name
    return next(each for at in count(1) if (each := f"table-{at}") not in taken)


def unlike(made: list[str], name: str) -> str:
    """The name, with a number where it is taken: a b.csv and a-b.csv both give `a-b`."""
    numbered = (f"{name}-{number}" for number in range(2, len(made) + 3))
    return next(each for each in (name, *numbered) if each not in made)
