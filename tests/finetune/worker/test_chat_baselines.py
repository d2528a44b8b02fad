"""What needs no training: the answer of the nearest question, the most frequent answer."""

from finetune.worker.tasks.chat import baselines

ASKED = ["Where is my card?", "How do I change my PIN?", "我的卡在哪里？", "  "]


def test_the_nearest_question_is_found_in_any_script() -> None:
    found = baselines.nearest(
        ASKED, ["where is that new card", "can the pin be changed", "卡在哪里"]
    )

    assert found == [0, 1, 2]


def test_what_was_asked_last_counts_in_a_long_question() -> None:
    long = "Tell me about something else entirely. " * 500

    assert baselines.nearest(ASKED, [long + ASKED[1] * 50]) == [1]


def test_more_questions_than_are_compared_at_once_keep_their_order() -> None:
    asked = [f"number n{i}" for i in range(200)]

    assert baselines.nearest(asked, asked[::-1]) == [*range(200)][::-1]


def test_the_frequent_answer_is_found_however_it_is_written() -> None:
    assert baselines.frequent(["No", "Yes ", "yes", "never"]) == 1


def test_where_answers_hardly_repeat_there_is_no_frequent_one() -> None:
    assert baselines.frequent(["a", "b", "c"]) is None
    assert baselines.frequent([*map(str, range(500)), "0"]) is None
