"""A language model over HTTP: what its server does wrong is tried again, stopped or told."""

import asyncio
import email.utils
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from agent.events import Event, TextDelta, TurnEnded, TurnFailed, Waiting
from agent.llm.thoughts import Aloud
from agent.session import Session
from core.identity import Caller
from tests.agent.talking import OWNER, QUICK, called, codes, failures, said, talk, with_llm
from tests.fakes_llm import Call, Refuse, Say, Stream, playing, words
from tools.base import House

LIMITED = {"error": {"message": "slow down SECRET", "code": "rate_limit_exceeded"}}
USED_UP = {"error": {"message": "pay SECRET", "code": "insufficient_quota"}}
TOO_LONG = {"error": {"message": "too long SECRET", "code": "context_length_exceeded"}}


async def test_words_stream_and_tools_are_called(house: House, tickets: str) -> None:
    with playing(Call([("list_datasets", {})]), Say("You have tickets@1, ready to use.")) as llm:
        events = await talk(with_llm(house, llm.url), "what do I have?")

    assert called(events) == [("list_datasets", {})]
    assert said(events) == "You have tickets@1, ready to use."
    assert sum(isinstance(event, TextDelta) for event in events) > 3
    assert [m["role"] for m in llm.said()] == ["system", "user", "assistant", "tool"]


async def test_letters_beyond_ascii_come_through_both_ways(house: House) -> None:
    with playing(Say("好的 — “naïve” 🎉")) as llm:
        events = await talk(with_llm(house, llm.url), "训练一个模型 é")

    assert said(events) == "好的 — “naïve” 🎉"
    assert llm.said()[-1]["content"] == "训练一个模型 é"


# What is told -----------------------------------------------------------------------------------

TOLD = [
    (Refuse(429, LIMITED, {"Retry-After": "0.01"}), "llm_limited", "limiting", 3),
    (Refuse(429, USED_UP), "llm_quota", "quota", 1),
    (Refuse(402, {"error": {"message": "Insufficient Balance"}}), "llm_quota", "quota", 1),
    (Refuse(401, {"error": {"message": "SECRET"}}), "llm_key", "THIMBLE_LLM_API_KEY", 1),
    (Refuse(403, {"error": {"message": "SECRET"}}), "llm_key", "THIMBLE_LLM_API_KEY", 1),
    (Refuse(404, "<html>SECRET</html>"), "llm_not_found", "THIMBLE_LLM_BASE_URL", 1),
    (Refuse(400, {"error": {"message": "no tools SECRET"}}), "llm_refused", "refused", 1),
    (Refuse(500, {"error": {"message": "SECRET"}}), "llm_fault", "fault", 3),
    (Refuse(503, "<html>SECRET</html>"), "llm_fault", "fault", 3),
    (Refuse(200, "<html>SECRET</html>"), "llm_protocol", "OpenAI protocol", 1),
    (Refuse(200, LIMITED), "llm_limited", "limiting", 3),
    (Refuse(400, TOO_LONG), "llm_context", "can read at once", 2),
    (Stream([]), "llm_silent", "nothing", 3),
    (Stream([{"content": None}]), "llm_silent", "nothing", 3),
    (Stream([{"content": " \n"}]), "llm_silent", "nothing", 3),
    (Stream([], finish=None), "llm_cut", "cut off", 3),
    (Stream([{"content": ""}], broken=True), "llm_cut", "cut off", 3),
    (Stream(["data: {not json SECRET\n\n"]), "llm_protocol", "OpenAI protocol", 1),
    (Stream(["data: [1, 2]\n\n"]), "llm_protocol", "OpenAI protocol", 1),
    (Stream([{"error": LIMITED["error"]}]), "llm_limited", "limiting", 3),
    (Stream([{"error": USED_UP["error"]}]), "llm_quota", "quota", 1),
    (Stream([{"error": {"message": "SECRET"}}]), "llm_fault", "fault", 3),
    (Stream(words("I would rath"), finish="length"), "llm_length", "longer", 1),
    (Stream([], finish="length"), "llm_length", "longer", 1),
    (Stream(words("Now"), finish="content_filter"), "llm_withheld", "withheld", 1),
]


@pytest.mark.parametrize(("entry", "code", "words", "requests"), TOLD)
async def test_what_a_server_does_wrong_is_told_in_plain_words(
    house: House, entry: Refuse | Stream, code: str, words: str, requests: int
) -> None:
    with playing(entry) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert codes(events) == [code]
    assert words in failures(events)[0]
    assert "SECRET" not in str(events) and "Traceback" not in str(events)
    assert len(llm.requests) == requests
    assert events[-1] == TurnEnded()


