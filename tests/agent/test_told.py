"""What the rooms below tell in English is told in Chinese: every sentence, with its values."""

import json
import os
from collections import Counter
from errno import EACCES, EISDIR, ENOENT, ENOSPC, ENOTDIR, EROFS

from agent.language import words, words_in
from agent.language.told import HOLE, SLOT
from core.records.tables import Owned
from tests.agent.sentences import OURS, Text, found
from tools import base

TOLD = words.CATALOGUES / "zh" / "told"
OF_THE_PLANNER = "understanding.json"
"""Its sentences are made in `agent/`; tests/agent/test_understanding.py looks after them."""
w = words_in("zh")


def pairs() -> dict[str, str]:
    everything: dict[str, str] = {}
    for path in TOLD.glob("*.json"):
        if path.name != OF_THE_PLANNER:
            everything |= json.loads(path.read_text(encoding="utf-8"))
    return everything


PAIRS = pairs()


def from_elsewhere() -> dict[str, str]:
    """Phrases that no literal in the code says: names of tables and tools, words of the system."""
    tables = [table.__name__.lower() for table in Owned.__subclasses__()]
    errors = [os.strerror(code) for code in (EACCES, EISDIR, ENOENT, ENOSPC, ENOTDIR, EROFS)]
    arguments = [
        field.description or ""
        for tool in base.catalogue()
        for field in tool.arguments.model_fields.values()
    ]
    places = dict.fromkeys([*tables, "base_model", "tool", "launcher"], "a name")
    return places | dict.fromkeys(errors, "the system") | dict.fromkeys(arguments, "a docstring")


def needed() -> dict[str, Text]:
    """Every sentence, and every phrase that its Chinese has translated."""
    texts: dict[str, Text] = {}
    waiting = list(found())
    while waiting:
        text = waiting.pop()
        known = texts.get(text.template)
        merged = text if known is None else both(known, text)
        if merged == known:
            continue
        texts[text.template] = merged
        for slot in SLOT.finditer(PAIRS.get(text.template, "")):
            if slot[2] and int(slot[1]) < len(text.holes):
                waiting += text.holes[int(slot[1])] - OURS.holes[0]
    return texts


def both(one: Text, other: Text) -> Text:
    return Text(one.template, tuple(a | b for a, b in zip(one.holes, other.holes, strict=True)))


def test_every_sentence_of_the_rooms_below_has_its_chinese() -> None:
    missing = [
        f"{template}   ({', '.join(sorted(found().get(text, ())))})"
        for template, text in needed().items()
        if template not in PAIRS
    ]

    assert missing == [], "add them to agent/language/zh/told/"


def test_no_chinese_is_left_without_a_sentence() -> None:
    assert sorted(set(PAIRS) - set(needed()) - set(from_elsewhere())) == []


def test_what_the_system_and_the_arguments_say_has_its_chinese() -> None:
    assert sorted(set(from_elsewhere()) - {""} - set(PAIRS)) == []


def test_the_chinese_has_every_value_and_translates_only_words_of_ours() -> None:
    wrong = []
    for template, text in needed().items():
        slots = SLOT.findall(PAIRS.get(template, ""))
        holes = HOLE.findall(template)
        translated = [int(number) for number, ours in slots if ours]
        if sorted({int(number) for number, _ in slots}) != list(range(len(holes))):
            wrong.append(f"{template}: not the same values")
        wrong += [f"{template}: {n} is not ours" for n in translated if not text.holes[n]]

    assert wrong == []


def test_no_sentence_stands_in_two_catalogues() -> None:
    names = [name for path in TOLD.glob("*.json") for name in read_keys(path.read_text("utf-8"))]

    assert [name for name, count in Counter(names).items() if count > 1] == []


def read_keys(content: str) -> list[str]:
    return json.loads(content, object_pairs_hook=lambda pairs: [name for name, _ in pairs])
