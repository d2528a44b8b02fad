"""With the real encoder, exported as the setup does it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import knowledge
from core.errors import SettingsError
from core.records.database import Database
from core.storage import Storage
from knowledge.embedder import Embedder
from knowledge.search import HELP, Library
from tests.knowledge.conftest import MINE

HELP_PAGES = Path(knowledge.__file__).parent / "docs" / "en"


def test_without_the_exported_folder_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make setup"):
        Embedder(tmp_path / "none").embed(["text"])


@pytest.fixture
def helped(database: Database, storage: Storage, real_embedder: Embedder) -> Iterator[Library]:
    library = Library(database, storage, real_embedder)
    library.add_folder(MINE, HELP_PAGES, HELP)
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


ANSWERED = {
    "How do I format data for fine-tuning?": "data-formats.md",
    "Does my data leave this machine?": "privacy.md",
    "which columns does my csv need": "data-formats.md",
    "what is LoRA": "what-lora-does.md",
    "How do I approve a plan from the terminal?": "plans-and-approvals.md",
    "what does the confidence interval of the accuracy mean": "reading-a-report.md",
    "when is fine-tuning not worth it": "when-not-to-tune.md",
    "how do I stop an endpoint": "endpoints.md",
    "call the classifier with curl": "endpoints.md",
    "how do I use this from Python": "api.md",
    "what does the error ragged_row mean": "troubleshooting.md",
    "how do I back up everything": "backup.md",
    "is there telemetry": "privacy.md",
    "can I use a parquet file": "data-formats.md",
    "how are the defaults for rank chosen": "what-lora-does.md",
}
UNANSWERED = (
    "Who won the football world cup in 1998?",
    "What is the capital of Mongolia?",
    "recipe for sourdough bread",
    "How tall is the Eiffel tower?",
    "best hotels in Lisbon",
    "What is the weather tomorrow?",
)


@pytest.mark.slow
def test_the_help_answers_what_people_ask(helped: Library) -> None:
    found = {question: helped.find(MINE, question, HELP, 3) for question in ANSWERED}

    missed = {
        question: [passage.source for passage in findings.passages]
        for question, findings in found.items()
        if ANSWERED[question] not in [passage.source for passage in findings.passages]
    }
    assert missed == {}
    assert [question for question in found if not found[question].answerable] == []


@pytest.mark.slow
def test_the_help_says_when_it_has_no_answer(helped: Library) -> None:
    wrong = [one for one in UNANSWERED if helped.find(MINE, one, HELP, 3).answerable]

    assert wrong == []


@pytest.mark.slow
def test_the_question_about_privacy_is_answered_by_the_first_passage(helped: Library) -> None:
    best = helped.search(MINE, "Does my data leave this machine?", HELP)[0]

    assert best.source == "privacy.md"
    assert "No, not by default" in best.text
