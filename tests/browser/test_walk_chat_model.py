"""From a file of conversations to a model that one talks to, as a person does it at the page.

The base is the real `tiny-chat`; its weights are built once for a machine (tests/tiny_base.py).
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tiny_chat import jsonl
from core.job import RESULT_FILE
from tests.browser.test_walk import card, run_snippet
from tests.browser.test_walk_chinese import only_chinese
from tests.browser.visitor import Visitor
from tests.running import RunningThimble, copy_home
from tests.tiny_base import put_tiny_chat

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]
ROWS, RUN_S = 300, 600.0
ORDER = "Order 4711: please send 3 ropes to Gwen in Pisa."
SEEN = """() => {
    window.seen = []
    new MutationObserver(() => {
        const told = [...document.querySelectorAll('.thimble-bare')].at(-1)
        if (told) window.seen.push(told.innerText.length)
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
}"""
"""Keep how long the newest answers were, whenever the page changed."""


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    made = copy_home(prepared_home, tmp_path / "home")
    cache = request.config.cache
    assert cache is not None
    put_tiny_chat(made, cache.mkdir("tiny-chat"))
    return made


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Questions with their answers, as somebody would have them in a file."""
    path = tmp_path / "orders.jsonl"
    path.write_bytes(jsonl("orders", ROWS))
    return path


def test_from_conversations_to_a_model_that_one_talks_to(
    thimble: RunningThimble, visit: Callable[..., Visitor], orders: Path
) -> None:
    person = visit()
    person.open()
    ask_for_a_chat_model(person, orders)
    look_at_the_mask(person)
    approve_the_plan(person)
    watch_it_train(person)
    read_the_report(person, thimble)
    deploy_and_try(person)
    told = talk_to_it(person)
    come_back_to_the_talk(person)
    go_back(person)

    assert person.errors == []
    assert person.hosts == {f"127.0.0.1:{thimble.port}"}
    look_again(visit, person.thread(), told)


def ask_for_a_chat_model(person: Visitor, orders: Path) -> None:
    person.attach(orders)
    person.say("I want to fine-tune a chat model on this")
    person.wait_for("Dataset orders@1")
    person.page.wait_for_selector(f"{card('approval')}[data-state=waiting]", timeout=240_000)
    person.wait_until_answered()
    shown = person.page.locator(card("dataset")).inner_text()
    assert f"{ROWS} conversations" in shown
    assert "2 in each row" in shown
    assert person.page.locator(f"{card('dataset')} svg[role=img]").count() == 2
    assert person.page.locator(f"{card('dataset')} .thimble-turns > li").count() >= 6
    person.scroll_to("Dataset orders@1")
    person.shot("chat-01-dataset")
    person.page.locator(f"{card('dataset')} .thimble-sample").scroll_into_view_if_needed()
    person.shot("chat-02-turns")


def look_at_the_mask(person: Visitor) -> None:
    """What is trained on is the answers, and nothing of the questions."""
    person.say("show me the loss mask")
    person.page.wait_for_selector(".thimble-mask", timeout=60_000)
    person.wait_until_answered()
    trained = person.page.locator(".thimble-mask mark.thimble-trained").all_inner_texts()
    assert len(trained) == 3
    assert all(re.match(r"\d+ x \w+ \| \w+ \| \w+<\|im_end\|>", text) for text in trained), trained
    person.scroll_to("What the training learns")
    person.shot("chat-03-mask")


def approve_the_plan(person: Visitor) -> None:
    person.scroll_to("Fine-tune on orders@1")
    person.shot("chat-04-plan")
    plan = person.page.locator(card("approval")).last.inner_text()
    for part in ("tiny-chat", "Training loop", "Memory", "Time", "default"):
        assert part in plan, plan
    assert "most frequent" not in plan  # no answer comes twice in this file
    assert not person.page.locator(card("run")).count()
    person.press("Approve")


def watch_it_train(person: Visitor) -> None:
    person.page.wait_for_selector(f"{card('run')} .thimble-curve", timeout=240_000)
    person.scroll_to("run_1: fine-tuning on orders@1")
    person.shot("chat-05-training")
    person.page.wait_for_selector(f"{card('run')}[data-state=succeeded]", timeout=1000 * RUN_S)


def read_the_report(person: Visitor, thimble: RunningThimble) -> None:
    """The figures on the page are the worker's; every baseline stands beside the model."""
    person.scroll_to("run_1: fine-tuning on orders@1")
    person.shot("chat-06-report")
    person.page.locator(f"{card('run')} .thimble-talks").scroll_into_view_if_needed()
    person.shot("chat-07-samples")
    person.page.locator("summary:has-text('Compared with the baselines')").click()
    person.page.locator(f"{card('run')} details[open] table").last.scroll_into_view_if_needed()
    person.shot("chat-08-baselines")
    result = json.loads((thimble.home / "jobs" / "run_1" / RESULT_FILE).read_text())
    shown = person.page.locator(card("run")).inner_text().replace("\u00a0", " ")
    missing = [figure for figure in figures(result) if figure not in shown]
    assert not missing, (missing, shown)
    assert result["samples"][0]["tuned"] in shown
    assert person.page.locator(card("run")).count() == 1


def figures(result: dict[str, Any]) -> list[str]:
    """What a report must say, as the page writes it."""
    base = next(one for one in result["baselines"] if one["name"] == "base")
    scores = [result["answers"], *result["baselines"]]
    held_out = (result["metrics"]["test"], base)
    return [
        *(f"{one['perplexity']:.2f}" for one in held_out),
        *(f"{100 * one['score']:.1f} %" for one in scores if one["score"] is not None),
    ]


def deploy_and_try(person: Visitor) -> None:
    person.page.locator("button:has-text('Deploy ')").first.click()
    person.wait_for("waits for you")
    person.wait_until_answered()
    person.press("Approve")
    person.page.wait_for_selector("pre:has-text('curl')", timeout=120_000)
    shown = person.page.locator(card("endpoint")).last
    shown.get_by_label("Try it").fill(ORDER)
    shown.get_by_role("button", name="Ask", exact=True).click()
    shown.locator(".thimble-told").nth(1).wait_for(timeout=60_000)
    person.scroll_to("Endpoint orders")
    person.shot("chat-09-endpoint")
    assert '"choices"' in run_snippet(person, "bash")
    assert run_snippet(person, "python").strip()


def talk_to_it(person: Visitor) -> str:
    """Both answers come word by word, side by side. Returns the thread of the talk."""
    came_from = person.thread()
    person.press("Talk to it")
    person.page.wait_for_selector("#thimble-talk-bar", timeout=60_000)
    assert person.thread() != came_from
    person.shot("chat-10-talk-begins")
    person.page.evaluate(SEEN)
    person.say(ORDER)
    answers = person.page.locator(".thimble-bare .thimble-told")
    answers.nth(1).wait_for(timeout=60_000)
    person.wait_until_answered()
    lengths = person.page.evaluate("window.seen")
    assert len(set(lengths)) > 2, lengths
    tuned, base = answers.all_inner_texts()
    assert "orders@1" in tuned
    assert "untuned base (tiny-chat)" in base
    person.shot("chat-11-talk")
    person.say("What is running?")
    answers.nth(3).wait_for(timeout=60_000)
    person.wait_until_answered()
    assert not person.page.locator(card("list")).count()
    person.shot("chat-12-talk-on")
    return person.thread()


def come_back_to_the_talk(person: Visitor) -> None:
    """After a reload everything stands there as it did, and the talk goes on.

    A model of single questions answers as before, whatever was said in between.
    """
    before = person.page.locator(".thimble-bare").all_inner_texts()
    person.reload()
    person.page.wait_for_selector("#thimble-talk-bar", timeout=60_000)
    person.page.locator(".thimble-bare").nth(1).wait_for(timeout=60_000)
    assert person.page.locator(".thimble-bare").all_inner_texts() == before
    person.shot("chat-13-talk-reloaded")
    person.say(ORDER)
    person.page.locator(".thimble-bare").nth(2).wait_for(timeout=60_000)
    person.wait_until_answered()
    written = person.page.locator(".thimble-bare .thimble-message").all_inner_texts()
    assert written[4:] == written[:2]


def go_back(person: Visitor) -> None:
    """Back at Thimble, which answers again and knows nothing of the talk."""
    person.page.click("#thimble-talk-bar a")
    person.page.wait_for_selector("#thimble-talk-bar", state="detached", timeout=60_000)
    person.page.wait_for_selector(card("run"), timeout=60_000)
    person.say("How is the endpoint orders doing?")
    person.wait_until_answered()
    person.wait_for("tokens/s")
    person.scroll_to("Endpoint orders")
    person.shot("chat-14-back")
    assert not person.page.locator(".thimble-bare").count()


def look_again(visit: Callable[..., Visitor], thread: str, told: str) -> None:
    """The report and the talk on a dark screen and on a phone; nothing is wider than the screen."""
    for name, scheme, width in (("dark", "dark", 1200), ("phone", "light", 390)):
        person = visit(scheme, width)
        person.open(thread)
        person.wait_for("run_1: fine-tuning on orders@1")
        person.scroll_to("run_1: fine-tuning on orders@1")
        person.shot(f"chat-15-report-{name}")
        person.page.locator(f"{card('run')} .thimble-talks").scroll_into_view_if_needed()
        person.shot(f"chat-15-samples-{name}")
        person.scroll_to("What the training learns")
        person.shot(f"chat-15-mask-{name}")
        assert person.page.evaluate("document.documentElement.scrollWidth") == width
        person.open(told)
        person.page.locator(".thimble-bare").nth(1).wait_for(timeout=60_000)
        person.shot(f"chat-15-talk-{name}")
        assert person.page.evaluate("document.documentElement.scrollWidth") == width


# In Chinese --------------------------------------------------------------------------------------

FILLED = {"keren", "tiny-chat", "llama", "prompt", "completion", "chrF"}
"""The names of the dataset, the base and its family, two fields of the file and a measure."""
WRITTEN = ".thimble-told .thimble-message, .thimble-mask"
"""What models wrote, and what their template says, is not the page's to say in Chinese."""
SPOKEN = {"房间": "请到前台", "早餐": "七点到十点", "泳池": "在三楼", "停车": "请走东门"}


def questions(path: Path) -> Path:
    """Sixty questions of guests, as many as four answers need."""
    forms = ("请问{thing}的事怎么办？第{number}位客人", "{thing}有问题，我是{number}号")
    lines = [
        {"prompt": form.format(thing=thing, number=number), "completion": answer}
        for number in range(8)
        for form in forms
        for thing, answer in SPOKEN.items()
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    return path


def test_a_chat_model_in_chinese(
    thimble: RunningThimble, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    person = visit(locale="zh-CN")
    person.open()
    person.attach(questions(tmp_path / "keren.jsonl"))
    person.say("用这个文件微调一个对话模型，训练 2 轮")
    person.wait_for("等你决定", 240)
    person.wait_until_answered()
    person.scroll_to("数据集 keren@1")
    person.shot("zh-chat-01-dataset")
    person.scroll_to("用 keren@1 微调")
    person.shot("zh-chat-02-plan")
    only_chinese(person, WRITTEN, FILLED)
    person.press("批准")
    person.page.wait_for_selector(f"{card('run')}[data-state=succeeded]", timeout=1000 * RUN_S)
    person.scroll_to("run_1：用 keren@1 微调")
    person.shot("zh-chat-03-report")
    person.say("部署它")
    person.wait_for("把 keren", 60)
    person.wait_until_answered()
    person.press("批准")
    person.wait_for("正在这台机器上应答", 120)
    only_chinese(person, WRITTEN, FILLED)
    talk_in_chinese(person)
    assert person.errors == []


def talk_in_chinese(person: Visitor) -> None:
    person.press("和它对话")
    person.page.wait_for_selector("#thimble-talk-bar", timeout=60_000)
    only_chinese(person, WRITTEN, FILLED)
    person.say("泳池有问题，我是9号")
    person.page.locator(".thimble-bare .thimble-told").nth(1).wait_for(timeout=60_000)
    person.wait_until_answered()
    person.shot("zh-chat-04-talk")
