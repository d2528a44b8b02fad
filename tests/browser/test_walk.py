"""The main job as a person does it: from a file dropped into the chat to a live endpoint."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.job import RESULT_FILE
from tests.browser.visitor import Visitor
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
FILES = Path(__file__).parents[1] / "files"
RUN_S = 400.0


def card(kind: str) -> str:
    """The selector of a kind of card."""
    return f".thimble-card[data-kind={kind}]"


def test_from_a_file_to_a_live_endpoint(
    thimble: RunningThimble, visit: Callable[..., Visitor]
) -> None:
    person = visit()
    person.open()
    see_the_welcome(person)
    make_a_dataset(person)
    approve_a_plan(person)
    watch_the_run_over_a_reload_and_a_killed_server(person, thimble)
    read_the_report(person, thimble)
    deploy_and_ask(person)
    look_after_it(person)
    open_a_citation(person)
    stop_it(person)

    assert person.errors == []
    assert person.hosts == {f"127.0.0.1:{thimble.port}"}
    look_again_in_the_dark(visit, person.thread())


def see_the_welcome(person: Visitor) -> None:
    for starter in ("How do I begin?", "What can you do?", "Format my data", "What is running?"):
        assert person.sees(starter)
    person.shot("01-welcome")
    person.page.click("#readme-button")
    person.wait_for("Drop a file")
    person.shot("02-how-it-works")
    person.page.keyboard.press("Escape")
    person.say("What can you do?")
    person.wait_until_answered()
    assert person.sees("Fine-tune")
    person.shot("03-abilities")


def make_a_dataset(person: Visitor) -> None:
    person.attach(FILES / "tickets.csv")
    person.say("make a dataset from this")
    person.wait_for("Dataset tickets@1")
    person.wait_until_answered()
    person.page.wait_for_selector(f"{card('dataset')} svg[role=img]")
    for fact in ("Text column", "Label column", "Splits", "Page 1 of"):
        assert person.sees(fact)
    person.shot("04-dataset-below")
    person.scroll_to("Dataset tickets@1")
    person.shot("04-dataset")


def approve_a_plan(person: Visitor) -> None:
    person.say("fine-tune a classifier on it, 8 epochs")
    person.page.wait_for_selector(f"{card('approval')}[data-state=waiting]", timeout=120_000)
    person.wait_until_answered()
    for part in ("set by you", "default", "Memory", "Time", "TF-IDF"):
        assert person.sees(part)
    person.shot("05-plan-below")
    person.scroll_to("Fine-tune on tickets@1")
    person.shot("05-plan")
    assert not person.page.locator(card("run")).count()
    person.press("Approve")


def watch_the_run_over_a_reload_and_a_killed_server(
    person: Visitor, thimble: RunningThimble
) -> None:
    person.page.wait_for_selector(card("run"), timeout=30_000)
    person.page.wait_for_selector(f"{card('run')} .thimble-curve", timeout=120_000)
    person.shot("06-training")
    person.reload()
    person.page.wait_for_selector(card("run"), timeout=30_000)
    assert not person.sees("Test accuracy")
    person.say("What waits for approval?")
    person.wait_for("Nothing waits")
    person.wait_until_answered()
    thimble.restart()


def read_the_report(person: Visitor, thimble: RunningThimble) -> None:
    """The tab that stayed open over the restart is told; its figures are the worker's.

    As something was said in the meantime, the card comes to the end of the thread.
    """
    person.page.wait_for_selector(f"{card('run')}[data-state=succeeded]", timeout=1000 * RUN_S)
    assert person.page.locator(".thimble-card").last.get_attribute("data-kind") == "run"
    person.shot("07-report-arrives")
    person.scroll_to("run_1: fine-tuning on tickets@1")
    person.shot("07-report")
    person.page.locator("summary:has-text('Worst classes')").click()
    person.page.locator("summary:has-text('Compared with the baselines')").click()
    person.scroll_to("Compared with the baselines")
    person.shot("07-report-below")
    result = json.loads((thimble.home / "jobs" / "run_1" / RESULT_FILE).read_text())
    shown = person.text().replace("\u00a0", " ")
    for scores in (result["metrics"]["test"], *result["baselines"]):
        assert f"{100 * scores['accuracy']:.1f} %" in shown
    assert person.page.locator(card("run")).count() == 1
    assert not person.page.locator(f"{card('run')} [role=progressbar]").count()


def deploy_and_ask(person: Visitor) -> None:
    person.page.locator("button:has-text('Deploy ')").first.click()
    person.wait_for("waits for you")
    person.wait_until_answered()
    person.press("Approve")
    person.page.wait_for_selector("pre:has-text('curl')", timeout=60_000)
    person.shot("08-endpoint")
    try_it_in_the_card(person)
    answers = [run_snippet(person, "bash"), run_snippet(person, "python")]
    assert all(re.search(r"['\"]label['\"]", answer) for answer in answers), answers
    person.say("Ask it: my parcel has not arrived")
    person.wait_for("ms")
    person.wait_until_answered()
    assert person.sees("delivery")
    person.shot("09-answer")


def try_it_in_the_card(person: Visitor) -> None:
    """Its answer and the untuned base's, side by side."""
    shown = person.page.locator(card("endpoint")).last
    shown.get_by_label("Try it").fill("my parcel has not arrived")
    shown.get_by_role("button", name="Ask", exact=True).click()
    shown.locator(".thimble-told").nth(1).wait_for(timeout=60_000)
    assert "delivery" in shown.locator(".thimble-told").first.inner_text()
    person.scroll_to("Endpoint tickets")
    person.shot("08-endpoint-tried")


