"""The pictures of the README: `make pictures` walks the main job on real data and films it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.film import Film
from tests.browser.visitor import Visitor
from tests.running import RunningThimble

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1500)]
ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("THIMBLE_TEST_DATA", ROOT.parent / "shared" / "data"))
WIDTH, HEIGHT = 1080, 780
FILM_BYTES = 3_000_000
RUN_S = 700.0


@pytest.fixture
def pictures() -> Path:
    wanted = os.environ.get("THIMBLE_TEST_PICTURES")
    if not wanted:
        pytest.skip("THIMBLE_TEST_PICTURES names no folder; `make pictures` does")
    return Path(wanted)


@pytest.fixture
def banking() -> list[Path]:
    """Banking77: questions to a bank in 77 classes, for training and for the test."""
    files = [DATA / "banking77" / name for name in ("train.csv", "test.csv")]
    if not all(file.exists() for file in files):
        pytest.skip(f"{files[0]} is not there; set THIMBLE_TEST_DATA")
    return files


def test_the_readme_has_pictures_of_today(
    pictures: Path, banking: list[Path], thimble: RunningThimble, visit: Callable[..., Visitor]
) -> None:
    person = visit(width=WIDTH, height=HEIGHT)
    film = Film(person.page, 960)
    person.open()
    from_a_file_to_an_answer(person, film, banking)
    film.save(pictures / "walk.webp")
    assert (pictures / "walk.webp").stat().st_size < FILM_BYTES

    for name, scheme, locale in (("report", "light", "en-US"), ("report-dark", "dark", "en-US")):
        keep(visit(scheme, WIDTH, HEIGHT, locale), person.thread(), pictures / f"{name}.png")


def from_a_file_to_an_answer(person: Visitor, film: Film, files: list[Path]) -> None:
    person.wait_for("How do I begin?")
    person.page.wait_for_timeout(1500)
    film.frame(1400)
    person.attach(*files)
    film.frame(900)
    say(person, film, "make a dataset banking77 from these two files")
    person.wait_until_answered()
    look_at(person, film, "dataset", 2600)
    say(person, film, "fine-tune a classifier on it")
    person.page.wait_for_selector(f"{card('approval')}[data-state=waiting]", timeout=120_000)
    person.wait_until_answered()
    look_at(person, film, "approval", 3000)
    person.press("Approve")
    watch_the_run(person, film)
    person.page.locator("button:has-text('Deploy ')").first.click()
    person.page.wait_for_selector(f"{card('approval')}[data-state=waiting]", timeout=60_000)
    person.wait_until_answered()
    look_at(person, film, "approval", 1500)
    person.press("Approve")
    person.page.wait_for_selector(f"{card('endpoint')} pre", timeout=60_000)
    try_it(person, film)


def watch_the_run(person: Visitor, film: Film) -> None:
    person.page.wait_for_selector(f"{card('run')} .thimble-curve", timeout=180_000)
    done = person.page.locator(f"{card('run')}[data-state=succeeded]")
    look_at(person, film, "run", 300)
    for _ in range(round(RUN_S / 4)):
        if done.count():
            break
        film.watch(4.0, every=4.0, shown_ms=120)
    look_at(person, film, "run", 3600)


def try_it(person: Visitor, film: Film) -> None:
    shown = person.page.locator(card("endpoint")).last
    look_at(person, film, "endpoint", 1600)
    shown.get_by_label("Try it").fill("the shop would not take my card")
    film.frame(700)
    shown.get_by_role("button", name="Ask", exact=True).click()
    shown.locator(".thimble-told").nth(1).wait_for(timeout=60_000)
    look_at(person, film, "endpoint", 3600)


def say(person: Visitor, film: Film, text: str) -> None:
    """Typed a few letters at a time, as people do."""
    person.page.click("#chat-input")
    for at in range(0, len(text), 7):
        person.page.keyboard.type(text[at : at + 7])
        film.frame(110)
    person.page.keyboard.press("Enter")


def look_at(person: Visitor, film: Film, kind: str, ms: int) -> None:
    """The newest card of this kind, with its head at the top."""
    newest = person.page.locator(card(kind)).last
    newest.evaluate("one => one.scrollIntoView({ block: 'start' })")
    person.page.wait_for_timeout(1500)
    film.frame(ms)


def keep(person: Visitor, thread: str, path: Path) -> None:
    """A picture of the report, as it is when the thread is opened again."""
    person.open(thread)
    person.page.wait_for_selector(f"{card('run')}[data-state=succeeded]")
    report = person.page.locator(card("run")).last
    report.evaluate("one => one.scrollIntoView({ block: 'start' })")
    person.page.wait_for_timeout(1500)
    person.page.screenshot(path=path)


def card(kind: str) -> str:
    return f".thimble-card[data-kind={kind}]"
