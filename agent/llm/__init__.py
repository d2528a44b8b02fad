"""A language model elsewhere, at any OpenAI-compatible address, and what its servers do wrong.

outside.py   the LangChain chat model        attempts.py  tries, pauses, what is never tried again
streamed.py  an answer as it comes in        pieces.py    calls and texts put together from it
thoughts.py  what it thinks aloud, left out  usage.py     tokens, cost, the limit of a day
"""
