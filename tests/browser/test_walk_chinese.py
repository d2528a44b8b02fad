"""The main job in Chinese, on Chinese data, as somebody with a Chinese browser does it."""

import re
from collections.abc import Callable, Set
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
FILES = Path(__file__).parents[1] / "files"
RUN_S = 400.0
NAMES = re.compile(
    r"[\w.-]*@\d+|[\w-]+\.(?:csv|jsonl|md|py)|\d+e-\d+|[a-z]+(?:_[a-z0-9]+)+|file-\w+|https?://\S+"
    r"|/[\w/.#?=&-]+|`[^`]*`"
)
"""What keeps its name in every language: things, addresses, files, code."""
WORDS = {
    "Thimble", "LoRA", "MiniLM", "minilm", "TF-IDF", "API", "Python", "curl", "token", "token/",
    "CSV", "TSV", "JSON", "JSONL", "Lines", "Parquet", "UTF-", "GB", "MB", "KB", "ms", "F", "CPU",
    "GPU", "LLM", "OpenAI", "Banking", "rank", "alpha", "dropout", "English", "Toggle", "themeY",
    "jobs", "reviews-zh", "tfidf", "frozen",
}  # fmt: skip


def test_the_main_job_in_chinese(thimble: RunningThimble, visit: Callable[..., Visitor]) -> None:
    person = visit(locale="zh-CN")
    person.open()
    see_the_welcome(person)
    make_a_dataset(person)
    change_and_approve_a_plan(person)
    read_the_report(person)
    deploy_and_ask(person)
    look_after_it(person)

    assert person.errors == []
    assert person.hosts == {f"127.0.0.1:{thimble.port}"}


def see_the_welcome(person: Visitor) -> None:
    for starter in ("怎么开始？", "你能做什么？", "数据要什么格式", "现在有什么在运行？"):
        person.wait_for(starter)
    person.shot("zh-01-welcome")
    person.say("你能做什么？")
    person.wait_until_answered()
    assert person.sees("微调")
    only_chinese(person)


def make_a_dataset(person: Visitor) -> None:
    person.attach(FILES / "reviews_zh.csv")
    person.say("用这个文件做一个数据集")
    person.wait_for("数据集 reviews-zh@1")
    person.wait_until_answered()
    for words in ("文本列", "标签列", "各类别的行数", "微调一个分类器"):
        assert person.sees(words)
    person.scroll_to("数据集 reviews-zh@1")
    person.shot("zh-02-dataset")
    only_chinese(person)


def change_and_approve_a_plan(person: Visitor) -> None:
    person.say("用它微调一个分类器，训练 6 轮")
    person.wait_for("等你决定", 120)
    person.wait_until_answered()
    assert person.sees("由你设定")
    person.scroll_to("用 reviews-zh@1 微调")
    person.shot("zh-03-plan")
    person.say("秩改成 8")
    person.wait_for("已被取代", 60)
    person.wait_until_answered()
    person.wait_for("等你决定", 120)
    person.shot("zh-04-changed-plan")
    only_chinese(person)
    person.press("批准")


def read_the_report(person: Visitor) -> None:
    person.wait_for("run_1：用 reviews-zh@1 微调", 60)
    person.shot("zh-05-training")
    person.wait_for("测试准确率和 95% 置信区间", RUN_S)
    person.scroll_to("run_1：用 reviews-zh@1 微调")
    person.shot("zh-06-report")
    only_chinese(person)


def deploy_and_ask(person: Visitor) -> None:
    person.say("部署它")
    person.wait_for("把 reviews-zh", 60)
    person.wait_until_answered()
    person.press("批准")
    person.wait_for("正在这台机器上应答", 60)
    person.shot("zh-07-endpoint")
    person.say("问它：房间很干净，下次还会来")
    person.wait_for("概率")
    person.wait_until_answered()
    assert person.sees("好评")
    person.shot("zh-08-answer")
    only_chinese(person)


def look_after_it(person: Visitor) -> None:
    for number, (question, answer) in enumerate(
        [
            ("现在有什么在运行？", "run_1"),
            ("有什么在等我批准？", "没有待批准的请求"),
            ("磁盘上什么占空间？", "磁盘还剩"),
            ("我的数据会离开这台机器吗？", "没有遥测"),
            ("微调用的数据要什么格式？", "微调分类器的数据格式"),
        ]
    ):
        person.say(question)
        person.wait_until_answered()
        person.wait_for(answer)
        person.shot(f"zh-09-question-{number + 1}")
    only_chinese(person)


def only_chinese(person: Visitor, besides: str = "", names: Set[str] = frozenset()) -> None:
    """No English words are left on the page but names, code and terms.

    Args:
        besides: A selector of what holds words of other people, or of models.
        names: Further ones that keep their form.
    """
    shown = person.page.evaluate(
        """(besides) => {
            const page = document.body.cloneNode(true)
            page.querySelectorAll(besides).forEach((one) => one.remove())
            return page.textContent
        }""",
        ", ".join(["pre, code, script, style", *([besides] if besides else [])]),
    )
    left = set(re.findall(r"[A-Za-z][A-Za-z-]*", NAMES.sub(" ", shown))) - WORDS - names
    assert not left, sorted(left)
