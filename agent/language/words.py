"""Our words in one language, and the sentences of other rooms in it."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Literal

from agent.language.told import Recognised

Language = Literal["en", "zh"]
CATALOGUES = Path(__file__).parent
PERCENT = re.compile(r"(?<=\d) %(?!\w)")
PHRASES = "phrases.json"
"""The catalogue of words that stand only inside sentences made elsewhere."""
PAIRS = dict[str, str]


class Words:
    """Call it with an English text to get it in its language.

    `w("Fine-tune on {dataset}", dataset="tickets@1")`: the text is a literal with named
    placeholders, so that a test can find each and see that it has its pair.
    """

    def __init__(self, language: Language, pairs: PAIRS, recognised: Recognised) -> None:
        self.language = language
        self._pairs = pairs
        self._recognised = recognised

    def __call__(self, text: str, /, **values: object) -> str:
        """The text in this language, with the values in their places."""
        return self._pairs.get(text, text).format(**values)

    def told(self, sentence: str) -> str:
        """A sentence made in English elsewhere; as it is when we do not know it."""
        found = self._recognised(sentence)
        # Chinese writes a percentage without the space that our English has.
        return found if found == sentence else PERCENT.sub("%", found)


@cache
def words_in(language: Language) -> Words:
    """English has no catalogue: it is what stands in the code."""
    if language == "en":
        return Words(language, {}, Recognised({}, {}))
    folder = CATALOGUES / language
    told = pairs_of(folder / "told")
    phrases = read(folder / "told" / PHRASES)
    sentences = {source: target for source, target in told.items() if source not in phrases}
    return Words(language, pairs_of(folder), Recognised(sentences, phrases))


def pairs_of(folder: Path) -> PAIRS:
    """All pairs of the folder's catalogues. A test sees to it that none stands in two."""
    pairs: PAIRS = {}
    for path in sorted(folder.glob("*.json")):
        pairs |= read(path)
    return pairs


def read(path: Path) -> PAIRS:
    pairs: PAIRS = json.loads(path.read_text(encoding="utf-8"))
    return pairs
