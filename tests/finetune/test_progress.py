"""Progress is folded from the worker's events, however they arrive."""

import json
from typing import Any

from finetune.progress import CURVE_POINTS, Progress, thin
from tests.fakes import step_event


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_a_line_cut_in_two_is_read_when_it_is_whole() -> None:
    progress, content = Progress(), lines(step_event(1, 10))

    assert not progress.feed(content[:9])
    assert progress.offset == 0
    assert progress.feed(content)
    assert progress.as_dict()["step"] == 1


def test_a_torn_line_does_not_hide_the_next() -> None:
    progress = Progress()

    progress.feed(b'{"type": "st\n' + b"[]\n" + lines(step_event(2, 10)))

    assert progress.as_dict()["step"] == 2


def test_after_a_resume_the_steps_that_did_not_happen_are_gone() -> None:
    progress = Progress()
    progress.feed(lines(*(step_event(step, 10) for step in range(1, 8))))

    progress.feed(lines({"type": "resumed", "step": 5}, step_event(6, 10)))

    assert [step for step, _ in progress.as_dict()["curve"]] == [1, 2, 3, 4, 5, 6]
    assert "checkpoint of step 5" in progress.as_dict()["notes"][0]


def test_an_error_of_an_attempt_that_was_resumed_is_forgotten() -> None:
    progress = Progress()

    progress.feed(lines({"type": "error", "code": "x", "message": "m"}, {"type": "resumed"}))

    assert progress.error is None


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    points = [[float(step), 1.0] for step in range(1, 10_002)]

    found = thin(points)

    assert len(found) <= CURVE_POINTS
    assert found[-1] == [10_001.0, 1.0]
    assert thin(points[:7]) == points[:7]
    assert thin([]) == []


def test_notes_are_kept_once_and_not_without_end() -> None:
    progress = Progress()

    progress.feed(lines(*({"type": "note", "message": f"n{i % 50}"} for i in range(500))))

    assert len(progress.as_dict()["notes"]) == 20
