"""The fallback when no rule holds: is the request much like one we know the meaning of?

Texts are compared by characters that stand together, which forgives endings, slips and word order.
"""

import math
import re
from collections import Counter
from functools import cache

from agent.understanding.likeness_zh import EXAMPLES_ZH
from agent.understanding.text import HAN

THRESHOLD = 0.55
"""Cosine above which two requests mean the same; unrelated ones of our tests stay below 0.35."""

EXAMPLES = {
    "create_dataset": "here is my data;take this in;i uploaded my tickets;use this as my data;"
    "i have a csv for you;here are my examples;look at this",
    "describe_dataset": "tell me about my data;what do we have here;how big is it;"
    "what labels are there;how does the data look;what does my data look like",
    "start_finetune": "make it learn from this;i want something that sorts these messages;"
    "build something that recognises the intent;let it learn the labels;start now;"
    "teach it my categories;go for it;do the training",
    "quote_finetune": "what will it take;is it going to be expensive;what do you propose;"
    "what would you do with it;how would you go about it;will this take long",
    "deploy_endpoint": "make it callable;i want to call it from my app;let people use it;"
    "open it up for use;make it available",
    "list_runs": "what are you doing right now;is anything happening;what is going on",
    "run_status": "is it there yet;how is it coming along;any news;did it work;is it any good;"
    "where are we;are we there yet;was it worth it",
    "list_approvals": "what do you need from me;is there something i have to decide;"
    "what is on my desk;do i have to press anything",
    "disk_usage": "how big has it all become;what can i clean up;what takes up so many megabytes",
    "stop_endpoint": "i do not need it online any more;nobody may call it any more",
    "search_docs": "teach me how this works;where can i read about it;"
    "is there a page on that;what should i know before i begin",
}


def grams(text: str) -> Counter[str]:
    """Trigrams of letters; of Chinese, where a character says more, single ones and pairs."""
    if HAN.search(text):
        bare = re.sub(r"[\W的了吧呢啊呀]", "", text)
        return Counter([*bare, *(bare[at : at + 2] for at in range(len(bare) - 1))])
    padded = f"  {text} "
    return Counter(padded[at : at + 3] for at in range(len(padded) - 2))


def cosine(left: Counter[str], right: Counter[str]) -> float:
    common = sum(count * right[gram] for gram, count in left.items())
    size = math.sqrt(sum(n * n for n in left.values()) * sum(n * n for n in right.values()))
    return common / size if size else 0.0


@cache
def known() -> list[tuple[str, Counter[str]]]:
    return [
        (intent, grams(example))
        for intent, examples in (*EXAMPLES.items(), *EXAMPLES_ZH.items())
        for example in examples.split(";")
    ]


def nearest(text: str) -> tuple[str, float]:
    """The most similar intent and the cosine, 0 to 1."""
    these = grams(text)
    return max(((intent, cosine(these, other)) for intent, other in known()), key=lambda p: p[1])


def intent_like(text: str) -> str | None:
    """The intent of the most similar example, when it is similar enough."""
    intent, score = nearest(text)
    return intent if score >= THRESHOLD else None
