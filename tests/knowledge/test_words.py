import pytest

from knowledge.words import indexable, terms


def test_stop_words_do_not_count() -> None:
    assert terms("How do I format the data for fine-tuning?") == [
        '"format"',
        '"data"',
        '"fine"',
        '"tuning"',
    ]


def test_a_question_of_stop_words_alone_keeps_them() -> None:
    assert terms("what is it") == ['"what"', '"is"', '"it"']


def test_chinese_is_compared_by_pairs_of_signs() -> None:
    assert terms("停止训练") == ['"停止"', '"止训"', '"训练"']
    assert terms("怎么停止训练？") == ['"停止"', '"止训"', '"训练"']
    assert indexable("停止训练 now").split() == ["停止", "止训", "训练", "练", "now"]


def test_a_single_sign_is_the_beginning_of_pairs() -> None:
    assert terms("卡") == ['"卡"*']


@pytest.mark.parametrize("query", ['a" OR "b', "(", "col:x", "-x", "x*"])
def test_no_sign_of_fts_survives(query: str) -> None:
    for term in terms(query):
        assert term[0] == term[-1] == '"'
        assert '"' not in term[1:-1]