@pytest.mark.parametrize(("entry", "code", "_", "__"), TOLD[:8])
async def test_it_is_told_in_chinese_to_who_writes_chinese(
    house: House, entry: Refuse, code: str, _: str, __: int
) -> None:
    with playing(entry) as llm:
        events = await talk(with_llm(house, llm.url), "你好")

    assert codes(events) == [code]
    assert "语言模型" in failures(events)[0] and "。" in failures(events)[0]


async def test_a_server_that_is_not_there_is_told(house: House) -> None:
    events = await talk(with_llm(house, "http://127.0.0.1:9/v1"), "hello")

    assert codes(events) == ["llm_unreachable"]
    assert "THIMBLE_LLM_BASE_URL" in failures(events)[0]


async def test_after_a_failure_the_thread_goes_on_and_the_model_knows_of_it(house: House) -> None:
    with playing(Refuse(401, {"error": {"message": "no"}}), Say("Here again.")) as llm:
        await talk(with_llm(house, llm.url), "hello")
        events = await talk(with_llm(house, llm.url), "and now?")

    assert said(events) == "Here again."
    assert [m["role"] for m in llm.said()] == ["system", "user", "assistant", "user"]


# Tried again ------------------------------------------------------------------------------------

PASSING = [
    Refuse(429, LIMITED),
    Refuse(500, {"error": {"message": "oops"}}),
    Refuse(503, "<html>busy</html>"),
    Stream([], finish=None),
    Stream([{"content": ""}], broken=True),
    Stream([]),
    Stream([{"tool_calls": [{"index": 0, "id": "c", "function": {"name": "list_runs"}}]}], None),
    Stream([{"error": {"message": "oops"}}]),
]


@pytest.mark.parametrize("entry", PASSING)
async def test_what_may_pass_is_tried_again_while_nothing_was_shown(
    house: House, entry: Refuse | Stream
) -> None:
    with playing(entry, Say("Here I am.")) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "Here I am." and not failures(events)
    assert len(llm.requests) == 2 and not called(events)


async def test_the_pause_that_a_server_asks_for_is_kept_and_told(house: House) -> None:
    with playing(Refuse(429, LIMITED, {"Retry-After": "0.2"}), Say("Now.")) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert llm.times[1] - llm.times[0] >= 0.2
    waiting = [event for event in events if isinstance(event, Waiting)]
    assert [event.seconds for event in waiting] == [0.2]
    assert "limiting requests" in waiting[0].message and "try 2 of 3" in waiting[0].message


async def test_the_pause_may_be_a_date(house: House) -> None:
    soon = email.utils.formatdate(time.time() + 1.4, usegmt=True)
    limits = replace(QUICK, wait_s=3)
    with playing(Refuse(429, LIMITED, {"Retry-After": soon}), Say("Now.")) as llm:
        events = await talk(with_llm(house, llm.url), "hello", limits=limits)

    assert said(events) == "Now."
    assert llm.times[1] - llm.times[0] >= 0.2


async def test_a_pause_that_is_too_long_is_told_instead_of_waited_for(house: House) -> None:
    with playing(Refuse(429, LIMITED, {"Retry-After": "600"})) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert len(llm.requests) == 1
    assert "10 minutes" in failures(events)[0]


