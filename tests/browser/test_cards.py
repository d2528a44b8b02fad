"""The cards, looked at: every kind and state, by eye, by keyboard and by what a reader is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.language import words_in
from agent.views import Link, View
from tests.browser import gallery
from tests.browser.visitor import Visitor
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
EN = words_in("en")
TICKETS = Path(__file__).parents[1] / "files" / "tickets.csv"
LOOKS = [("light", 1200, "en"), ("dark", 1200, "en"), ("light", 390, "zh"), ("dark", 390, "en")]

NAMELESS = """
() => [...document.querySelectorAll('.thimble-card :is(button, a, input, select, [role=region])')]
  .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim()
    || [...(one.labels || [])].some((label) => label.textContent.trim())))
  .map((one) => one.outerHTML)
"""
TOO_WIDE = """
() => [...document.querySelectorAll('.thimble-card')]
  .filter((card) => card.scrollWidth > card.clientWidth + 1 || card.offsetWidth > innerWidth)
  .map((card) => card.dataset.kind)
"""
PALE = """
() => {
  const parts = (color) => {
    const found = color.match(/[\\d.]+/g).map(Number)
    return { rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1 }
  }
  const light = ([r, g, b]) => [r, g, b]
    .map((one) => one / 255)
    .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0)
  const ground = (one) => {
    const { rgb, alpha } = parts(getComputedStyle(one).backgroundColor)
    if (alpha === 1 || !one.parentElement) return rgb
    const below = ground(one.parentElement)
    return rgb.map((part, at) => alpha * part + (1 - alpha) * below[at])
  }
  const ratio = (one) => {
    const [high, low] = [light(parts(getComputedStyle(one).color).rgb), light(ground(one))]
      .sort((a, b) => b - a)
    return (high + 0.05) / (low + 0.05)
  }
  return [...document.querySelectorAll('.thimble-card *')]
    .filter((one) => [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim()))
    .filter((one) => !one.closest('button:disabled, svg, .thimble-unseen') && ratio(one) < 4.5)
    .map((one) => `${ratio(one).toFixed(2)} ${one.className} ${one.textContent.slice(0, 30)}`)
}
"""


@pytest.mark.parametrize(("scheme", "width", "language"), LOOKS)
def test_every_card_can_be_read_in_any_light_and_width(
    thimble: RunningThimble,
    visit: Callable[..., Visitor],
    scheme: str,
    width: int,
    language: str,
) -> None:
    w = words_in("zh" if language == "zh" else "en")
    shown = gallery.views(w)
    person = visit(scheme, width, 2400, "zh-CN" if language == "zh" else "en-US")
    person.open()
    person.open(gallery.hang(thimble.home, shown, w))
    cards = person.page.locator(".thimble-card")
    cards.nth(len(shown) - 1).wait_for()
    person.page.wait_for_timeout(800)

    for at, name in enumerate(shown):
        cards.nth(at).screenshot(
            path=person.shots / f"card-{name}-{language}-{scheme}-{width}.png",
            animations="disabled",
        )
    assert cards.count() == len(shown)
    assert person.page.evaluate(TOO_WIDE) == []
    assert person.page.evaluate(NAMELESS) == []
    assert person.page.evaluate(PALE) == []
    assert person.errors == []


def test_a_card_links_to_this_server_alone(
    thimble: RunningThimble, visit: Callable[..., Visitor]
) -> None:
    kept = ("/help/errors", "/v1/files/file-1/content")
    elsewhere = ("javascript:alert(1)", "https://x.test", "//x.test", "/\\x.test", "/\t/x.test")
    links = [Link(f"link {at}", url) for at, url in enumerate((*kept, *elsewhere))]
    person = visit()
    person.open()
    person.open(gallery.hang(thimble.home, {"links": View(title="Links", links=links)}, EN))
    person.page.get_by_text(f"link {len(links) - 1}").wait_for()

    shown = person.page.locator(".thimble-card a")
    assert shown.evaluate_all("all => all.map((one) => one.href)") == [
        f"{thimble.url}{address}" for address in kept
    ]


def open_thread_with_tickets(person: Visitor) -> None:
    person.open()
    person.attach(TICKETS)
    person.say("make a dataset from this")
    person.page.locator(".thimble-card[data-kind=dataset]").wait_for()
    person.wait_until_answered()


def test_rows_are_paged_and_narrowed_inside_of_the_card(visit: Callable[..., Visitor]) -> None:
    person = visit()
    open_thread_with_tickets(person)
    card = person.page.locator(".thimble-card[data-kind=dataset]")
    first = card.locator("tbody").last.inner_text()

    card.get_by_role("button", name="Next").click()
    card.get_by_text("Page 2 of").wait_for()
    second = card.locator("tbody").last.inner_text()
    card.get_by_label("Label", exact=True).select_option("delivery")
    card.get_by_text("Page 1 of").wait_for()
    labels = card.locator("tbody").last.locator("tr td:last-child").all_inner_texts()

    assert first != second
    assert set(labels) == {"delivery"}


def test_an_approval_is_reached_and_given_with_the_keyboard_alone(
    thimble: RunningThimble, visit: Callable[..., Visitor]
) -> None:
    person = visit()
    open_thread_with_tickets(person)
    person.say("delete the dataset tickets")
    person.page.get_by_role("button", name="Approve").wait_for()
    person.wait_until_answered()

    person.page.locator("#chat-input").focus()
    for _ in range(20):
        person.page.keyboard.press("Shift+Tab")
        if person.page.evaluate("document.activeElement.textContent") == "Approve":
            break
    outline = person.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    person.page.keyboard.press("Enter")
    person.page.locator(".thimble-card[data-kind=approval][data-state=done]").wait_for()

    assert outline == "solid"
    assert not person.page.get_by_role("button", name="Approve").count()
    with thimble.client() as client:
        assert client.call("list_datasets")["datasets"] == []


def test_numbers_are_changed_where_they_stand_and_make_a_new_approval(
    thimble: RunningThimble, visit: Callable[..., Visitor]
) -> None:
    person = visit()
    open_thread_with_tickets(person)
    person.say("fine-tune a classifier on it, 2 epochs")
    first = person.page.locator(".thimble-card[data-key=ap_1]")
    first.get_by_label("Rank", exact=True).fill("900")
    again = first.get_by_role("button", name="Ask with these numbers")
    assert again.is_disabled()
    assert "from 1 to 256" in first.inner_text()

    first.get_by_label("Rank", exact=True).fill("7")
    first.get_by_role("button", name="Rank: higher").click()
    again.click()
    second = person.page.locator(".thimble-card[data-key=ap_2]")
    second.wait_for()

    assert second.get_by_label("Rank", exact=True).input_value() == "8"
    assert second.get_by_label("Epochs", exact=True).input_value() == "2"
    first.get_by_text("replaced").first.wait_for()
    assert first.get_attribute("data-folded") == "true"
    with thimble.client() as client:
        assert [one["id"] for one in client.approvals()] == ["ap_2"]


def test_what_a_person_has_typed_into_a_card_stays_when_the_card_changes(
    visit: Callable[..., Visitor],
) -> None:
    person = visit()
    open_thread_with_tickets(person)
    person.say("fine-tune a classifier on it")
    card = person.page.locator(".thimble-card[data-key=ap_1]")
    card.get_by_label("Epochs", exact=True).fill("5")
    card.locator("xpath=self::*[@data-state='waiting']").wait_for(timeout=120_000)

    assert card.get_by_label("Epochs", exact=True).input_value() == "5"
    assert card.get_by_role("button", name="Ask with these numbers").is_enabled()
