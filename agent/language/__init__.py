"""The two languages that Thimble speaks: our words, and sentences that other rooms made.

English is the source: code is read in it, records keep it, programs get it. Chinese is made from
it on its way to a person, by catalogues of pairs:

zh/<room>.json        words of `agent/`, asked for by name: `w("Rows")`
zh/told/<room>.json   sentences of the rooms below, which know no language, recognised: `w.told(…)`
"""

from agent.language.detect import language_of
from agent.language.words import Language, Words, words_in

__all__ = ["Language", "Words", "language_of", "words_in"]
