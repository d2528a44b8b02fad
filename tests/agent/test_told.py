"""What the rooms below tell in English is told in Chinese: every sentence, with its values."""

import json
import os
import re
from collections import Counter
from errno import EACCES, EISDIR, ENOENT, ENOSPC, ENOTDIR, EROFS

import pytest

from agent.language import words, words_in
from agent.language.told import HOLE, SLOT
from core.records.tables import Owned
from tests.agent.sentences import OURS, Text, found
from tools import base

TOLD = words.CATALOGUES / "zh" / "told"
OF_THE_AGENT = ("understanding.json", "talk.json")
"""Their sentences are made in `agent/`; test_understanding.py and test_talk.py look after them."""
w = words_in("zh")


def pairs() -> dict[str, str]:
    everything: dict[str, str] = {}
    for path in TOLD.glob("*.json"):
        if path.name not in OF_THE_AGENT:
            everything |= json.loads(path.read_text(encoding="utf-8"))
    return everything


PAIRS = pairs()
SENTENCES = {
    one: PAIRS[one] for one in PAIRS.keys() - json.loads((TOLD / "phrases.json").read_text("utf-8"))
}


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
    names: list[str] = json.loads(content, object_pairs_hook=lambda pairs: [n for n, _ in pairs])
    return names


# Values ----------------------------------------------------------------------------------------

NASTY = (
    "",
    "a'b",
    'a"b\\',
    "{0} {x!t} {}",
    "two\nlines",
    "标签。",
    "Add rows. Rename one of them.",
    "comma, none or tab; and 3 more",
    "row 3 (line 4)",
)


UNKNOWN = "nobody's word"
"""Stands where words of ours could: what is not known stays as it is."""


def given(template: str, value: str) -> list[str] | None:
    """What stands in each hole; None where nobody could tell a bare value from the text around."""
    ours = {int(number) for number, marked in SLOT.findall(SENTENCES[template]) if marked}
    values = []
    for at, (kind, behind) in enumerate(zip(kinds(template), pieces(template)[1:], strict=True)):
        if at in ours:
            values.append(UNKNOWN)
        elif kind == "":
            if behind == "" or behind in value or not value or ". " in value:
                return None
            values.append(value)
        else:
            values.append(repr(value) if kind == "!r" else number(kind))
    return values


def pieces(template: str) -> list[str]:
    return HOLE.split(template)[::2]


def kinds(template: str) -> list[str]:
    return [kind or "" for kind in HOLE.split(template)[1::2]]


def number(kind: str) -> str:
    return format(1234 if kind.endswith(("x", ",")) else 0.125, kind[1:])


@pytest.mark.parametrize("value", NASTY)
def test_values_come_through_as_they_are_and_in_their_places(value: str) -> None:
    tried, wrong = 0, []
    for template, target in SENTENCES.items():
        values = given(template, value)
        if values is None:
            continue
        tried += 1
        text = "".join(map("".join, zip(pieces(template), [*values, ""], strict=True)))
        expected = SLOT.sub(lambda slot: seen(values[int(slot[1])], slot), target)  # noqa: B023
        if squeezed(w.told(text)) != squeezed(expected):
            wrong.append((text, w.told(text)))

    assert wrong == []
    assert tried > 300


def seen(value: str, slot: re.Match[str]) -> str:
    """Quotation marks of Python become Chinese ones, but in code and where something is escaped."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    code = slot.string[: slot.start()].endswith("=")
    return f"“{value[1:-1]}”" if quoted and "\\" not in value and not code else value


def squeezed(text: str) -> str:
    """Without spaces: one is put in where Chinese meets Latin letters."""
    return text.replace(" ", "")


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("'rows' is left out: its type is list.", "“rows”未被采用：它的类型是 list。"),
        ("There is no column 'comma' in the file.", "文件里没有列“comma”。"),
        ("text@1 serves the endpoint test.", "text@1 正在为端点 test 服务。"),
        (
            "none: no dataset was made from it.",
            "none：没有用它做过数据集。",
        ),
        (
            "The header has 2 columns (none, text), but row 3 (line 4) has 1. The last cell there "
            "is 'Add rows. Add rows.'.",
            "表头有 2 列（none、text），但第 3 行（文件第 4 行）有 1 列。那里最后一个单元格是"
            "“Add rows. Add rows.”。",
        ),
        (
            "More than one column could be the text: a (2 different values, such as 'x; y'); none "
            "(3 different values, such as 'tab'). Say which, for example "
            'columns={"text": "a"}.',
            "不止一列可能是文本列：a（2 个不同的值，例如“x; y”）；none（3 个不同的值，例如"
            '“tab”）。请指明是哪一列，例如 columns={"text": "a"}。',
        ),
        ("test", "test"),
        ("run", "run"),
        ("My label is default. Add rows.", "My label is default. 请增加行。"),
    ],
)
def test_what_users_named_is_never_translated(english: str, chinese: str) -> None:
    assert w.told(english) == chinese


def test_english_stays_english_and_the_unknown_stays_as_it_is() -> None:
    text = "Every row has the same label, 'a' in column 'b'; there is nothing to tell apart."

    assert words_in("en").told(text) == text
    assert w.told("Nobody ever said this.") == "Nobody ever said this."
    assert w.told("") == ""
