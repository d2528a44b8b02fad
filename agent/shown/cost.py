"""What an answer took of a language model, in words."""

import math

from agent.events import Spent
from agent.language import Words


def taken(spent: Spent, w: Words) -> str:
    """Such as `1,204 tokens read, 87 written · 0.0004 USD`."""
    tokens = w(
        "{input} tokens read, {output} written",
        input=f"{spent.input_tokens:,}",
        output=f"{spent.output_tokens:,}",
    )
    told = w("about {tokens}", tokens=tokens) if spent.estimated else tokens
    if spent.cost is None:
        return told
    return f"{told} · {amount(spent.cost)} {spent.currency or ''}".strip()


def amount(cost: float) -> str:
    """Two digits that say something, also of very little money."""
    leading = 0 if cost >= 1 or cost == 0 else -math.floor(math.log10(cost)) - 1
    return f"{cost:.{leading + 2}f}"
