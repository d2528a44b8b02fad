"""From words to a plan, by grammar and likeness: pure, deterministic, without any library.

text.py       words, spelling, what is quoted         lexicon.py   words that carry meaning
clauses.py    one request becomes its parts            rules.py     which words mean which tool
likeness.py   the fallback: similar to an example?     slots.py     columns, given names
names.py      which dataset, run, model is meant       asking.py    texts to be sent to an endpoint
steps.py      intent and slots become tool calls       smalltalk.py what needs no tool
settings.py   numbers of a training                    topics.py     what a request may be about
understand.py puts them together                       cases.py     the same, from and to JSON
"""
