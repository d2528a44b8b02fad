"""A conversation with a model itself: what it is sent, what makes way, and what is shown of it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent import talk
from agent.channels.web.drawing import draw, message
from agent.channels.web.streams import Part, written
from agent.language import words_in
from agent.language.words import CATALOGUES
from agent.shown import talks
from agent.talk import LeftOut, Party
from core.errors import RequestRefused, ServiceFailed
from core.identity import Caller
from serving.answers import Began, Ended, Event, Wrote
from tests.agent.sentences import ROOMS
from tools.base import House

Json = dict[str, Any]
EN, ZH = words_in("en"), words_in("zh")
TUNED, BASE = Party("support", "support@1"), Party("tiny-chat", "tiny-chat", untuned=True)
ENDED = Ended(
    finish_reason="stop", prompt_tokens=9, completion_tokens=2, ttft_ms=5.0, latency_ms=9.0
)


class Speaker:
    """Answers "well, …" to whatever fits; the room is counted in messages."""

    def __init__(self, room: int = 99, broken: str = "") -> None:
        self.room = room
        self.broken = broken
        self.asked: list[tuple[str, Json]] = []
        self.open = 0

    async def __call__(
        self, caller: Caller, target: str, asked: Mapping[str, Any]
    ) -> AsyncGenerator[Event, None]:
        self.asked.append((target, dict(asked)))
        if len(asked["messages"]) + asked.get("max_tokens", 0) // 128 > self.room:
            raise RequestRefused("Too long.", code="prompt_too_long")
        self.open += 1
        try:
            yield Began(target)
            yield Wrote("well, ")
            if target == self.broken:
                raise ServiceFailed("The engine failed.", code="engine_error")
            await asyncio.sleep(0)
            yield Wrote(asked["messages"][-1]["content"])
            yield ENDED
        finally:
            self.open -= 1


async def answered(speaker: Speaker, past: list[talk.Said], system: str = "") -> list[Any]:
    found = talk.answer(speaker, Caller(), TUNED, system, past, "hello")
    return [event async for event in found]


async def test_a_model_is_sent_what_it_said_itself_after_its_instructions() -> None:
    speaker = Speaker()

    events = await answered(speaker, [("hi", "good day"), ("lost", "")], "Be kind.")

    (target, asked) = speaker.asked[0]
    assert target == "support" and asked["temperature"] == 0.0
    assert [(one["role"], one["content"]) for one in asked["messages"]] == [
        ("system", "Be kind."),
        ("user", "hi"),
        ("assistant", "good day"),
        ("user", "hello"),
    ]
    assert events == [LeftOut(0), Began("support"), Wrote("well, "), Wrote("hello"), ENDED]


async def test_the_oldest_exchanges_make_way_and_that_is_told() -> None:
    speaker = Speaker(room=4)

    events = await answered(speaker, [("a", "1"), ("b", "2"), ("c", "3")])

    assert events[0] == LeftOut(2)
    assert speaker.asked[-1][1]["messages"][0]["content"] == "c"
    assert speaker.open == 0


async def test_a_message_that_does_not_fit_alone_is_refused() -> None:
    with pytest.raises(RequestRefused, match="Too long"):
        await answered(Speaker(room=0), [("a", "1")])


@pytest.mark.parametrize("text", ["", " \n", "x" * (talk.MOST_CHARACTERS + 1)])
def test_an_empty_and_an_endless_message_are_refused(text: str) -> None:
    with pytest.raises(RequestRefused):
        talk.check(text)


def parts_and_works(speaker: Speaker) -> tuple[list[Part], list[Any]]:
    parts = [Part(TUNED), Part(BASE)]

    def work(party: Party) -> Any:
        return lambda: talk.answer(speaker, Caller(), party, "", [], "hello")

    return parts, [work(part.party) for part in parts]


async def test_both_answers_are_written_at_the_same_time() -> None:
    parts, works = parts_and_works(Speaker())

    async for _ in written(parts, works):
        pass

    assert [part.text for part in parts] == ["well, hello", "well, hello"]
    assert [part.finish_reason for part in parts] == ["stop", "stop"]
    assert not any(part.writing for part in parts)


async def test_one_model_that_fails_leaves_the_other_its_answer_and_says_why() -> None:
    parts, works = parts_and_works(Speaker(broken="tiny-chat"))

    async for _ in written(parts, works):
        pass
    view = talks.answers(parts, EN)

    mine, other = view.exchanges[0].answers
    assert (mine.text, mine.tone, other.note, other.tone) == (
        "well, hello",
        "",
        "broken off",
        "bad",
    )
    assert view.notes == ["tiny-chat: The engine failed."]


async def test_whoever_leaves_ends_both_answers() -> None:
    speaker = Speaker()
    parts, works = parts_and_works(speaker)

    found = written(parts, works)
    while speaker.open < 2:
        await anext(found)
    await found.aclose()  # type: ignore[attr-defined]

    assert speaker.open == 0
    assert [one.note for one in talks.answers(parts, EN).exchanges[0].answers] == ["stopped"] * 2


def test_what_was_said_is_read_from_the_thread_for_each_model_apart() -> None:
    parts = [Part(TUNED, "mine", False), Part(BASE, "", False)]
    card = message("2", "thread", draw(talks.answers(parts, EN), EN), "")
    steps = [
        {"type": "user_message", "output": "hi", "metadata": None},
        card | {"metadata": json.dumps(card["metadata"])},
        {"type": "user_message", "output": "never answered", "metadata": None},
    ]

    assert talk.said_in(steps) == [[("hi", "mine")], [("hi", "")]]


def test_nobody_talks_to_an_endpoint_that_is_not_there(house: House) -> None:
    with pytest.raises(RequestRefused):
        talk.parties(house, Caller(), "nope")


def test_the_first_card_says_who_listens_and_leads_back() -> None:
    view = talks.beginning("support", [TUNED, BASE], "Be kind.", "/chat/thread/1", EN)
    alone = talks.beginning("support", [TUNED, BASE], "", "/chat/thread/1", EN, alone=True)

    assert "support@1" in view.summary and "tiny-chat" in view.summary
    assert view.facts == [("System prompt", "Be kind.")]
    assert [link.url for link in view.links] == ["/chat/thread/1"]
    assert not view.actions and view.form is None
    assert "by itself" in alone.notes[0] and len(alone.notes) == len(view.notes) + 1


@pytest.mark.parametrize("text", ["", "x" * (talk.MOST_CHARACTERS + 1)])
def test_what_is_refused_is_refused_in_chinese_too(text: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        talk.check(text)

    assert ZH.told(refused.value.message) != refused.value.message


def test_every_sentence_of_the_talk_stands_in_its_code() -> None:
    pairs = json.loads((CATALOGUES / "zh" / "told" / "talk.json").read_text("utf-8"))
    code = "".join(
        Path(name).read_text("utf-8").replace('"\n            "', "")
        for name in (talk.__file__, Path(talk.__file__).parent / "channels" / "web" / "talks.py")
    )

    assert "agent" not in ROOMS  # where they stood, test_told would look after them
    for sentence in pairs:
        assert all(part in code for part in sentence.replace("{:,}", "{}").split("{}")), sentence
