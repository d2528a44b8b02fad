"""Which conversations train, which steer and which judge: fixed by a hash, never by chance.

Rows that ask the same fall into the same split, so that no answer is learned by heart and then
tested.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from core.errors import RequestRefused
from data.chat.talks import Talk, Talks
from data.splits import HELD_OUT, rank

OFTEN = 0.05
"""A prompt with a larger share of the rows, such as `Go on`, does not make them one."""


@dataclass(frozen=True)
class Splits:
    parts: dict[str, list[Talk]]
    """`train`, `validation` and `test`."""
    leaked: list[int] = field(default_factory=list)
    """Rows of the main file left out of training, since the other files have them too."""

    def sizes(self) -> dict[str, int]:
        return {name: len(part) for name, part in self.parts.items()}

    @property
    def rows(self) -> list[Talk]:
        return [talk for part in self.parts.values() for talk in part]


def make(main: Talks, validation: Talks | None, test: Talks | None, seed: int) -> Splits:
    """Split `main`; parts that come as files of their own are taken as they are.

    Raises RequestRefused when there are too few different rows to hold any out.
    """
    given = {"validation": validation, "test": test}
    held = {talk.whole for part in given.values() if part for talk in part.rows}
    fresh = [talk for talk in main.rows if talk.whole not in held]
    leaked = [talk.number for talk in main.rows if talk.whole in held]
    parts = assign(fresh, [name for name, part in given.items() if part is None], seed)
    for name, part in given.items():
        if part is not None:
            parts[name] = part.rows
        refuse_empty(name, parts[name])
    refuse_empty("train", parts["train"])
    ordered = {name: parts[name] for name in ("train", "validation", "test")}
    return Splits(ordered, leaked)


def assign(rows: list[Talk], wanted: list[str], seed: int) -> dict[str, list[Talk]]:
    """A tenth of the rows to each wanted split, in whole groups and in the order of their hash."""
    quota = max(1, round(HELD_OUT * len(rows)))
    chosen: dict[str, str] = {}
    free = dict.fromkeys(wanted, quota)
    same = grouped(rows)
    for key in sorted(same, key=lambda key: rank(seed, "", key)):
        fitting = [name for name, left in free.items() if len(same[key]) <= left]
        if fitting:
            chosen[key] = fitting[0]
            free[fitting[0]] -= len(same[key])
    fill_empty(chosen, wanted, same)
    parts: dict[str, list[Talk]] = {name: [] for name in ("train", *wanted)}
    for key, group in same.items():
        parts[chosen.get(key, "train")] += group
    return {name: sorted(part, key=lambda talk: talk.number) for name, part in parts.items()}


def fill_empty(chosen: dict[str, str], wanted: list[str], same: dict[str, list[Talk]]) -> None:
    """Give a split without a group the smallest that is left, where copies make all too large."""
    for name in wanted:
        left = [key for key in same if key not in chosen]
        if name not in chosen.values() and len(left) > 1:
            chosen[min(left, key=lambda key: (len(same[key]), key))] = name


def grouped(rows: list[Talk]) -> dict[str, list[Talk]]:
    """Rows by what they ask; those of a very frequent prompt by their answer as well."""
    often = OFTEN * len(rows)
    prompts = Counter(talk.prompt for talk in rows)
    found = defaultdict(list)
    for talk in rows:
        many = prompts[talk.prompt] > max(2, often)
        found[talk.whole if many else talk.prompt].append(talk)
    return found


def refuse_empty(name: str, part: list[Talk]) -> None:
    if part:
        return
    raise RequestRefused(
        f"Nothing is left for the {name} split: too few different conversations.",
        code="too_few_rows",
        param="file_id",
        fix="Give at least 10 conversations that ask different things, or files for validation "
        "and test that do not repeat the training rows.",
    )