def run_snippet(person: Visitor, language: str) -> str:
    """What the snippet prints when it is run as it stands."""
    shown = person.page.locator(card("endpoint")).last
    shown.get_by_role("tab", name="curl" if language == "bash" else "Python").click()
    text = shown.locator("pre code").inner_text()
    argv = ["bash", "-c", text] if language == "bash" else [sys.executable, "-c", text]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def look_after_it(person: Visitor) -> None:
    for number, (question, answer) in enumerate(
        [
            ("What is running?", "run_1"),
            ("What waits for approval?", "Nothing waits"),
            ("What takes room on the disk?", "Free on the disk"),
            ("Does my data leave this machine?", "Sources"),
            ("How do I format data for fine-tuning?", "How to format your data"),
        ]
    ):
        person.say(question)
        person.wait_until_answered()
        person.wait_for(answer)
        person.shot(f"10-question-{number + 1}")


def stop_it(person: Visitor) -> None:
    """The endpoint stays one card, which now says that it is off."""
    person.page.locator(card("endpoint")).get_by_role("button", name="Stop it").last.click()
    person.page.wait_for_selector(f"{card('approval')}[data-state=waiting]")
    person.wait_until_answered()
    person.press("Approve")
    person.page.wait_for_selector(f"{card('endpoint')}[data-state=stopped]")
    person.shot("11-stopped")
    assert person.page.locator(card("endpoint")).count() == 1


def open_a_citation(person: Visitor) -> None:
    with person.page.context.expect_page() as opened:
        person.page.locator("a[href^='/help/']").last.click()
    opened.value.wait_for_selector("#passage")
    opened.value.screenshot(path=person.shots / "11-citation.png")
    opened.value.close()


def look_again_in_the_dark(visit: Callable[..., Visitor], thread: str) -> None:
    """A new visitor, by the thread's address, on a dark screen and on a phone."""
    for name, scheme, width in (("dark", "dark", 1200), ("phone", "light", 390)):
        person = visit(scheme, width)
        person.open(thread)
        person.wait_for("run_1: fine-tuning on tickets@1")
        person.scroll_to("run_1: fine-tuning on tickets@1")
        person.shot(f"12-report-{name}")
        person.scroll_to("Dataset tickets@1")
        person.shot(f"12-dataset-{name}")
