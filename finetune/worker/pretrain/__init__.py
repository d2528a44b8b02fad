"""How `tiny-chat` gets its weights: a brief pre-training on the help pages, planted facts and a few
plain skills (copying, picking, following a pattern). Kind `base` of the worker.

Nothing is imported here but the standard library: the process that writes the job reads the texts
too, to make the tokenizer.
"""

import json
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
FACTS = FOLDER / "facts.md"
WORDS = FOLDER / "words.json"
WORDS_WEIGHT = 8
"""So often stands each word in the texts: enough to become one token or two."""


def plain_texts() -> Iterator[str]:
    """The committed texts that the model learns from."""
    yield FACTS.read_text("utf-8")
    for words in json.loads(WORDS.read_text("utf-8")).values():
        yield " ".join(words * WORDS_WEIGHT)
