"""The built-in help: where its pages lie, and which of its two languages a question is asked in.

Each language is a collection of its own, so that a question in Chinese is never answered with an
English page, nor the other way round. Both bear the same page names and the same sections.
"""

import re
from functools import cache
from pathlib import Path
from typing import Literal

from core.identity import Caller
from knowledge.markup import markdown_headings
from knowledge.words import UNSPACED

HELP = "help"
"""The collection as callers name it, whatever the language: Thimble's own, readable by all."""
SYSTEM = Caller(user=HELP, project=HELP, actor="system")
"""Owns the help."""
Language = Literal["en", "zh"]
COLLECTIONS: dict[Language, str] = {"en": HELP, "zh": f"{HELP}/zh"}
"""Under which name each language is kept; callers cannot make a name with a slash."""
WORDS_ONLY = frozenset({COLLECTIONS["zh"]})
"""Searched without vectors: the encoder knows English, and would rank by what Latin it finds."""
CODES_PAGE = "errors.md"
CODES_BEHIND = 0.8
"""What a score on the page of codes is multiplied by: its hundred short sections, one for each
code, would otherwise stand before the page that explains."""
ASKED = re.compile(r"^<!-- asked: .* -->$", re.MULTILINE)
FOLDER = Path(__file__).parent / "docs"


def folder_of(language: Language) -> Path:
    return FOLDER / language


def language_of(question: str) -> Language:
    """Chinese when any Chinese sign is in it, else English."""
    return "zh" if UNSPACED.search(question) else "en"


def collection_for(question: str) -> str:
    """The collection with the pages in the language of the question."""
    return COLLECTIONS[language_of(question)]


def readable(text: str) -> str:
    """A page, or a passage of one, without the notes of how its sections are asked for.

    Such a note, `<!-- asked: … -->` on a line of its own below a heading, holds words that people
    use and the section does not: it is there to be found by. The lines stay, left empty.
    """
    return ASKED.sub("", text)


def address_of(collection: str, source: str) -> str:
    """Where a page is read in the browser: `/help/zh/endpoints` for `help/zh`, `endpoints.md`."""
    return f"/{collection}/{source.removesuffix('.md')}"


def is_help(collection: str) -> bool:
    return collection in COLLECTIONS.values()


@cache
def codes() -> frozenset[str]:
    """The error codes that the help explains, which are the headings of their page."""
    text = (folder_of("en") / CODES_PAGE).read_text("utf-8")
    return frozenset(heading.title for heading in markdown_headings(text) if heading.level == 2)


def names_code(question: str) -> bool:
    """Whether an error code stands in the question."""
    return not codes().isdisjoint(re.findall(r"[a-z_]+", question.lower()))
