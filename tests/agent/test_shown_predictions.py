"""The card of a file with predictions, of a classifier and of a chat model."""

from agent.language import words_in
from agent.shown.documents import predictions_view
from core.records.tables import Json

COMMON: Json = {
    "file_id": "file_1",
    "filename": "prompts-predictions.csv",
    "rows": 4,
    "without_text": 1,
    "model": "cat@1",
    "column": "prompt",
}


def test_the_answers_of_a_chat_model_are_shown_with_what_is_missing() -> None:
    examples = [{"text": "hello", "answer": "meow"}]
    more = {"answered": 1, "refused": 1, "out_of_time": 1, "examples": examples}

    view = predictions_view(COMMON | more, words_in("en"))

    assert view.tables[0].rows == [["hello", "meow"]]
    assert ("Without an answer", "2") in view.facts


def test_the_labels_of_a_classifier_are_counted() -> None:
    view = predictions_view(COMMON | {"labels": [{"label": "cat", "rows": 3}]}, words_in("zh"))

    assert view.tables[0].rows == [["cat", 3]]
    assert len(view.facts) == 4
