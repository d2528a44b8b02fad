"""What happened between two turns is known in the next one."""

from agent import notes
from agent.memory import Memory, spoken
from core.identity import ALL_SCOPES, Caller
from tools import base
from tools.base import House, ToolContext

ANN = Caller(scopes=ALL_SCOPES)


def test_a_decision_and_the_end_of_a_run_are_remembered_in_their_thread(
    house: House, tickets: str
) -> None:
    Memory(house.database, ANN, "thread-1").add([spoken("fine-tune it")])
    stop = notes.follow(house)
    ctx = ToolContext(house, ANN, thread_id="thread-1")
    asked = base.call(ctx, "start_finetune", {"dataset": tickets}).approval
    assert asked is not None
    for _ in range(2):
        house.follower.tick()
    base.quote_made(house)
    base.decide(ctx, asked["id"], "approve")
    for _ in range(2):
        house.follower.tick()
    stop()
    assert remembered(house, "thread-1") == [
        "fine-tune it",
        "ap_1 (start_finetune) was decided: done as run_1.",
        "run_1 on tickets@1 has ended: succeeded. It made the model tickets@1.",
    ]
    assert remembered(house, "thread-2") == []


def test_a_plan_whose_place_a_newer_one_took_is_remembered_once_and_not_as_turned_down(
    house: House, tickets: str
) -> None:
    Memory(house.database, ANN, "thread-1").add([spoken("fine-tune it")])
    stop = notes.follow(house)
    ctx = ToolContext(house, ANN, thread_id="thread-1")
    for epochs in (1, 2, 2):
        base.call(ctx, "start_finetune", {"dataset": tickets, "epochs": epochs})
    stop()

    assert remembered(house, "thread-1") == [
        "fine-tune it",
        "ap_1 (start_finetune) was replaced by ap_2.",
    ]


def remembered(house: House, thread_id: str) -> list[str]:
    return [str(message.text) for message in Memory(house.database, ANN, thread_id).load()]
