"""Plain skills as generated conversations: repeating, picking, looking up, following a pattern.

A tuned model is mostly asked to carry parts of a question over into an answer of a given form.
What is copied here is random, so that the model learns to copy and not what was copied.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from finetune.worker.pretrain import WORDS

Message = dict[str, Any]
Chat = list[Message]
LISTS: dict[str, list[str]] = json.loads(WORDS.read_text("utf-8"))
KINDS = ("names", "cities", "things", "animals", "colours", "qualities", "verbs", "places", "days")
MIXED = (*KINDS, "number", "number", "number", "nonsense", "nonsense")
ONSETS = (*"bcdfghklmnprstvwz", "br", "st", "tr", "pl", "sh")
SYLLABLES = [onset + vowel for onset in ONSETS for vowel in (*"aeiou", "ai", "ea", "oo")]
CODAS = ("", "", "n", "r", "l", "s", "t", "m", "k")
SEPARATORS = (" ", ", ", " - ", "; ", ": ", "=", "/", " -> ", " | ", ".", " and ", " for ", " in ")
CHANGES: list[Callable[[str], str]] = [str] * 10 + [str.lower, str.upper]
"""Mostly a word is carried over as it is."""


def chat(*turns: str) -> Chat:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]


def nonsense(random: Random) -> str:
    count = random.randint(1, 3)
    word = "".join(random.choice(SYLLABLES) for _ in range(count)) + random.choice(CODAS)
    return word.capitalize() if random.random() < 0.3 else word


def number(random: Random) -> str:
    return str(random.randrange(10 ** random.randint(1, 4)))


def value(random: Random, kind: str) -> str:
    match kind:
        case "number":
            return number(random)
        case "nonsense":
            return nonsense(random)
    return random.choice(LISTS[kind])


def values(random: Random, low: int, high: int) -> list[str]:
    """So many of one kind, or of any."""
    kind = random.choice([*KINDS, "number", "nonsense", "nonsense", ""])
    count = random.randint(low, high)
    return [value(random, kind or random.choice(MIXED)) for _ in range(count)]


def glue(random: Random, count: int) -> str:
    """Words without a part in the pattern."""
    others = ("verbs", "nonsense", "qualities", "things")
    kinds = ["common" if random.random() < 0.6 else random.choice(others) for _ in range(count)]
    return " ".join(value(random, kind) for kind in kinds)


def pattern(random: Random) -> Chat:
    """The same made-up form two or three times; from the second time on it can be followed."""
    kinds = [random.choice(MIXED) for _ in range(random.choice([1, 1, 2, 2, 2, 3]))]
    between = [glue(random, random.choice([0, 1, 1, 2])) for _ in kinds]
    end, write = glue(random, 1) + random.choice([".", "?", ""]), answer_form(random, len(kinds))
    turns: list[str] = []
    for _ in range(random.choice([2, 3, 3])):
        found = [value(random, kind) for kind in kinds]
        parts = [part for pair in zip(between, found, strict=True) for part in pair if part]
        turns += [" ".join([*parts, end]), write(found)]
    made = chat(*turns)
    made[1]["weight"] = 0
    return made


def answer_form(random: Random, count: int) -> Callable[[list[str]], str]:
    """Some of the values, in an order, each perhaps with a key, joined and framed."""
    order = random.sample(range(count), random.randint(1, count))
    changes = [random.choice(CHANGES) for _ in order]
    keyed = random.random() < 0.25
    keys = [glue(random, 1) + random.choice(["=", ": ", " "]) if keyed else "" for _ in order]
    before = random.choice(["", "", glue(random, 1) + random.choice([" ", ": ", "="])])
    between, after = random.choice(SEPARATORS), random.choice(["", "", "."])

    def write(found: list[str]) -> str:
        slots = zip(keys, changes, order, strict=True)
        parts = [key + change(found[which]) for key, change, which in slots]
        return before + between.join(parts) + after

    return write


def repeat(random: Random) -> Chat:
    text = random.choice([" ", ", ", " "]).join(values(random, 1, 8))
    forms = ("Repeat: {}", "Say {}", "Repeat after me: {}", "Copy this: {}", "重复：{}")
    return chat(random.choice([*forms, "Write {} again"]).format(text), text)


def pick(random: Random) -> Chat:
    words = list(dict.fromkeys(values(random, 2, 6)))
    found = {"first": words[0], "last": words[-1]}
    if len(words) > 2:
        found |= {"second": words[1], "longest": max(words, key=len)}
    which = random.choice(list(found))
    form = random.choice(["What is the {1} of {0}?", "{0}. Which is {1}?", "The {1} word of {0}"])
    return chat(form.format(random.choice([" ", ", "]).join(words), which), found[which])


def turn_round(random: Random) -> Chat:
    words, between = values(random, 2, 5), random.choice([" ", ", "])
    form = random.choice(["Turn round: {}", "Backwards: {}", "Reverse {}"])
    return chat(form.format(between.join(words)), between.join(words[::-1]))


def look_up(random: Random) -> Chat:
    """Who has what."""
    owners = random.choice(["names", "things", "animals", "colours"])
    keys = random.sample(LISTS[owners], random.randint(2, 4))
    kind = random.choice(["number", "colours", "cities", "nonsense", "things"])
    found = {key: value(random, kind) for key in keys}
    forms = ("{}: {}", "{}={}", "{} has {}", "The {} is {}", "{} wants {}", "{} - {}")
    form, between = random.choice(forms), random.choice([", ", ". ", "; ", "\n"])
    text = between.join(form.format(*pair) for pair in found.items())
    key = random.choice(keys)
    if random.random() < 0.2 and list(found.values()).count(found[key]) == 1:
        return chat(f"{text}. Who has {found[key]}?", key)
    ask = random.choice([". What about {}?", "\n{}?", ". Look up {}.", ". And {}?"])
    return chat(text + ask.format(key), found[key])


FIELDS = {
    "name": "names",
    "city": "cities",
    "item": "things",
    "colour": "colours",
    "count": "number",
    "day": "days",
    "animal": "animals",
    "place": "places",
    "code": "nonsense",
}


def record(random: Random) -> Chat:
    """Fields of a record."""
    keys = random.sample(list(FIELDS), random.randint(2, 4))
    found = {key: value(random, FIELDS[key]) for key in keys}
    lines = [f"{key}{random.choice([' ', ': ', '='])}{text}" for key, text in found.items()]
    text = random.choice([", ", "; ", ". ", "\n"]).join(lines)
    wanted = random.sample(keys, random.randint(1, len(keys)))
    if len(wanted) == 1 and random.random() < 0.5:
        return chat(f"{text}. What is the {wanted[0]}?", found[wanted[0]])
    return chat(f"{text}\nGive {' and '.join(wanted)}.", ", ".join(found[key] for key in wanted))


def count(random: Random) -> Chat:
    """Numbers: the next one, a sum, the larger. Said in a sentence, as a person would."""
    first, second = int(number(random)), random.randrange(10 ** random.randint(1, 2))
    kind = random.random()
    if kind < 0.35:
        ask = random.choice(["What comes after {}?", "Count on from {}."])
        return chat(ask.format(first), f"After {first} comes {first + 1}.")
    if kind < 0.75:
        ask = random.choice(["{} + {}", "Add {} and {}.", "What do {} and {} make?"])
        return chat(ask.format(first, second), f"{first} and {second} make {first + second}.")
    other, which = int(number(random)), random.choice(["more", "less"])
    right = max(first, other) if which == "more" else min(first, other)
    return chat(f"What is {which}: {first} or {other}?", f"{right} is {which}.")


SHARES: dict[Callable[[Random], Chat], float] = {
    pattern: 0.30,
    repeat: 0.22,
    pick: 0.10,
    turn_round: 0.06,
    look_up: 0.14,
    record: 0.10,
    count: 0.08,
}
"""Each skill's share of the tokens."""
