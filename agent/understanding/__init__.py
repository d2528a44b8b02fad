"""From words to a plan, by grammar and likeness: pure, deterministic, without any library.

text.py       words, spelling, what is quoted         lexicon.py   words that carry meaning
clauses.py    one request becomes its parts            rules.py     which words mean which tool
likeness.py   the fallback: similar to an example?     slots.py     columns, given names
names.py      which dataset, run, model is meant       asking.py    texts to be sent to an endpoint
steps.py      intent and slots become tool calls       smalltalk.py what needs no tool
settings.py   numbers of a training                    topics.py     what a request may be about
numerals.py   numbers as they are said                 sampling.py   which rows are to be shown
undo.py      what takes back, and stops nothing         cases.py      the same, from and to JSON
understand.py puts them together

Chinese goes the same way. hanzi.py brings it into one spelling of the same length; what its grammar
needs of its own is in lexicon_zh, forms_zh, clauses_zh, columns_zh, asking_zh, follow_zh, talk_zh.
"""
