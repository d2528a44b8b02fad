"""The proof that the built-in chat model is no gibberish machine: it learns a regular task."""

from pathlib import Path

import pytest

from benchmarks.tiny_chat import jsonl, scores, workplace
from tests.tiny_base import put_tiny_chat


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_tuned_with_the_defaults_it_answers_questions_it_never_saw(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cache = request.config.cache
    assert cache is not None
    with workplace(tmp_path) as place:
        put_tiny_chat(tmp_path, cache.mkdir("tiny-chat"))
        place.upload("orders", jsonl("orders"))

        run = place.run(place.quote("orders"))

    tuned, untuned = scores(run)
    assert tuned >= 0.9
    assert untuned <= 0.2
