"""Both languages say the same: every text has its pair, every card speaks one language only, and
what a button says means the same in both.
"""

import ast
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import agent
from agent.closing import Done, closing
from agent.language import words_in
from agent.shown import VIEWS
from agent.understanding.plan import Plan
from agent.understanding.understand import understand
from agent.view_text import WIDTH, as_text, width
from agent.views import View
from agent.world import EndpointName, FileName, RunName, World
from tests.agent.card_samples import NO_ROOM, Samples
from tests.conftest import opened

ROOM = Path(agent.__file__).parent
CATALOGUES = sorted((ROOM / "language" / "zh").glob("*.json"))
HAN = re.compile(r"[\u3400-\u9fff]")
ZH, EN = words_in("zh"), words_in("en")


def asked_for() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `w`, with the place where it stands."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and is_words(node.func):
                yield f"{path.relative_to(ROOM)}:{node.lineno}", node


def is_words(called: ast.expr) -> bool:
    """`w(…)`, `self.w(…)` or `words_in(…)(…)`."""
    if isinstance(called, ast.Call):
        return isinstance(called.func, ast.Name) and called.func.id == "words_in"
    return (isinstance(called, ast.Name) and called.id == "w") or (
        isinstance(called, ast.Attribute) and called.attr == "w"
    )


def literal(call: ast.Call) -> str | None:
    first = call.args[0] if len(call.args) == 1 else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


CALLS = list(asked_for())
TEXTS = {text for _, call in CALLS if (text := literal(call)) is not None}
PAIRS = {path.name: json.loads(path.read_text("utf-8")) for path in CATALOGUES}
ALL_PAIRS = {english: chinese for pairs in PAIRS.values() for english, chinese in pairs.items()}


def test_words_are_asked_for_by_a_literal_so_that_they_can_be_found() -> None:
    assert [place for place, call in CALLS if literal(call) is None] == []


def test_the_values_given_are_those_that_the_text_has_places_for() -> None:
    wrong = [
        place
        for place, call in CALLS
        if not any(word.arg is None for word in call.keywords)
        and {word.arg for word in call.keywords} != placeholders(literal(call) or "")
    ]
    assert wrong == []


def test_every_text_has_a_chinese_pair() -> None:
    assert sorted(TEXTS - ALL_PAIRS.keys()) == []


def test_every_pair_is_used() -> None:
    assert sorted(ALL_PAIRS.keys() - TEXTS) == []


def test_no_text_stands_in_two_catalogues() -> None:
    count = Counter(english for pairs in PAIRS.values() for english in pairs)
    assert [english for english, times in count.items() if times > 1] == []


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_are_chinese_and_have_the_same_places(name: str) -> None:
    wrong = [
        english
        for english, chinese in PAIRS[name].items()
        if placeholders(english) != placeholders(chinese)
        or (ENGLISH.search(without_places(english)) and not HAN.search(chinese))
    ]
    assert wrong == []


def without_places(text: str) -> str:
    return re.sub(r"\{\w*\}", "", text)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> Iterator[Samples]:
    """One house for all tests here: nothing in it is changed after it is made."""
    home = tmp_path_factory.mktemp("samples") / "home"
    shutil.copytree(empty_home, home)
    with opened(home) as house:
        yield Samples(house)


# Cards -----------------------------------------------------------------------------------------

ENGLISH = re.compile(r"[A-Za-z]{2,}")
NAMES = re.compile(r"`[^`]*`|\S*[\w]*[@_/=\d.-]\S*|[A-Z]{2,}[A-Za-z]*")
"""Code, names with a version, addresses, files, figures with a unit, abbreviations."""
KEPT = {
    *{"Thimble", "LoRA", "Lines", "token", "tokens", "rank", "alpha", "dropout", "MiB"},
    *{"Open", "Trainer", "chrF", "calendar", "day", "llama", "messages", "role", "content"},
    *{"minilm", "dianping", "jiudian", "docs", "owner", "torch", "card", "refund"},
}
"""Words that stay as they are in Chinese; the last line is the user's data."""


