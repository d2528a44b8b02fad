"""The built-in help: where its pages lie, and which of its two languages a question is asked in.

Each language is a collection of its own, so that a question in Chinese is never answered with an
English page, nor the other way round. Both bear the same page names and the same sections.
"""

from pathlib import Path
from typing import Literal

from core.identity import Caller
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
FOLDER = Path(__file__).parent / "docs"


def folder_of(language: Language) -> Path:
    return FOLDER / language


def language_of(question: str) -> Language:
    """Chinese when any Chinese sign is in it, else English."""
    return "zh" if UNSPACED.search(question) else "en"


def collection_for(question: str) -> str:
    """The collection with the pages in the language of the question."""
    return COLLECTIONS[language_of(question)]


def is_help(collection: str) -> bool:
    return collection in COLLECTIONS.values()
