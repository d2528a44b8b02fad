"""A chat dataset in numbers, to show as a table and a chart. Pure: rows in, plain data out."""

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any

from data.chat.splits import Splits
from data.chat.talks import Talk, Talks, said
from data.profile import EXAMPLE_CHARACTERS, EXAMPLES, counted, language

Json = dict[str, Any]
SHORT = 40
"""Answers of at most so many characters can be compared word by word."""
MOST_FREQUENT = 5


def describe(main: Talks, splits: Splits) -> Json:
    """Turns, roles, lengths, tools, answers, copies, contradictions and language.

    Duplicates and conflicts count the main file, everything else all splits.
    """
    rows = splits.rows
    extra = sum(len(group) - 1 for group in main.repeated)
    return {
        "rows": len(rows),
        "splits": splits.sizes(),
        "turns": counted([turns(talk) for talk in rows], "messages"),
        "roles": dict(Counter(m["role"] for talk in rows for m in talk.messages).most_common()),
        "system_prompts": system_prompts(rows),
        "tools": tools(rows),
        "characters": {
            "prompts": counted([asked(talk) for talk in rows], "characters"),
            "answers": counted([len(text) for text in answers(rows)], "characters"),
        },
        "answers": of_answers(rows),
        "duplicates": {"rows": extra, "groups": len(main.repeated)},
        "conflicts": conflicts(main),
        "language": language(spoken(rows)),
        "skipped": skipped(main, splits),
    }


def spoken(rows: list[Talk]) -> list[str]:
    """All messages but instructions."""
    return [said(m) for talk in rows for m in talk.without_system(talk.messages)]


def turns(talk: Talk) -> int:
    """Messages without the instructions at the beginning."""
    return sum(1 for _ in talk.without_system(talk.messages))


def asked(talk: Talk) -> int:
    """Characters of everything before the last answer."""
    return sum(len(said(message)) for message in talk.messages[: talk.last])


def answers(rows: Iterable[Talk]) -> list[str]:
    """Every answer that trains."""
    return [said(message) for talk in rows for message in talk.answers]


def system_prompts(rows: list[Talk]) -> Json:
    texts = Counter(m["content"] for talk in rows for m in talk.messages if m["role"] == "system")
    return {
        "rows": sum(any(m["role"] == "system" for m in talk.messages) for talk in rows),
        "distinct": len(texts),
        "most_frequent": frequent(texts),
    }


def tools(rows: list[Talk]) -> Json:
    """Rows with tools, their share of all, how many different tools and how many calls."""
    with_tools = [talk for talk in rows if talk.tools]
    names = {tool["function"]["name"] for talk in with_tools for tool in talk.tools or ()}
    return {
        "rows": len(with_tools),
        "share": round(len(with_tools) / max(1, len(rows)), 4),
        "distinct": len(names),
        "calls": sum(len(m.get("tool_calls", ())) for talk in rows for m in talk.messages),
    }


def of_answers(rows: list[Talk]) -> Json:
    texts = answers(rows)
    return {
        "count": len(texts),
        "distinct": len(set(texts)),
        "median_characters": int(median(map(len, texts))),
        "short_share": round(sum(len(text) <= SHORT for text in texts) / len(texts), 4),
        "most_frequent": frequent(Counter(texts)),
    }


def frequent(texts: Counter[str]) -> list[Json]:
    """The texts that occur more than once, the most frequent first."""
    ordered = sorted(texts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"text": text[:EXAMPLE_CHARACTERS], "count": count}
        for text, count in ordered[:MOST_FREQUENT]
        if count > 1
    ]


def conflicts(main: Talks) -> Json:
    found = main.conflicting
    return {
        "groups": len(found),
        "rows": sum(map(len, found)),
        "examples": [example(group) for group in found[:EXAMPLES]],
    }


def example(group: list[Talk]) -> Json:
    first = group[0]
    return {
        "text": said(first.messages[first.last - 1])[:EXAMPLE_CHARACTERS] if first.last else "",
        "answers": sorted({talk.answer[:EXAMPLE_CHARACTERS] for talk in group})[:EXAMPLES],
        "rows": [talk.number for talk in group[:10]],
    }


def skipped(main: Talks, splits: Splits) -> list[Json]:
    """Rows of the main file that are in no split."""
    reasons = {
        "no answer to learn": main.unanswered,
        "also in the test or validation file": splits.leaked,
    }
    return [
        {"reason": reason, "count": len(rows), "rows": rows[:10]}
        for reason, rows in reasons.items()
        if rows
    ]
