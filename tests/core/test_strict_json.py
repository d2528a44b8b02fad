import pytest

from core.errors import RequestRefused
from core.strict_json import parse, parse_object


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": Infinity}', "Infinity is not a number"),
        ('{"a": 12345678901234567890}', "more than 18 digits"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": 1,}', "line 1, column"),
        ("[" * 10_000 + "]" * 10_000, "deeper than 100"),
        ("[" * 200 + "]" * 200, "deeper than 100"),
        ("", "line 1, column 1"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RequestRefused, match=reason):
        parse(text)


def test_bytes_that_are_not_utf8_are_refused_with_their_place() -> None:
    with pytest.raises(RequestRefused, match="byte 2 is not UTF-8"):
        parse(b'{"\xff": 1}')


def test_a_list_where_an_object_is_wanted_is_refused() -> None:
    with pytest.raises(RequestRefused, match="it is a list, not an object"):
        parse_object("[]")


def test_ordinary_json_is_read_as_it_is() -> None:
    assert parse_object('{"text": "naïve 漢字 😀", "n": [1, 2.5, null, true]}') == {
        "text": "naïve 漢字 😀",
        "n": [1, 2.5, None, True],
    }
