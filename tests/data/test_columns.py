import pytest

from core.errors import RequestRefused
from data.columns import choose
from data.formats.base import Facts, Table

SENTENCES = [f"this is sentence number {n} of a longer kind" for n in range(40)]
QUEUES = [("billing", "delivery", "login", "other")[n % 4] for n in range(40)]


def table(**columns: list[str]) -> Table:
    values = {name: [*column] for name, column in columns.items()}
    return Table(values, Facts(format="csv"))  # type: ignore[arg-type]  # no None in these


def test_the_long_and_the_repeating_column_are_taken_with_a_reason() -> None:
    roles = choose(table(id=[*map(str, range(40))], mail=SENTENCES, queue=QUEUES), {})

    assert (roles["text"].column, roles["label"].column) == ("mail", "queue")
    assert "100% of its values are different" in roles["text"].why
    assert "4 different values in 40 rows" in roles["label"].why


def test_few_numbers_are_classes_and_many_are_not() -> None:
    stars = [str(n % 5 + 1) for n in range(40)]
    prices = [f"{n}.99" for n in range(40)]
    roles = choose(table(review=SENTENCES, stars=stars, price=prices), {})

    assert roles["label"].column == "stars"
    assert "numbers, taken as class names" in roles["label"].why


def test_two_possible_labels_are_asked_about_with_samples() -> None:
    priority = [("low", "high")[n % 2] for n in range(40)]
    with pytest.raises(RequestRefused) as caught:
        choose(table(message=SENTENCES, queue=QUEUES, priority=priority), {})

    assert caught.value.code == "ambiguous_columns"
    assert "queue (4 different values, such as 'billing'" in caught.value.message
    assert "priority (2 different values" in caught.value.message
    assert caught.value.fix == 'Say which, for example columns={"label": "queue"}.'


def test_two_possible_texts_are_asked_about() -> None:
    answers = [f"the answer to sentence {n} which is as long" for n in range(40)]
    with pytest.raises(RequestRefused, match="could be the text"):
        choose(table(question=SENTENCES, answer=answers, label=QUEUES), {})


def test_a_usual_name_decides_between_candidates() -> None:
    titles = [f"title {n}" for n in range(40)]
    language = [("en", "de")[n % 2] for n in range(40)]
    roles = choose(table(title=titles, Body=SENTENCES, lang=language, Category=QUEUES), {})

    assert (roles["text"].column, roles["label"].column) == ("Body", "Category")


def test_what_is_given_is_taken_and_the_rest_is_guessed() -> None:
    priority = [("low", "high")[n % 2] for n in range(40)]
    roles = choose(table(message=SENTENCES, queue=QUEUES, priority=priority), {"label": "priority"})

    assert roles["label"].column == "priority"
    assert roles["label"].why == "you said so"
    assert roles["text"].column == "message"


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"text": "nope"}, "unknown_column", "'message', 'queue'"),
        ({"answer": "queue"}, "unknown_role", "text"),
        ({"text": "queue", "label": "queue"}, "same_column", "two columns"),
    ],
)
def test_wrong_columns_are_refused_with_those_there_are(
    given: dict[str, str], code: str, says: str
) -> None:
    with pytest.raises(RequestRefused) as caught:
        choose(table(message=SENTENCES, queue=QUEUES), given)
    assert caught.value.code == code
    assert says in str(caught.value)


def test_conversations_are_recognised_and_said_not_to_be_supported() -> None:
    with pytest.raises(RequestRefused, match="holds conversations") as caught:
        choose(table(messages=SENTENCES), {})
    assert caught.value.code == "unsupported_task"


def test_one_column_is_not_enough() -> None:
    with pytest.raises(RequestRefused, match="one column or none") as caught:
        choose(table(text=SENTENCES), {})
    assert caught.value.code == "one_column"


def test_a_column_of_identifiers_is_no_label() -> None:
    with pytest.raises(RequestRefused) as caught:
        choose(table(text=SENTENCES, id=[f"id-{n}" for n in range(40)]), {})
    assert caught.value.code in ("ambiguous_columns", "no_label_column")
