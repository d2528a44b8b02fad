"""One turn of a conversation, whichever model answers.

reply.py    the turn itself                      in_order.py  several calls of one message
repair.py   calls that cannot be read            fence.py     results, marked as data
sources.py  figures that stand in no result      figures.py   figures found in a text
"""