@pytest.mark.parametrize("pause", ["-5", "soon", "nan", "inf", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_an_unreadable_pause_is_ours_to_choose(house: House, pause: str) -> None:
    with playing(Refuse(429, LIMITED, {"Retry-After": pause}), Say("Now.")) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "Now."


async def test_what_a_server_does_not_take_is_left_out(house: House) -> None:
    def refusal(words: str) -> Refuse:
        return Refuse(400, {"error": {"message": f"Unknown parameter: {words}"}})

    with playing(
        refusal("stream_options"),
        refusal("'max_tokens'. Use 'max_completion_tokens' instead."),
        Say("Fine."),
    ) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "Fine."
    first, second, third = llm.requests
    assert "stream_options" in first and "stream_options" not in second
    assert "max_tokens" in second and "max_tokens" not in third
    assert third["max_completion_tokens"] == QUICK.output_tokens


async def test_a_conversation_too_long_for_the_model_is_shortened_once(house: House) -> None:
    with playing(Say("One.")) as llm:
        await talk(with_llm(house, llm.url), "first words")
    with playing(Refuse(400, TOO_LONG), Say("Two.")) as llm:
        events = await talk(with_llm(house, llm.url), "second words")

    assert said(events) == "Two."
    assert "first words" in str(llm.requests[0]) and "first words" not in str(llm.requests[1])
    assert "second words" in str(llm.requests[1])


# Cut off ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [False, True])
async def test_a_cut_answer_is_kept_and_said_to_be_cut(house: House, broken: bool) -> None:
    cut = Stream(words("The first half of"), finish=None, broken=broken)
    with playing(cut, Say("the rest.")) as llm:
        events = await talk(with_llm(house, llm.url), "tell me")
        assert len(llm.requests) == 1
        await talk(with_llm(house, llm.url), "go on")

    assert said(events) == "The first half of"
    assert codes(events) == ["llm_cut"]
    assert "The first half of" in llm.said()[-2]["content"]


async def test_half_a_call_never_runs(house: House, tickets: str) -> None:
    def half(arguments: str) -> Stream:
        function = {"name": "start_finetune", "arguments": arguments}
        return Stream([{"tool_calls": [{"index": 0, "id": "c", "function": function}]}], None)

    with playing(
        half('{"dataset": "tickets"'), half('{"dataset": "tickets"}'), Say("Sorry.")
    ) as llm:
        events = await talk(with_llm(house, llm.url), "tune")

    assert called(events) == [] and said(events) == "Sorry."


# Slow -------------------------------------------------------------------------------------------

SLOW = [
    Stream([{"content": ""}], pause=0.02, forever=True),
    Stream([": still here\n\n"], pause=0.02, forever=True),
    Stream(["d"], pause=0.02, forever=True),
]


@pytest.mark.parametrize("entry", SLOW)
async def test_a_drip_that_carries_nothing_is_stopped(house: House, entry: Stream) -> None:
    limits = replace(QUICK, first_s=0.2, gap_s=0.2, tries=1)
    with playing(entry) as llm:
        events = await talk(with_llm(house, llm.url), "hello", limits=limits)
        assert llm.hung_up.wait(2)

    assert codes(events) == ["llm_timeout"]
    assert "did not answer in time" in failures(events)[0]


async def test_a_letter_now_and_then_is_stopped_and_kept(house: House) -> None:
    limits = replace(QUICK, pace_s=0.2)
    with playing(Stream([{"content": "a"}], pause=0.05, forever=True)) as llm:
        events = await talk(with_llm(house, llm.url), "hello", limits=limits)
        assert llm.hung_up.wait(2)

    assert codes(events) == ["llm_timeout"] and said(events).startswith("aa")


async def test_a_model_that_thinks_for_long_is_waited_for(house: House) -> None:
    thoughts = [{"reasoning_content": "Hmm, let me see about that. "}] * 12
    limits = replace(QUICK, gap_s=0.2, pace_s=0.2, pace_characters=20)
    with playing(Stream([*thoughts, {"content": "42."}], pause=0.04)) as llm:
        events = await talk(with_llm(house, llm.url), "hello", limits=limits)

    assert said(events) == "42." and not failures(events)


async def test_an_answer_that_never_ends_is_stopped(house: House) -> None:
    limits = replace(QUICK, output_tokens=50)
    with playing(Stream([{"content": "and so on "}], forever=True)) as llm:
        events = await talk(with_llm(house, llm.url), "hello", limits=limits)
        assert llm.hung_up.wait(2)

    assert codes(events) == ["llm_length"] and len(said(events)) < 500


async def test_all_of_a_turn_has_a_time(house: House) -> None:
    limits = replace(QUICK, turn_s=0.4)
    with playing(Stream([{"content": "and so on "}], pause=0.02, forever=True)) as llm:
        events = await talk(with_llm(house, llm.url), "hello", limits=limits)

    assert codes(events) == ["turn_too_long"] and "one step" in failures(events)[0]


async def test_leaving_a_turn_hangs_up_and_keeps_what_was_said(house: House) -> None:
    with playing(Stream([{"content": "and so on "}], pause=0.02, forever=True)) as llm:
        reply = Session(with_llm(house, llm.url), OWNER, "t1").reply("hello")
        assert isinstance(await anext(reply), TextDelta)
        await reply.aclose()
        assert await asyncio.to_thread(llm.hung_up.wait, 2)

    kept = Session(house, OWNER, "t1").memory.load()[-1].text
    assert kept.startswith("and so on") and "stopped" in kept


# Servers that bend the protocol -----------------------------------------------------------------


def call(**given: object) -> dict[str, object]:
    return {"tool_calls": [{"type": "function", **given}]}


BENT = [
    # No ids, no indexes.
    [call(function={"name": "list_runs", "arguments": "{}"})],
    # The arguments in pieces that say nothing about which call they go on with.
    [call(function={"name": "list_runs"}), call(function={"arguments": "{"}),
     call(function={"arguments": "}"})],
    # Arguments as data, and none at all.
    [call(index=0, id="c", function={"name": "list_runs", "arguments": {}})],
    [call(index=0, id="c", function={"name": "list_runs", "arguments": None})],
    # Content as a list, role of another, thoughts, fields nobody knows.
    [{"content": [], "role": "model", "reasoning": "hm", "x": 1},
     call(index=0, id="", function={"name": "list_runs", "arguments": ""})],
]  # fmt: skip


@pytest.mark.parametrize("frames", BENT)
async def test_a_call_is_understood_however_it_is_sent(
    house: House, frames: list[dict[str, object]]
) -> None:
    with playing(Stream(frames, "tool_calls"), Say("None yet.")) as llm:
        events = await talk(with_llm(house, llm.url), "runs?")

    assert called(events) == [("list_runs", {})] and said(events) == "None yet."
    made, answer = llm.said()[-2:]
    assert made["tool_calls"][0]["id"] == answer["tool_call_id"] != ""


async def test_two_calls_with_one_number_are_two(house: House) -> None:
    frames = [
        call(index=0, id="a", function={"name": "list_runs", "arguments": "{}"}),
        call(index=0, id="b", function={"name": "list_models", "arguments": "{}"}),
    ]
    with playing(Stream(frames, "tool_calls"), Say("Nothing.")) as llm:
        events = await talk(with_llm(house, llm.url), "look")

    assert [name for name, _ in called(events)] == ["list_runs", "list_models"]


async def test_ids_that_a_server_repeats_do_not_mix_up_answers(house: House, tickets: str) -> None:
    one, other = Call([("list_runs", {})]), Call([("list_datasets", {})])
    with playing(one, Say("a"), other, Say("b"), Say("c")) as llm:
        for text in ("runs", "datasets", "more"):
            await talk(with_llm(house, llm.url), text)

    answers = [m["content"] for m in llm.said() if m["role"] == "tool"]
    assert "tickets@1" not in answers[0] and "tickets@1" in answers[1]


async def test_a_refusal_is_shown_as_what_was_said(house: House) -> None:
    with playing(Stream([{"refusal": "I will "}, {"refusal": "not do that."}])) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "I will not do that."


THOUGHTS = [
    ("<think>Hm, 42?</think>\n\nIt is 42.", "It is 42."),
    (" \n<think>\n</think>It is 42.", "It is 42."),
    ("Not <think> here.", "Not <think> here."),
    ("<thin", "<thin"),
    ("  <b>", "  <b>"),
]


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize(("text", "shown"), THOUGHTS)
def test_what_is_only_thought_is_not_said(text: str, shown: str, size: int) -> None:
    aloud = Aloud()
    said = [aloud.take(text[at : at + size])[0] for at in range(0, len(text), size)]

    assert "".join(said) + aloud.rest() == shown


async def test_an_answer_of_thoughts_alone_says_nothing(house: House) -> None:
    with playing(Stream(words("<think>Hm. What could it be")), Say("<think>x</think>42.")) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "42." and len(llm.requests) == 2


WHOLE = {"role": "assistant", "content": "All at once."}


@pytest.mark.parametrize(
    "entry",
    [
        Refuse(200, {"choices": [{"index": 0, "message": WHOLE, "finish_reason": "stop"}]}),
        Stream(words("All at once."), content_type="application/json"),
        Stream(words("All at once."), content_type="text/plain"),
        Stream([{"content": [{"type": "text", "text": "All at once."}]}]),
        Stream([": hello\n\n", "event: x\n", {"content": "All at once."}, {"choices": None}]),
    ],
)
async def test_an_answer_is_understood_however_it_is_sent(
    house: House, entry: Refuse | Stream
) -> None:
    with playing(entry) as llm:
        events = await talk(with_llm(house, llm.url), "hello")

    assert said(events) == "All at once." and not failures(events)


# Where it goes ----------------------------------------------------------------------------------


async def test_variables_of_other_programs_send_nothing_anywhere_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        do_GET = do_POST

    with ThreadingHTTPServer(("127.0.0.1", 0), Canary) as server, playing(Say("Hi.")) as llm:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
            monkeypatch.setenv(name, "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2_x")
        for name in ("LANGSMITH_ENDPOINT", "LANGSMITH_GATEWAY", "OPENAI_BASE_URL"):
            monkeypatch.setenv(name, address)
        for name in ("OPENAI_API_BASE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, address)
        events = await talk(with_llm(house, llm.url), "hello")
        server.shutdown()

    assert said(events) == "Hi." and not asked


async def test_another_owner_s_thread_is_not_read(house: House) -> None:
    with playing(Say("Hi.")) as llm:
        await talk(with_llm(house, llm.url), "my secret")
        eve = Session(with_llm(house, llm.url), Caller(user="eve"), "t1", limits=QUICK)
        events: list[Event] = [event async for event in eve.reply("what was said?")]

    assert "my secret" not in str(llm.said()) and not [
        e for e in events if isinstance(e, TurnFailed)
    ]
