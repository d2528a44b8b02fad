"""`/v1/classify`: what is taken, what comes back."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from core.errors import RequestRefused
from core.identity import Caller
from serving.answers import Classified
from serving.gateway import classify as gateway
from serving.monitor import Monitor, percentile
from serving.requests import check_texts, check_top_k
from serving.supervisor import best


@dataclass
class FakeSupervisor:
    """Finds a cat in every text."""

    asked: list[tuple[str, Any, Any]] = field(default_factory=list)

    async def aclassify(
        self, caller: Caller, target: str, texts: Any, top_k: Any = 1
    ) -> Classified:
        self.asked.append((target, texts, top_k))
        answer = [("cat", 0.9), ("dog", 0.1)][: check_top_k(top_k)]
        return Classified("pets@1", [answer for _ in check_texts(texts)], 1.0)


async def test_the_answer_has_the_shape_of_the_contract() -> None:
    body = {"model": "zoo", "input": ["meow", "woof"], "top_k": 2}

    answer = await gateway.classify(FakeSupervisor(), Caller(), body)

    labels = [{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.1}]
    assert answer == {
        "object": "list",
        "model": "zoo",
        "version": "pets@1",
        "data": [
            {"index": 0, "label": "cat", "score": 0.9, "labels": labels},
            {"index": 1, "label": "cat", "score": 0.9, "labels": labels},
        ],
    }


async def test_one_text_is_a_list_of_one_with_its_likeliest_label() -> None:
    answer = await gateway.classify(FakeSupervisor(), Caller(), {"model": "zoo", "input": "meow"})

    assert [entry["labels"] for entry in answer["data"]] == [[{"label": "cat", "score": 0.9}]]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "meow"}, "model"),
        ({"model": 7, "input": "meow"}, "model"),
        ({"model": "", "input": "meow"}, "model"),
        ({"model": "zoo"}, "input"),
        ({"model": "zoo", "input": None}, "input"),
        ({"model": "zoo", "input": []}, "input"),
        ({"model": "zoo", "input": [1]}, "input"),
        ({"model": "zoo", "input": [["meow"]]}, "input"),
        ({"model": "zoo", "input": {"text": "meow"}}, "input"),
        ({"model": "zoo", "input": ["meow", " \n"]}, "input"),
        ({"model": "zoo", "input": ["meow"] * 257}, "input"),
        ({"model": "zoo", "input": "x" * 32_001}, "input"),
        ({"model": "zoo", "input": "half \ud83d a cat"}, "input"),
        ({"model": "zoo", "input": "meow", "top_k": 0}, "top_k"),
        ({"model": "zoo", "input": "meow", "top_k": True}, "top_k"),
        ({"model": "zoo", "input": "meow", "top_k": 1.5}, "top_k"),
        ({"model": "zoo", "input": "meow", "top_k": "3"}, "top_k"),
    ],
)
async def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await gateway.classify(FakeSupervisor(), Caller(), body)

    assert refused.value.param == param
    assert refused.value.fix


async def test_a_key_without_the_right_to_infer_is_refused_before_anything_is_asked() -> None:
    supervisor = FakeSupervisor()

    with pytest.raises(RequestRefused) as refused:
        await gateway.classify(
            supervisor, Caller(scopes=frozenset({"read"})), {"model": "zoo", "input": "meow"}
        )

    assert refused.value.code == "forbidden"
    assert supervisor.asked == []


def test_the_largest_request_is_taken() -> None:
    assert len(check_texts(["x" * 32_000] * 256)) == 256


def test_more_labels_wanted_than_there_are_gives_all_of_them() -> None:
    assert best([0.2, 0.5, 0.3], ["a", "b", "c"], 10) == [("b", 0.5), ("c", 0.3), ("a", 0.2)]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7.0], 0.95, 7.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(value) for value in range(1, 101)], 0.95, 95.0),
    ],
)
def test_percentiles_are_values_that_were_seen(
    values: list[float], share: float, expected: float | None
) -> None:
    assert percentile(values, share) == expected


def test_counts_are_handed_over_once() -> None:
    monitor = Monitor()
    monitor.answered("endpoint_1", 5.0)
    monitor.failed("endpoint_1")

    taken = monitor.take()

    assert (taken["endpoint_1"].requests, taken["endpoint_1"].errors) == (2, 1)
    assert monitor.take() == {}
    assert monitor.latency_ms("endpoint_1") == {"p50": 5.0, "p95": 5.0}
