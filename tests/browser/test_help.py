"""The help as a person reads it: on a desk and on a phone, by day and by night."""

from collections.abc import Callable

import pytest

from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Visit = Callable[..., Visitor]
WAYS = {
    "light": {"scheme": "light"},
    "dark": {"scheme": "dark"},
    "phone": {"scheme": "light", "width": 390, "height": 844},
    "phone-dark": {"scheme": "dark", "width": 390, "height": 844},
}
PAGES = {
    "index": "/help/en",
    "index-zh": "/help/zh",
    "page": "/help/endpoints",
    "page-zh": "/help/zh/settings-of-a-run",
    "code": "/help/errors#ragged_row",
    "code-zh": "/help/zh/errors#ragged_row",
}


def read(visitor: Visitor, path: str) -> None:
    visitor.page.goto(visitor.url + path)
    visitor.page.wait_for_selector("main h1")


def test_every_kind_of_page_fits_and_loads_nothing_from_elsewhere(visit: Visit) -> None:
    for way, how in WAYS.items():
        visitor = visit(**how)
        for name, path in PAGES.items():
            read(visitor, path)
            visitor.page.screenshot(path=visitor.shots / f"help-{name}-{way}.png")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert visitor.page.evaluate(wide) <= 0, (name, way)
        assert visitor.errors == []
        assert visitor.hosts == {visitor.url.removeprefix("http://")}


def test_an_address_of_a_code_shows_its_section(visit: Visit) -> None:
    visitor = visit()
    read(visitor, "/help/errors#unclosed_quote")

    box = visitor.page.locator("#unclosed_quote").bounding_box()
    assert 0 < box["y"] < 300


def test_an_example_is_copied_by_its_button(visit: Visit) -> None:
    visitor = visit()
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    read(visitor, "/help/terminal-and-code")

    visitor.page.locator(".copy").nth(1).click()

    visitor.page.wait_for_selector("text=Copied")
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied == "thimble tools"


def test_the_help_has_the_theme_that_was_chosen_for_the_chat(visit: Visit) -> None:
    visitor = visit(scheme="light")
    read(visitor, "/help")
    visitor.page.evaluate("localStorage.setItem('vite-ui-theme', 'dark')")
    visitor.page.reload()

    ground = "getComputedStyle(document.body).backgroundColor"
    assert visitor.page.evaluate(ground) == "rgb(21, 26, 30)"


def test_a_question_in_the_chat_leads_to_the_marked_passage(visit: Visit) -> None:
    visitor = visit()
    visitor.open()
    visitor.say("How do I stop an endpoint?")
    visitor.wait_until_answered()
    link = visitor.page.locator("a[href*='/help/']").first
    link.wait_for()

    visitor.page.goto(visitor.url + link.get_attribute("href").replace(visitor.url, ""))

    visitor.page.screenshot(path=visitor.shots / "help-cited.png")
    assert visitor.page.locator("#passage").count() == 1
