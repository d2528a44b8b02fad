"""Which figures of an answer have no source, on sentences judged one by one.

`judged_figures.jsonl` has what a model might say after the results below, and which figures of it
stand in none of them.
"""

import json
from pathlib import Path

from agent.events import ApprovalNeeded, ToolFinished
from agent.memory import FileRef
from agent.turn import sources
from agent.world import World, from_house
from core.identity import ALL_SCOPES, Caller
from tests.agent.talking import said, talk
from tools.base import House, ToolContext, decide, quote_made

RUN = {
    "run": "run_1",
    "state": "succeeded",
    "step": 40,
    "total_steps": 120,
    "eta_s": 95.0,
    "metrics": {"test": {"accuracy": 0.9347, "macro_f1": 0.9218, "rows": 1540}},
    "baselines": [{"name": "frozen", "accuracy": 0.8912, "difference": {"points": 4.35}}],
    "training": {"seconds": 754.2, "epochs": 3, "curve": [[1, 3.912], [120, 0.2104]]},
    "export": {"bytes": 23_068_672},
    "verdict": {"text": "The tuned model is better than the frozen baseline by 4.4 points."},
}
QUOTE = {
    "quote": "quote_1",
    "minutes": {"expected": 12.4, "low": 9.0, "high": 18.0},
    "memory_mb": 1228.8,
    "cost": {"low": 0.2, "high": 0.35, "currency": "USD"},
    "parameters": {"rank": {"value": 16}, "learning_rate": {"value": 0.0002}},
    "dataset": "tickets@1",
    "splits": {"train": 12_000, "validation": 1_540, "test": 1_540},
    "labels": ["a", "b", "c", "d"],
}
ASKED = {"answer": {"label": "card", "score": 0.9731}, "latency_ms": 42.61}
REFUNDS = "Refunds take 14 days. Orders above $50 ship free."
PASSAGE = {"passages": [{"text": REFUNDS, "score": 0.7}]}
SAID = "use rank 32 and stop at 95 % accuracy"
NAMES = World(datasets=["tickets@1", "mails@3", "pets@1"])
KNOWN = sources.known([{"result": part} for part in (RUN, QUOTE, ASKED, PASSAGE)], SAID, NAMES)

JUDGED = [
    json.loads(line)
    for line in Path(__file__).with_name("judged_figures.jsonl").read_text("utf-8").splitlines()
]


def test_figures_without_a_source_are_marked_and_no_others() -> None:
    wrong = [judged for judged in JUDGED if found(judged["text"]) != judged["unsourced"]]

    assert len(JUDGED) >= 100 and not wrong


def test_a_number_beyond_all_measure_neither_breaks_the_marks_nor_excuses_a_figure() -> None:
    claim = "Your run reached 12.5 % accuracy."
    for number in ("1e400", "1e-400", "9" * 400, f"1e{'9' * 5_000}", f"{'9' * 400} %"):
        known = sources.known([{"result": {"text": f"loss {number}"}}], number, NAMES)
        marks = sources.unsourced(f"{claim} It is {number} now.", known)
        assert "12.5 %" in [mark.text for mark in marks]
    for value in (float("nan"), float("inf"), 10**400):
        known = sources.known([{"result": {"loss": value}}], "", NAMES)
        assert [mark.text for mark in sources.unsourced(claim, known)] == ["12.5 %"]


def found(text: str) -> list[str]:
    marks = sources.unsourced(text, KNOWN)
    assert all(text[mark.start : mark.end] == mark.text for mark in marks)
    return [mark.text for mark in marks]


def test_an_answer_without_any_result_has_no_source_for_what_it_claims() -> None:
    marks = sources.unsourced("Your model has 93.5 % accuracy.", sources.Known())

    assert [mark.text for mark in marks] == ["93.5 %"]


async def test_what_our_own_planner_says_always_has_a_source(house: House, upload: FileRef) -> None:
    """The same look-up, on conversations where every figure is known to come from a result."""
    ctx = ToolContext(house, Caller(scopes=ALL_SCOPES), "t1")
    for text, files in CONVERSATION:
        events = await talk(house, text, *([upload] if files else []))
        outcomes = [
            {"result": event.result, "error": event.error}
            for event in events
            if isinstance(event, ToolFinished)
        ]
        asked = [event.approval for event in events if isinstance(event, ApprovalNeeded)]
        known = sources.known([*outcomes, *asked], text, from_house(house, ctx.caller))
        assert sources.unsourced(said(events), known) == [], said(events)
        for approval in asked:
            house.follower.tick()
            quote_made(house)
            decide(ctx, approval["id"], "approve")
            house.follower.tick()


CONVERSATION = [
    ("what can you do?", False),
    ("make a dataset from this", True),
    ("describe it", False),
    ("check the data", False),
    ("what would fine-tuning cost for 3 epochs?", False),
    ("fine-tune on it for 3 epochs with rank 8", False),
    ("how is it going?", False),
    ("compare the runs", False),
    ("how did the baselines do?", False),
    ("list my models", False),
    ("what is using the disk?", False),
    ("what does the rank do?", False),
    ("微调的进展如何？", False),
]
