"""With the real encoder, exported as the setup does it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import help_questions
from core.errors import SettingsError
from core.records.database import Database
from core.storage import Storage
from knowledge.builtin import HELP, Language
from knowledge.embedder import Embedder
from knowledge.search import Library
from tests.knowledge.conftest import MINE


def test_without_the_exported_folder_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make setup"):
        Embedder(tmp_path / "none").embed(["text"])


@pytest.fixture
def helped(database: Database, storage: Storage, real_embedder: Embedder) -> Iterator[Library]:
    library = Library(database, storage, real_embedder)
    help_questions.fill(library)
    yield library
    library.close()


@pytest.mark.slow
def test_vectors_are_unit_and_do_not_depend_on_their_neighbours(real_embedder: Embedder) -> None:
    texts = ["a short one", "a much longer text about cards " * 60, "my card is lost"]

    together = real_embedder.embed(texts)
    alone = np.concatenate([real_embedder.embed([text]) for text in texts])

    assert together.shape == (3, real_embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-3)
    # int8 activations are scaled by batch, so a little depends on the neighbours after all.
    assert (together * alone).sum(axis=1).min() > 0.98


@pytest.mark.slow
def test_meaning_counts_beyond_words(real_embedder: Embedder) -> None:
    vectors = real_embedder.embed(["I forgot my password", "cannot log in", "the soup is cold"])

    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


@pytest.mark.slow
def test_english_is_known_and_chinese_mostly_not(real_embedder: Embedder) -> None:
    assert real_embedder.known_share("How do I format my data?") == 1.0
    assert real_embedder.known_share("怎么停止训练任务，检查点还在吗？") < 0.5
    assert real_embedder.known_share("") == 1.0


@pytest.mark.slow
def test_token_starts_lie_at_words(real_embedder: Embedder) -> None:
    assert real_embedder.token_starts("my card, lost") == [0, 3, 7, 9]


LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.mark.slow
@LANGUAGES
def test_questions_find_their_page_of_the_help(helped: Library, language: Language) -> None:
    found = [
        one for name in help_questions.SETS for one in help_questions.ask(helped, name, language)
    ]

    missed = [
        (one.question, one.places) for one in found if not one.page_within(help_questions.TOP)
    ]
    unsure = [one.question for one in found if not one.answerable]
    assert len(found) >= 60
    assert len(missed) <= 0.1 * len(found), missed
    assert len(unsure) <= 0.1 * len(found), unsure


@pytest.mark.slow
@LANGUAGES
def test_the_help_says_when_it_has_no_answer(helped: Library, language: Language) -> None:
    held = help_questions.off_topic(helped, language)

    assert len(held) >= 30
    assert sum(held.values()) <= 3, [question for question in held if held[question]]


@pytest.mark.slow
def test_the_question_about_privacy_is_answered_by_the_first_passage(helped: Library) -> None:
    best = helped.search(MINE, "Does my data leave this machine?", HELP)[0]

    assert best.source == "privacy.md"
    assert "No, not by default" in best.text