def shown_texts(value: Any) -> Iterator[str]:
    """All that a reader sees of a card; not what only programs read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in UNSEEN:
                yield from shown_texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from shown_texts(part)


UNSEEN = (
    "kind",
    "key",
    "state",
    "tone",
    "tones",
    "name",
    "target",
    "url",
    "code",
    "decide",
    "approval_id",
    "role",
    "talk",
)


def english_words(text: str) -> list[str]:
    return [word for word in ENGLISH.findall(NAMES.sub(" ", text)) if word not in KEPT]


def test_no_card_in_chinese_has_an_english_word(samples: Samples) -> None:
    left = {
        (name, text)
        for name, view in samples.views(ZH)
        for text in shown_texts(asdict(view))
        if english_words(text)
    }
    assert sorted(left) == []


def test_the_samples_have_every_card(samples: Samples) -> None:
    tools = {name.split()[0] for name in samples.drawn}
    same = {"cancel_run", "deploy_endpoint", "retry_run", "start_finetune", "stop_endpoint"}

    assert tools >= VIEWS.keys() - same


def test_what_a_button_says_means_the_same_in_both_languages(samples: Samples) -> None:
    for (name, chinese), (_, english) in zip(samples.views(ZH), samples.views(EN), strict=True):
        said = [action.say for action in english.actions if action.say]
        other = [action.say for action in chinese.actions if action.say]
        for one, two in zip(said, other, strict=True):
            assert HAN.search(two), (name, two)
            assert steps(one) and steps(one) == steps(two), (name, one, two)


WORLD = World(
    datasets=["dianping@1"],
    runs=[RunName("run_1", "dianping", "succeeded"), RunName("run_2", "dianping", "running")],
    models=["dianping@1", "dianping-frozen@1", "dianping-tfidf@1"],
    endpoints=[EndpointName("jiudian", "live")],
    files=[FileName("file-1", "点评.csv")],
)


def steps(said: str) -> list[Any]:
    return [(step.tool, step.arguments) for step in understand(said, WORLD).steps]


def test_the_last_words_of_a_turn_speak_one_language(samples: Samples) -> None:
    done = [Done(tool, result=result) for tool, result in samples.results]
    done += [Done("start_finetune", approval=approval) for approval in samples.approvals]
    for one in [*done, Done("run_status", error=NO_ROOM)]:
        chinese, english = closing(Plan(), [one], ZH), closing(Plan(), [one], EN)
        quoted = one.tool == "search_docs" and one.result and one.result["passages"]
        assert english_words(chinese) == [], (one.tool, chinese)
        assert bool(chinese) == bool(english) and (quoted or not HAN.search(plain(english)))


def plain(text: str) -> str:
    """Without the user's labels."""
    return re.sub("好评|差评", "", text)


OFFER = re.compile(r"“([^”{]+)”")


def test_an_offer_in_quotation_marks_means_the_same_in_both_languages() -> None:
    for english, chinese in ALL_PAIRS.items():
        offers = [offer for offer in OFFER.findall(english) if steps(offer)]
        if offers:
            assert [steps(offer) for offer in OFFER.findall(chinese)] == list(map(steps, offers)), (
                english
            )


def test_the_tables_of_a_card_as_text_fit_a_terminal(samples: Samples) -> None:
    for w in (EN, ZH):
        for name, view in samples.views(w):
            for line in as_text(view, w).splitlines():
                assert width(line) <= WIDTH or not line.startswith("|"), (name, line)


def test_a_view_says_its_title_and_state_in_one_language(samples: Samples) -> None:
    for name, view in samples.views(ZH):
        assert HAN.search(view.title + view.state_label), (name, view.title)
        assert labelled(view), name


def labelled(view: View) -> bool:
    """A coloured mark always says in words what it means."""
    return bool(view.state_label) or not view.tone
