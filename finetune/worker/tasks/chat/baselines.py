"""The cheap alternatives that a tuned chat model has to beat, beside the untuned base itself.

`nearest` gives the answer of the most similar training question: what a search in the old answers
would say. `frequent` always gives the most frequent answer, where answers repeat.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from finetune.worker.baselines import vectorizer
from finetune.worker.tasks.chat.evaluate import normalised

READ_CHARACTERS = 4_000
"""Of a question, from its end: what was asked last."""
MOST_QUESTIONS = 50_000
"""Training questions that are searched; of more, so many are drawn."""
AT_ONCE = 64
"""Test questions compared at once; memory goes by their product with the training questions."""
WORTH_SAYING = 0.01
"""Share of the training answers that the most frequent one must be, at least."""


def nearest(asked: Sequence[str], questions: Sequence[str]) -> list[int]:
    """For each question the place of the most similar one in `asked`, by TF-IDF of words and
    characters, so that any script will do."""
    chosen = np.random.default_rng(0).permutation(len(asked))[:MOST_QUESTIONS]
    known = [_read(asked[i]) for i in chosen]
    parts = [vectorizer("word", (1, 2)), vectorizer("char", (1, 4))]
    there = scipy.sparse.hstack([part.fit_transform(known) for part in parts]).tocsr()
    here = scipy.sparse.hstack([part.transform(map(_read, questions)) for part in parts]).tocsr()
    return [int(chosen[i]) for i in _most_similar(here, there)]


def _read(question: str) -> str:
    # A question of nothing but spaces has no words, which the vectorizer refuses.
    return question[-READ_CHARACTERS:].strip() or "?"


def _most_similar(here: Any, there: Any) -> list[int]:
    """Rows of both have length 1, so the product is the cosine."""
    found: list[int] = []
    for start in range(0, here.shape[0], AT_ONCE):
        found += (here[start : start + AT_ONCE] @ there.T).toarray().argmax(1).tolist()
    return found


def frequent(answers: Sequence[str]) -> int | None:
    """The place of the first of the most frequent answers, or None where they hardly repeat."""
    said = [normalised(answer) for answer in answers]
    most, count = Counter(said).most_common(1)[0]
    if count < 2 or count < WORTH_SAYING * len(answers):
        return None
    return said.index(most)
