"""Views become the data of cards; checked without a server."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from agent.channels.web import elements
from agent.channels.web.drawing import (
    MAX_POINTS,
    NAMESPACE,
    draw,
    element,
    message,
    name_id,
    words,
)
from agent.language import words_in
from agent.views import Action, Chart, Table, View
from core.errors import SettingsError

PUBLIC = Path(__file__).parents[2] / "public"
EN, ZH = words_in("en"), words_in("zh")
OFFERED = re.compile(
    r"react|lucide-react|sonner|@chainlit/react-client|@/components/(ui/\w+|markdown)"
)
"""What Chainlit lets an element import."""


@pytest.fixture(scope="module")
def assembled() -> str:
    sources = [path for pattern in elements.SOURCES for path in (PUBLIC / "cards").glob(pattern)]
    return elements.joined([path.read_text() for path in sources])


def test_a_card_carries_its_view_whole_and_can_be_stored() -> None:
    table = Table("Problems", ["what"], [["a|b"], ["<b>"]], tones=["bad", "wait"])
    view = View(title="t", kind="dataset", key="dataset/t@1", facts=[("Rows", "3")], tables=[table])

    card = draw(view, EN)

    stored = json.loads(json.dumps(card.props, allow_nan=False))
    assert stored["view"]["tables"][0]["rows"] == [["a|b"], ["<b>"]]
    assert stored["view"]["facts"] == [["Rows", "3"]]
    assert card.key == "dataset/t@1"


def test_a_long_curve_is_thinned_and_keeps_its_newest_point() -> None:
    steps = list(range(1000))
    curve = Chart("line", "Loss", steps, [1 / (step + 1) for step in steps])

    drawn = draw(View(title="t", charts=[curve]), EN).view["charts"][0]

    assert len(drawn["x"]) == len(drawn["y"]) <= MAX_POINTS
    assert drawn["x"][-1] == 999


def test_bars_are_never_thinned() -> None:
    bars = Chart("bar", "Rows", [*range(1000)], [1.0] * 1000)
    assert len(draw(View(title="t", charts=[bars]), EN).view["charts"][0]["x"]) == 1000


def test_a_message_has_no_text_and_its_view_beside_its_key() -> None:
    card = replace(draw(View(title="t", actions=[Action("Go", say="go")]), EN), key="run_1")

    step = message("id", "thread", card, "2026-01-01T00:00:00.000Z")
    drawn = element(step, card)

    assert step["output"] == ""
    assert step["metadata"]["key"] == "run_1"
    assert step["metadata"]["view"]["actions"][0]["say"] == "go"
    assert drawn["forId"] == step["id"]
    assert (drawn["type"], drawn["name"]) == ("custom", "Card")


def test_ids_made_of_names_are_the_same_each_time() -> None:
    assert name_id("thread", "run_1") == name_id("thread", "run_1") != name_id("thread", "run_2")
    assert name_id("a") != str(NAMESPACE)


def test_every_word_that_a_card_takes_is_given_to_it_in_both_languages(assembled: str) -> None:
    taken = set(re.findall(r"\bwords\.(\w+)", assembled))

    assert taken <= set(words(EN))
    assert set(words(EN)) - taken == {"code_bash", "code_python"}
    same = {name for name, text in words(EN).items() if words(ZH)[name] == text}
    assert same == {"code_bash", "code_python"}


def test_what_the_page_fills_in_stays_in_the_words() -> None:
    for language in (EN, ZH):
        assert "{page}" in words(language)["page"]
        assert "{least}" in words(language)["between"]


def test_no_card_has_words_of_its_own(assembled: str) -> None:
    """Text between tags, and what is read aloud, comes from the view or its words."""
    code = re.sub(r"^\s*//.*$", "", assembled, flags=re.MULTILINE)
    between = re.findall(r">([^<>{}=;()]*[A-Za-z]{2}[^<>{}=;()]*)</", code)
    spoken = re.findall(r"(?:aria-label|title|placeholder|alt)=\"([^\"]+)\"", code)

    assert [*between, *spoken] == []


def test_every_kind_of_view_is_drawn(assembled: str) -> None:
    documented = re.search(r"kind: str = \"\"\n    \"\"\"(.*?)\"\"\"", views_source(), re.DOTALL)
    assert documented is not None
    kinds = set(re.findall(r"`(\w+)`", documented[1]))
    table = re.search(r"const KINDS = \{(.*?)\}", assembled, re.DOTALL)
    assert table is not None

    assert kinds == set(re.findall(r"(\w+):", table[1]))
    assert kinds == set(re.findall(r"^  (\w+): \w+,$", icons(assembled), re.MULTILINE))


def views_source() -> str:
    return (Path(__file__).parents[2] / "agent" / "views.py").read_text()


def icons(assembled: str) -> str:
    found = re.search(r"const KIND_ICONS = \{\n(.*?)\n\}", assembled, re.DOTALL)
    assert found is not None
    return found[1] + "\n"


def test_every_chart_and_tone_has_its_look(assembled: str) -> None:
    style = "".join(path.read_text() for path in (PUBLIC / "styles").rglob("*.css"))
    kinds = get_args(Chart.__annotations__["kind"])
    assert all(f"'{kind}'" in assembled for kind in kinds if kind != "bar")
    assert all(f"[data-tone='{tone}']" in style for tone in ("wait", "busy", "good", "bad"))


def test_cards_import_only_what_chainlit_offers_and_each_module_once(assembled: str) -> None:
    modules = re.findall(r"^import .* from '([^']+)'$", assembled, re.MULTILINE)

    assert [module for module in modules if not OFFERED.fullmatch(module)] == []
    assert len(modules) == len(set(modules))
    assert not re.search(r"\bfetch\(|https?://", assembled)


def test_cards_without_their_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="parts of the cards are missing"):
        elements.assemble(tmp_path)


def test_the_parts_become_one_file(tmp_path: Path) -> None:
    (tmp_path / "cards" / "parts").mkdir(parents=True)
    (tmp_path / "elements").mkdir()
    (tmp_path / "cards" / "parts" / "a.jsx").write_text(
        "import { b, a } from 'react'\nconst A = a\n"
    )
    (tmp_path / "cards" / "Card.jsx").write_text("import {\n  c,\n} from 'react'\nconst C = c\n")

    made = elements.assemble(tmp_path).read_text()

    assert made == "import { a, b, c } from 'react'\n\nconst A = a\n\nconst C = c"
