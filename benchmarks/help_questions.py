"""Questions to the built-in help with the page and section that answer them, and off-topic ones.

`asked` was written first and the pages and the ranking were improved on it; `later` was written
afterwards, then the ranking was changed once more for both. So neither figure is an unseen one.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from knowledge import builtin
from knowledge.builtin import HELP, SYSTEM, Language
from knowledge.markup import markdown_headings
from knowledge.passages import Passage
from knowledge.search import Library
from server.help_html import anchors_of

FILE = Path(__file__).with_suffix(".json")
SETS = ("asked", "later", "chats")
TOP = 3


@dataclass(frozen=True)
class Found:
    """Where one question led."""

    question: str
    page: str
    section: str
    """"" where the whole page answers."""
    places: list[tuple[str, str]]
    """Page and section of each passage, best first."""
    answerable: bool

    def page_within(self, top: int) -> bool:
        return self.page in [page for page, _ in self.places[:top]]

    def section_within(self, top: int) -> bool:
        wanted = (self.page, self.section)
        return wanted in self.places[:top] if self.section else self.page_within(top)


def ask(library: Library, name: str, language: Language) -> list[Found]:
    """Every question of a set. The help must be in the library."""
    questions = json.loads(FILE.read_text("utf-8"))[name][language]
    return [one(library, language, *question) for question in questions]


def one(library: Library, language: Language, question: str, page: str, section: str) -> Found:
    findings = library.find(SYSTEM, question, HELP, 5)
    places = [place(passage, language) for passage in findings.passages]
    return Found(question, page, section, places, findings.answerable)


def off_topic(library: Library, language: Language) -> dict[str, bool]:
    """Question about something else to whether it was held to be answerable."""
    questions = json.loads(FILE.read_text("utf-8"))["off_topic"][language]
    return {text: library.find(SYSTEM, text, HELP, 5).answerable for text in questions}


def place(passage: Passage, language: Language) -> tuple[str, str]:
    """Page and anchor of the section that a passage stands in."""
    folder = builtin.folder_of(language)
    titles = [one.title for one in markdown_headings((folder / passage.source).read_text("utf-8"))]
    anchors = anchors_of((builtin.folder_of("en") / passage.source).read_text("utf-8"))
    title = passage.heading.split(" > ")[-1]
    return passage.source.removesuffix(".md"), dict(zip(titles, anchors, strict=True))[title]


def fill(library: Library) -> None:
    for language, collection in builtin.COLLECTIONS.items():
        library.add_folder(SYSTEM, builtin.folder_of(language), collection)


def measure(library: Library) -> None:
    fill(library)
    print("| questions | page first | page in 3 | section first | section in 3 | answerable |")
    print("|---|---|---|---|---|---|")
    for name in SETS:
        for language in builtin.COLLECTIONS:
            print(row(f"{name}, {language}", ask(library, name, language)))
    for language in builtin.COLLECTIONS:
        held = off_topic(library, language)
        print(f"\noff-topic, {language}: {len(held) - sum(held.values())} of {len(held)} refused")
    library.close()


def row(title: str, found: list[Found]) -> str:
    counts = (
        sum(one.page_within(1) for one in found),
        sum(one.page_within(TOP) for one in found),
        sum(one.section_within(1) for one in found),
        sum(one.section_within(TOP) for one in found),
        sum(one.answerable for one in found),
    )
    return f"| {title} ({len(found)}) | {' | '.join(str(count) for count in counts)} |"
