"""One turn of a conversation, whichever model answers.

reply.py    the turn itself                      in_order.py  several calls of one message
sources.py  figures that stand in no result      figures.py   figures found in a text
repair.py   calls that cannot be read
"""
