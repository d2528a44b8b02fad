"""The planner on conversations: what their data decides, and what the words decide where it cannot.

The tools are the real ones; nothing is trained here.
"""

import json

import pytest

from agent.closing import Done, closing
from agent.events import ApprovalNeeded, ToolFinished
from agent.language import words_in
from agent.memory import FileRef
from agent.understanding.cases import run_case
from agent.understanding.plan import Plan
from agent.world import from_house, read_back, rendered
from tests.agent.talking import OWNER, called, said, talk
from tools.base import House

CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"Where is parcel {number}?"},
            {"role": "assistant", "content": f"Parcel {number} is on its way to you."},
        ]
    }
    for number in range(40)
]
LABELLED = "question,answer,label\n" + "".join(
    f"where is parcel {number},it is on its way number {number},{'late' if number % 2 else 'ok'}\n"
    for number in range(40)
)


@pytest.fixture
def chats(house: House) -> FileRef:
    text = "".join(json.dumps(chat) + "\n" for chat in CHATS)
    return stored(house, "helpdesk.jsonl", text)


def stored(house: House, name: str, text: str) -> FileRef:
    file = house.files.save_bytes(OWNER, name, text.encode())
    return FileRef(file.id, file.filename)


async def test_conversations_become_a_dataset_and_then_a_chat_model(
    house: House, chats: FileRef
) -> None:
    made = await talk(house, "make a dataset from this", chats)
    assert "helpdesk@1 is ready" in said(made)
    assert "Next: say “fine-tune a chat model on it”." in said(made)

    asked = await talk(house, "yes")

    assert called(asked) == [("start_finetune", {"dataset": "helpdesk"})]
    approval = next(event.approval for event in asked if isinstance(event, ApprovalNeeded))
    assert approval["arguments"]["dataset"] == "helpdesk@1"


async def test_the_follow_up_is_offered_in_chinese_too(house: House, chats: FileRef) -> None:
    made = await talk(house, "用这个做一个数据集", chats, language="zh")
    assert "用它微调一个对话模型" in said(made)

    asked = await talk(house, "用它微调一个对话模型", language="zh")

    assert called(asked) == [("start_finetune", {"dataset": "helpdesk"})]


async def test_the_tokens_of_one_row_are_shown(house: House, chats: FileRef) -> None:
    await talk(house, "make a dataset from this", chats)

    shown = await talk(house, "show me the loss mask of row 3")

    assert called(shown) == [("check_dataset", {"dataset": "helpdesk", "row": 3})]
    result = next(event.result for event in shown if isinstance(event, ToolFinished))
    assert result is not None and [each["row"] for each in result["preview"]] == [3]


async def test_where_the_data_leaves_it_open_the_words_decide(house: House) -> None:
    file = stored(house, "qa.csv", LABELLED)

    events = await talk(house, "fine-tune a chat model on this", file)

    assert called(events) == [
        ("create_dataset", {"name": "qa", "file_id": file.id}),
        ("create_dataset", {"name": "qa", "file_id": file.id, "task": "chat"}),
        ("start_finetune", {"dataset": "qa"}),
    ]
    assert "ambiguous" not in said(events) and "task=" not in said(events)


async def test_where_neither_decides_the_answer_does(house: House) -> None:
    file = stored(house, "qa.csv", LABELLED)

    asked = await talk(house, "make a dataset from this", file)
    assert 'task="chat"' in said(asked)

    made = await talk(house, "chat")
    assert called(made)[-1][1]["task"] == "chat"
    assert "qa@1 is ready" in said(made)


async def test_a_chat_model_of_labelled_texts_is_told_to_be_a_classifier(
    house: House, upload: FileRef
) -> None:
    events = await talk(house, "train a chatbot on this", upload)

    assert "tickets@1 holds texts with labels, so a classifier is made of it." in said(events)


async def test_settings_that_chat_models_lack_are_refused_in_words(
    house: House, chats: FileRef
) -> None:
    await talk(house, "make a dataset from this", chats)

    for words, name in (
        ("dropout 0.1", "dropout"),
        ("head learning rate 0.01", "head_learning_rate"),
        ("label smoothing 0.1", "label_smoothing"),
        ("frozen_layers=2", "frozen_layers"),
    ):
        events = await talk(house, f"fine-tune a chat model on helpdesk with {words}")
        finished = [event for event in events if isinstance(event, ToolFinished)]
        assert finished[-1].error is not None and finished[-1].error["param"] == name
        assert name in said(events)


async def test_the_names_of_bases_and_what_data_is_for_are_known(
    house: House, chats: FileRef, upload: FileRef
) -> None:
    await talk(house, "make datasets from these", chats, upload)

    world = from_house(house, OWNER)

    assert world.tasks == {"helpdesk": "chat", "tickets": "classification"}
    assert world.bases == {"minilm": "encoder", "tiny-chat": "causal"}
    assert read_back(rendered(world)) == world


def test_a_base_that_is_not_here_is_told_beside_those_that_are() -> None:
    found = run_case({"text": "fine-tune llama-3 on chats", "datasets": ["chats"]})

    assert found["steps"] == []
    assert "tiny-chat" in found["reply"] and "thimble base add" in found["reply"]


@pytest.mark.parametrize(
    "text", ["what can you do?", "hello", "train an image model", "who are you?"]
)
def test_whoever_asks_what_can_be_done_hears_of_chat_models(text: str) -> None:
    reply = run_case({"text": text})["reply"]
    assert "chat model" in reply or "conversations" in reply


def test_what_a_chat_model_lost_to_is_not_offered_for_deployment() -> None:
    verdict = {"better": False, "recommend": "nearest", "text": "…"}
    result = {"run": "run_1", "state": "succeeded", "task": "chat", "verdict": verdict}

    told = closing(Plan(), [Done("run_status", result)], words_in("en"))

    assert "baseline" not in told and "“Deploy it” serves it all the same." in told
