"""The page around the cards, as a person uses it: commands, search, settings, stop, tabs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor
from tests.fakes_llm import Say, ScriptedLlm, Stream, playing
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDE = "\n".join(
    [
        f"|{'|'.join(f' column {at} ' for at in range(14))}|",
        f"|{'--|' * 14}",
        *(f"|{'|'.join(f' value {row * at} ' for at in range(14))}|" for row in range(4)),
    ]
)
LONG = f"""Here is **everything**.

{WIDE}

```python
line = "{"long " * 60}"
```

A word that has no end: {"x" * 300}

There are 42 datasets."""
ENDLESS = Stream([{"content": "and so on "}], pause=0.05, forever=True)
FILES = Path(__file__).parents[1] / "files"


@pytest.fixture
def llm() -> Iterator[ScriptedLlm]:
    with playing(Say(LONG, usage=(1_204, 87)), ENDLESS, Say("Here again.")) as made:
        yield made


@pytest.fixture
def thimble(home: Path, llm: ScriptedLlm) -> Iterator[RunningThimble]:
    model = {"THIMBLE_LLM": "scripted-mini", "THIMBLE_LLM_BASE_URL": llm.url}
    with RunningThimble(
        home, **model, THIMBLE_LLM_PRICE="0.15/0.6 USD", THIMBLE_MAX_UPLOAD_MB="1"
    ) as running:
        yield running


@pytest.mark.parametrize(
    ("locale", "scheme", "width", "stopped", "cost"),
    [
        ("en-US", "light", 1200, "Stopped.", "tokens read"),
        ("zh-CN", "dark", 390, "已停止。", "个 token"),
    ],
)
def test_a_long_answer_and_one_that_is_stopped(
    visit: Callable[..., Visitor], locale: str, scheme: str, width: int, stopped: str, cost: str
) -> None:
    person = visit(scheme, width, locale=locale)
    person.open()
    person.say("everything")
    person.wait_for(cost)
    person.wait_until_answered()
    person.shot(f"30-long-{locale}-below")
    person.page.locator("table").last.evaluate("one => one.scrollIntoView()")
    person.shot(f"30-long-{locale}")
    page_width, table_scrolls = person.page.evaluate(
        """() => {
            const table = [...document.querySelectorAll('.message-content table')].at(-1)
            return [document.documentElement.scrollWidth,
                    table.parentElement.scrollWidth > table.parentElement.clientWidth]
        }"""
    )
    assert (page_width, table_scrolls) == (width, True)

    person.say("and on")
    person.wait_for("and so on and so on")
    person.page.click("#stop-button")
    person.wait_for(stopped)
    person.shot(f"31-stopped-{locale}")
    person.say("again")
    person.wait_for("Here again.")
    assert person.errors == []


def test_commands_search_thumbs_and_renaming(visit: Callable[..., Visitor]) -> None:
    person = visit()
    person.open()
    choose_the_planner(person)
    person.page.click("#chat-input")
    person.page.keyboard.type("/")
    person.wait_for("What is running")
    person.shot("32-commands")
    person.page.keyboard.type("status")
    person.page.keyboard.press("Enter")
    person.page.keyboard.press("Enter")
    person.wait_for("/status")
    person.wait_until_answered()
    person.wait_for("Nothing")
    assert person.page.locator("#thread-history").inner_text().count("what is running?") == 1

    person.page.locator(".positive-feedback-off").last.click()
    person.page.click("#submit-feedback")
    person.page.wait_for_selector(".positive-feedback-on")
    person.reload()
    person.page.wait_for_selector(".positive-feedback-on")
    person.shot("33-thumb-after-reload")
    assert person.sees("/status")

    person.page.keyboard.press("Control+k")
    person.page.keyboard.type("running")
    person.page.locator("[cmdk-item]:has-text('what is running?')").wait_for()
    person.shot("34-search")
    person.page.keyboard.press("Escape")
    with person.page.expect_download() as saved:
        person.page.locator("a[href^='/chat/threads/']").click()
    assert "/status" in Path(saved.value.path()).read_text()
    assert person.errors == []


def choose(person: Visitor, field: str, choice: str) -> None:
    """Choose in the settings panel, and confirm."""
    person.page.click("#chat-settings-open-modal")
    person.page.click(f"#{field}")
    person.page.locator(f"[role=option]:has-text('{choice}')").click()
    person.shot(f"35-settings-{field}")
    person.page.click("#confirm")


def choose_the_planner(person: Visitor) -> None:
    with person.page.expect_navigation():
        choose(person, "model", "planner")
    person.page.wait_for_selector("#chat-input")


def test_settings_are_applied_at_once_and_kept(
    visit: Callable[..., Visitor], thimble: RunningThimble
) -> None:
    person = visit()
    person.open()
    choose(person, "theme", "Dark")
    person.page.wait_for_selector("html.dark")
    person.shot("36-dark-at-once")
    with person.page.expect_navigation():
        choose(person, "language", "中文")
    person.wait_for("怎么开始？")
    assert person.page.locator("html.dark").count() == 1
    person.page.wait_for_selector("html[lang=zh]")
    person.shot("37-chinese-dark")

    thimble.restart()
    other = visit(locale="de-DE")
    other.open()
    other.wait_for("怎么开始？")
    other.page.wait_for_selector("html.dark")
    assert other.errors == []


def test_files_that_are_not_taken_are_named_beside_one_that_is(
    visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    (tmp_path / "big.csv").write_bytes(b"text,label\n" * 120_000)
    (tmp_path / "empty.csv").write_bytes(b"")
    person = visit()
    person.open()
    dropped = [tmp_path / "big.csv", tmp_path / "empty.csv", FILES / "tickets.csv"]
    person.page.set_input_files("#upload-button-input", [str(file) for file in dropped])
    person.wait_for("was not taken")
    person.page.wait_for_function("document.body.innerText.match(/was not taken/g)?.length === 2")
    person.shot("38-files")
    assert person.page.locator("#message-composer :text('tickets.csv')").count() == 1


def test_what_is_said_in_one_tab_appears_in_the_other(visit: Callable[..., Visitor]) -> None:
    person = visit()
    person.open()
    person.say("everything")
    person.wait_until_answered()
    other = visit()
    other.open(person.thread())
    other.wait_for("42")
    person.say("and on")
    other.wait_for("and on")
    other.wait_for("and so on and so on")
    other.page.click("#stop-button")
    person.wait_for("Stopped.")
    other.shot("39-other-tab")
    assert person.errors == other.errors == []
