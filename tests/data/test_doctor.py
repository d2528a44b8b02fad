import json
from pathlib import Path

import pytest

from core.errors import RequestRefused
from data import doctor
from data.examine import examine
from data.problems import problem

FIT = {"base": "minilm", "limit": 512, "tokens": [10, 20, 30], "rows": [1, 2, 3]}


def test_texts_that_the_base_cannot_read_whole_are_named_by_row() -> None:
    fit = doctor.Fit(base="minilm", limit=25, tokens=[10, 26, 30], rows=[4, 7, 9], unknown_share=0)
    found = doctor.check([], fit)

    assert found["problems"][0]["code"] == "too_long"
    assert found["problems"][0]["rows"] == [7, 9]
    assert "2 of 3 texts are longer than the 25 tokens" in found["problems"][0]["message"]
    assert found["tokens"]["max"] == 30


def test_a_language_that_the_base_does_not_know_is_a_warning() -> None:
    found = doctor.check([], doctor.Fit(**FIT, unknown_share=0.8))  # type: ignore[arg-type]

    assert found["problems"][0]["code"] == "unknown_language"
    assert found["problems"][0]["message"].startswith("Most characters")
    assert "TF-IDF" in found["problems"][0]["fix"]
    assert found["verdict"].startswith("Ready to train, but one thing")


def test_clean_data_is_ready_and_notes_do_not_change_that() -> None:
    note = problem("duplicates", "note", "1 row", "Nothing.", [3])
    found = doctor.check([note], doctor.Fit(**FIT, unknown_share=0.0))  # type: ignore[arg-type]

    assert found["verdict"] == "Ready to train; nothing stands in the way."
    assert (found["errors"], found["warnings"], found["notes"]) == (0, 0, 1)


def test_a_file_is_examined_without_a_home(samples: Path) -> None:
    found = examine(samples / "tickets.csv")

    assert found["columns"] == {"text": "message", "label": "queue"}
    assert found["profile"]["classes"] == 6
    json.dumps(found, allow_nan=False)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="cannot be read: No such file"):
        examine(tmp_path / "nope.csv")
