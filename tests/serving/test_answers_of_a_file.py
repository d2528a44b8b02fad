"""Answers to the prompts of a file: one row's trouble is that row's alone."""

from core.errors import RequestRefused, ServiceFailed
from serving import predict


def troubled(text: str) -> tuple[str, str]:
    if text == "long":
        raise RequestRefused("It is too long.", code="prompt_too_long")
    if text == "lost":
        raise ServiceFailed("The engine ended.", code="engine_lost")
    return text.upper(), "stop"


def test_a_row_that_fails_says_why_and_the_others_keep_their_answers() -> None:
    answers = predict.write(["yes", "lost", None, "long", "no"], troubled)

    assert answers == [
        ("YES", "stop"),
        ("", "engine_lost"),
        None,
        ("", "prompt_too_long"),
        ("NO", "stop"),
    ]
