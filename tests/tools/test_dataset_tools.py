"""The tools on datasets and on the disk, through the one door."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import RequestRefused
from core.identity import ALL_SCOPES, Caller
from core.records import tables
from core.records.database import next_id
from core.records.queries import stamp
from tools import base
from tools.base import House, ToolContext

OWNER = Caller(scopes=ALL_SCOPES)
FILES = Path(__file__).parents[1] / "files"


@pytest.fixture
def ctx(house: House) -> ToolContext:
    return ToolContext(house, OWNER)


def call(ctx: ToolContext, tool: str, /, **arguments: Any) -> dict[str, Any]:
    result = base.call(ctx, tool, arguments).result
    assert result is not None
    return result


def upload(house: House, name: str) -> str:
    return house.files.save_bytes(OWNER, name, (FILES / name).read_bytes()).id


def test_an_upload_becomes_a_dataset_that_can_be_listed_described_and_checked(
    ctx: ToolContext,
) -> None:
    file_id, test_id = upload(ctx.house, "tickets.csv"), upload(ctx.house, "tickets_test.csv")
    made = call(ctx, "create_dataset", name="tickets", file_id=file_id, test_file_id=test_id)
    checked = call(ctx, "check_dataset", dataset="tickets")

    assert (made["dataset"], made["task"], made["rows"]) == ("tickets@1", "classification", 192)
    assert made["splits"]["test"] == 42
    assert made["profile"]["columns"]["label"]["column"] == "queue"
    assert call(ctx, "describe_dataset", dataset="tickets@1") == made
    assert [row["dataset"] for row in call(ctx, "list_datasets")["datasets"]] == ["tickets@1"]
    assert checked["dataset"] == "tickets@1"
    assert checked["tokens"]["limit"] == 512
    assert checked["tokens"]["unknown_share"] == 0


def test_rows_are_shown_a_page_at_a_time_with_their_place_in_the_file(
    ctx: ToolContext, tickets: str
) -> None:
    stored = ctx.house.datasets.get(OWNER, tickets)
    every = [
        {"row": row, "split": split, "text": text, "label": label, "cut": False}
        for split in ("train", "validation", "test")
        for row, text, label in ctx.house.datasets.rows(stored, split)
    ]
    pages = [call(ctx, "sample_dataset", dataset=tickets, page=n, rows=40) for n in (1, 2, 3, 4)]

    assert [row for page in pages for row in page["rows"]] == every
    assert {(page["page"], page["pages"], page["total"]) for page in pages} == {
        (n, 4, len(every)) for n in (1, 2, 3, 4)
    }
    assert call(ctx, "describe_dataset", dataset=tickets)["sample"]["rows"] == every[:10]


def test_rows_are_chosen_by_split_and_by_label_whatever_its_case(
    ctx: ToolContext, tickets: str
) -> None:
    found = call(ctx, "sample_dataset", dataset=tickets, label="CANCEL", split="test")
    rows = ctx.house.datasets.rows(ctx.house.datasets.get(OWNER, tickets), "test")
    numbers = [number for number, _, label in rows if label == "cancel"]

    assert (found["label"], found["split"], found["total"]) == ("cancel", "test", len(numbers))
    assert [row["row"] for row in found["rows"]] == numbers


def test_a_chat_file_becomes_a_dataset_that_is_shown_as_turns(ctx: ToolContext) -> None:
    rows = [
        {"conversations": [{"from": "human", "value": f"Hi {n}"}, {"from": "gpt", "value": "Yes."}]}
        for n in range(40)
    ]
    file_id = ctx.house.files.save_bytes(OWNER, "talks.json", json.dumps(rows).encode()).id
    made = call(ctx, "create_dataset", name="talks", file_id=file_id)

    assert (made["task"], made["rows"], made["classes"]) == ("chat", 40, None)
    assert made["profile"]["shape"] == "sharegpt"
    assert made["profile"]["columns"]["messages"]["column"] == "conversations"
    assert call(ctx, "describe_dataset", dataset="talks") == made
    (listed,) = call(ctx, "list_datasets")["datasets"]
    assert (listed["dataset"], listed["task"]) == ("talks@1", "chat")
    (row,) = call(ctx, "sample_dataset", dataset="talks", split="test", rows=1)["rows"]
    assert row["turns"] == [
        {"role": "user", "text": f"Hi {row['row'] - 1}", "cut": False},
        {"role": "assistant", "text": "Yes.", "cut": False},
    ]


def test_rows_in_a_later_part_of_a_long_file_are_found(ctx: ToolContext) -> None:
    lines = [f"sentence {n} about something,class {n % 3}" for n in range(24_000)]
    lines[5] = "x" * 600 + ",class 2"
    content = "\n".join(["text,label", *lines]).encode()
    file_id = ctx.house.files.save_bytes(OWNER, "long.csv", content).id
    made = call(ctx, "create_dataset", name="long", file_id=file_id)
    stored = ctx.house.datasets.get(OWNER, "long")
    train = [row for row, _, label in ctx.house.datasets.rows(stored, "train") if label[-1] == "2"]
    found = call(ctx, "sample_dataset", dataset="long", label="class 2", page=120, rows=50)

    assert [row["row"] for row in found["rows"]] == train[119 * 50 : 120 * 50]
    assert len(found["rows"]) == 50
    assert max(len(row["text"]) for row in made["sample"]["rows"]) <= 200


def test_a_long_text_is_cut_and_says_so(ctx: ToolContext) -> None:
    lines = [f"{'x' * 600} {n},{'ab'[n % 2]}" for n in range(30)]
    content = "\n".join(["text,label", *lines]).encode()
    file_id = ctx.house.files.save_bytes(OWNER, "a.csv", content).id
    call(ctx, "create_dataset", name="a", file_id=file_id)

    (row,) = call(ctx, "sample_dataset", dataset="a", rows=1)["rows"]
    assert (len(row["text"]), row["cut"]) == (500, True)


@pytest.mark.parametrize(
    ("arguments", "param", "fix"),
    [
        ({"rows": 0}, "rows", "from 1 to 50"),
        ({"rows": 51}, "rows", "from 1 to 50"),
        ({"page": 0}, "page", "from 1 to"),
        ({"page": 10_000}, "page", "from 1 to"),
        ({"split": "training"}, "split", "all, train, validation or test"),
        ({"label": "cancle"}, "label", "Labels: cancel."),
        ({"label": "nothing like it"}, "label", "Labels: "),
        ({"page": "1"}, "page", "Which page"),
    ],
)
def test_a_page_that_is_not_there_is_refused_with_what_there_is(
    ctx: ToolContext, tickets: str, arguments: dict[str, Any], param: str, fix: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "sample_dataset", {"dataset": tickets} | arguments)
    assert refused.value.param == param
    assert fix in (refused.value.fix or "")


def test_chinese_text_is_said_to_be_unknown_to_the_english_base(ctx: ToolContext) -> None:
    file_id = upload(ctx.house, "reviews_zh.csv")
    call(ctx, "create_dataset", name="reviews", file_id=file_id)
    checked = call(ctx, "check_dataset", dataset="reviews", base_model="minilm")

    assert "unknown_language" in [entry["code"] for entry in checked["problems"]]
    assert checked["tokens"]["unknown_share"] > 0.3


@pytest.mark.parametrize(
    "tool", ["describe_dataset", "sample_dataset", "check_dataset", "delete_dataset"]
)
def test_an_unknown_dataset_is_refused_naming_those_there_are(
    ctx: ToolContext, tickets: str, tool: str
) -> None:
    with pytest.raises(RequestRefused, match="no dataset 'nope'") as caught:
        base.call(ctx, tool, {"dataset": "nope"})
    assert tickets in (caught.value.fix or "")


def test_deleting_waits_for_approval_of_the_exact_version(ctx: ToolContext, tickets: str) -> None:
    asked = base.call(ctx, "delete_dataset", {"dataset": "tickets"}).approval
    assert asked is not None
    assert asked["arguments"] == {"dataset": "tickets@1"}
    assert ctx.house.datasets.get(OWNER, tickets)

    decided = base.decide(ctx, asked["id"], "approve")
    assert decided["result"] == {"dataset": "tickets@1", "deleted": True}
    assert call(ctx, "list_datasets") == {"datasets": []}


def test_a_dataset_in_use_is_not_even_asked_about(ctx: ToolContext, tickets: str) -> None:
    with ctx.house.database.write() as session:
        run = tables.Run(
            id=next_id(session, "run"), dataset=tickets, base_model="minilm", recipe={},
            state="running", **stamp(OWNER),
        )  # fmt: skip
        session.add(run)
    with pytest.raises(RequestRefused, match="used by run_1"):
        base.call(ctx, "delete_dataset", {"dataset": tickets})
    assert call(ctx, "list_approvals") == {"approvals": []}


def test_disk_usage_names_what_may_go_and_spares_what_is_used(
    ctx: ToolContext, tickets: str
) -> None:
    house = ctx.house
    spare = house.files.save_bytes(OWNER, "old.csv", b"x" * 1000).id
    used = house.datasets.get(OWNER, tickets).file_id
    with house.database.write() as session:
        for identifier, state in (
            ("run_1", "failed"),
            ("run_2", "running"),
            ("run_3", "succeeded"),
        ):
            session.add(
                tables.Run(
                    id=identifier,
                    dataset=tickets,
                    base_model="minilm",
                    recipe={},
                    state=state,
                    **stamp(OWNER),
                )
            )
    for identifier in ("run_1", "run_2", "run_3"):
        checkpoint = house.storage.path("jobs", identifier) / "checkpoints" / "step-1"
        checkpoint.mkdir(parents=True)
        (checkpoint / "head").write_bytes(b"x" * 5000)
    found = call(ctx, "disk_usage")
    may_go = {(entry["kind"], entry["id"]): entry["bytes"] for entry in found["may_go"]}

    assert may_go == {("job", "run_1"): 5000, ("checkpoints", "run_3"): 5000, ("file", spare): 1000}
    assert used not in [identifier for _, identifier in may_go]
    kinds = {kind["kind"]: kind for kind in found["kinds"]}
    assert kinds["jobs"]["bytes"] == 15_000
    assert kinds["files"]["count"] == 2
    assert found["bytes"] == sum(kind["bytes"] for kind in found["kinds"])


def test_disk_usage_says_nothing_of_someone_elses_files(ctx: ToolContext) -> None:
    ctx.house.files.save_bytes(Caller(user="someone else"), "private.csv", b"x")
    assert call(ctx, "disk_usage")["may_go"] == []


def test_ambiguous_columns_come_back_as_a_question(ctx: ToolContext) -> None:
    lines = [f"a message about thing {n},q{n % 3},p{n % 2}" for n in range(30)]
    content = "\n".join(["message,queue,priority", *lines]).encode()
    file_id = ctx.house.files.save_bytes(OWNER, "a.csv", content).id
    with pytest.raises(RequestRefused) as caught:
        base.call(ctx, "create_dataset", {"name": "a", "file_id": file_id})
    made = call(ctx, "create_dataset", name="a", file_id=file_id, columns={"label": "priority"})

    assert caught.value.code == "ambiguous_columns"
    assert made["columns"] == {"text": "message", "label": "priority"}
