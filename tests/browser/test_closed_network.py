"""On a network that leads nowhere the page is whole, and an answer cannot make it ask anybody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import Visitor
from tests.fakes_llm import Say, ScriptedLlm, playing
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ELSEWHERE = "https://elsewhere.test"
ANSWER = f"""
# An answer that wants to be fetched

![picture]({ELSEWHERE}/a.png) and ![film]({ELSEWHERE}/b.mp4) and
![by reference][picture] and <img src="{ELSEWHERE}/c.png"> and
[a link]({ELSEWHERE}/d), [a script](javascript:document.title='taken'),
[a page](data:text/html,<script>document.title='taken'</script>), ![](//elsewhere.test/e.png)

[picture]: {ELSEWHERE}/f.png

<iframe src="{ELSEWHERE}/g"></iframe>
<script>document.title = 'taken'</script>
<link rel="stylesheet" href="{ELSEWHERE}/h.css">

| table | ![]({ELSEWHERE}/i.png) |
|---|---|
| cell | <video src="{ELSEWHERE}/j.mp4" autoplay></video> |

The end.
"""


@pytest.fixture
def llm() -> Iterator[ScriptedLlm]:
    with playing(Say(ANSWER)) as made:
        yield made


@pytest.fixture
def thimble(home: Path, llm: ScriptedLlm) -> Iterator[RunningThimble]:
    model = {"THIMBLE_LLM": "scripted", "THIMBLE_LLM_BASE_URL": llm.url}
    with RunningThimble(home, **model) as running:
        yield running


def closed(person: Visitor) -> list[str]:
    """Refuse every other host; the list fills with what the page asks of one."""
    tried: list[str] = []

    def decide(route: Any) -> None:
        if route.request.url.startswith((person.url, "data:", "blob:")):
            route.continue_()
        else:
            tried.append(route.request.url)
            route.abort()

    person.page.context.route("**/*", decide)
    person.page.context.on("request", lambda request: tried.append(request.url))
    return tried


def elsewhere(person: Visitor, tried: list[str]) -> list[str]:
    return [url for url in tried if not url.startswith((person.url, "data:", "blob:"))]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_the_pages_ask_nobody_else_for_anything(visit: Callable[..., Visitor], locale: str) -> None:
    person = visit(locale=locale)
    tried = closed(person)
    person.open()
    person.page.click("#readme-button")
    person.page.keyboard.press("Escape")
    person.page.click("#chat-settings-open-modal")
    person.page.wait_for_selector("#chat-settings")
    person.shot(f"20-settings-{locale}")
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("Control+k")
    person.page.wait_for_selector("[cmdk-input]")
    person.page.keyboard.type("nothing like this")
    person.shot(f"20-search-{locale}")
    person.page.keyboard.press("Escape")
    with person.page.context.expect_page() as opened:
        person.page.locator("a[href^='/help']").click()
    opened.value.wait_for_load_state()
    opened.value.close()

    assert elsewhere(person, tried) == []
    assert person.errors == []


def test_nothing_that_an_answer_links_to_is_fetched(visit: Callable[..., Visitor]) -> None:
    person = visit()
    tried = closed(person)
    person.open()
    person.say("show me")
    person.wait_for("The end.")
    person.wait_until_answered()
    person.shot("21-hostile-answer")
    person.reload()
    person.wait_for("The end.")

    assert elsewhere(person, tried) == []
    assert "taken" not in person.page.title()
    assert person.page.locator(".message-content iframe, .message-content script").count() == 0
    links = person.page.locator(".message-content a")
    targets = links.evaluate_all("all => all.map(one => one.getAttribute('href') || '')")
    assert [target for target in targets if target.startswith(("javascript:", "data:"))] == []
    assert f"{ELSEWHERE}/d" in targets
    assert person.errors == []
