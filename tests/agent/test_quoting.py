"""Which piece of a passage is quoted for a question, in both languages."""

from typing import Any

from agent.quoting import PART_CHARACTERS, quoted

HOTEL = "入住时间是下午两点之后，需要出示证件。\n\n退房时间是中午十二点之前，行李可以寄存在前台。"


def passage(text: str, score: float = 1.0) -> dict[str, Any]:
    return {"text": text, "score": score}


def test_the_paragraph_that_shares_words_with_the_question_is_quoted() -> None:
    text = (
        "Rows without a label are left out of the dataset.\n\n"
        "Files may have at most 200 MB and one million rows."
    )

    said = quoted([passage(text)], "how many rows may files have?")

    assert said == "Files may have at most 200 MB and one million rows. [1]"


def test_a_chinese_question_finds_its_paragraph_without_spaces_between_words() -> None:
    said = quoted([passage(HOTEL)], "什么时候退房？行李放哪里？")

    assert said == "退房时间是中午十二点之前，行李可以寄存在前台。 [1]"


def test_a_long_chinese_paragraph_is_cut_at_the_end_of_a_sentence() -> None:
    said = quoted([passage("退房时间是中午十二点之前。" * 60)], "退房")

    assert said.endswith("。 [1]") and len(said) <= PART_CHARACTERS + 4


def test_lines_of_chinese_prose_are_joined_without_a_space() -> None:
    said = quoted([passage("退房时间是中午\n十二点之前，行李可以寄存在前台。")], "退房")

    assert said.startswith("退房时间是中午十二点之前")


def test_the_number_of_the_passage_stands_below_a_list() -> None:
    said = quoted([passage("- one thing that is long enough\n- another one")], "thing")

    assert said.endswith("another one\n\n[1]")


def test_a_passage_that_is_much_worse_than_the_best_is_not_quoted() -> None:
    passages = [passage("Files may have 200 MB."), passage("Files are kept for ever.", 0.2)]

    assert "[2]" not in quoted(passages, "how large may files be?")
