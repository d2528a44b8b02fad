from pathlib import Path

import pytest

from agent import preferences
from agent.preferences import Preferences
from core.errors import RequestRefused
from core.identity import Caller
from core.records.database import Database
from core.settings import Settings

ANN = Caller(user="ann")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "records.sqlite")
    made.migrate()
    return made


def test_who_has_chosen_nothing_gets_the_defaults(database: Database) -> None:
    assert preferences.load(database, ANN) == Preferences()


def test_what_was_chosen_is_kept_for_its_owner_alone(database: Database) -> None:
    chosen = Preferences(language="zh", theme="dark", daily_limit=2.5)
    preferences.save(database, ANN, Preferences(language="en"))
    preferences.save(database, ANN, chosen)

    assert preferences.load(database, ANN) == chosen
    assert preferences.load(database, Caller(user="bob")) == Preferences()


@pytest.mark.parametrize(
    "wrong", [{"language": "fr"}, {"model": "gpt"}, {"theme": "pink"}, {"daily_limit": -1.0}]
)
def test_what_is_no_choice_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(RequestRefused) as refused:
        Preferences(**wrong)  # type: ignore[arg-type]

    assert refused.value.param == next(iter(wrong))


def test_a_chosen_language_wins_over_that_of_the_page() -> None:
    assert Preferences().speaks("zh") == "zh"
    assert Preferences(language="en").speaks("zh") == "en"


def test_the_planner_can_be_chosen_where_a_model_is_set(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, llm="big-one")

    assert Preferences().llm(settings) == "big-one"
    assert Preferences(model="planner").llm(settings) is None
