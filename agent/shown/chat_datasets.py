"""Cards of datasets of conversations: how they were read, turns, lengths, answers, problems."""

from typing import Any

from agent.language import Words
from agent.shown.datasets import (
    has_copies,
    in_words,
    lengths,
    lengths_histogram,
    script_fact,
    splits,
)
from agent.shown.figures import count, excerpt, joined, listed, percent
from agent.shown.problems import advice, fitness, next_steps, problems_table, tone_of
from agent.shown.rows import first_rows_of
from agent.views import Chart, Table, View

Json = dict[str, Any]
MOST_EXAMPLE = 60
"""Characters of the answer that is shown as the most frequent one."""


def dataset_view(result: Json, w: Words) -> View:
    """A version of a chat dataset with its profile and its first conversations."""
    profile, name = result["profile"], result["dataset"]
    problems = result.get("problems") or []
    return View(
        title=w("Dataset {name}", name=name),
        kind="dataset",
        key=f"dataset/{name}",
        state_label=fitness(problems, w),
        tone=tone_of(problems),
        summary=summary(result, problems, w),
        facts=content_facts(result, profile, w),
        charts=charts(profile, w),
        tables=[
            problems_table(problems, w),
            conflicts_table(profile, w),
            reading_table(profile, w),
        ],
        sample=first_rows_of(result, w),
        actions=next_steps(name, problems, "chat", w),
    )


def summary(result: Json, problems: list[Json], w: Words) -> str:
    size = w("{rows} conversations to learn from.", rows=count(result["rows"]))
    return joined([size, advice(problems, w)], w)


# What is in it ---------------------------------------------------------------------------------


def content_facts(result: Json, profile: Json, w: Words) -> list[tuple[str, str]]:
    written = profile.get("characters") or {}
    answers = profile.get("answers") or {}
    sizes = [
        (title, lengths(written[side], w))
        for title, side in ((w("Prompts"), "prompts"), (w("Answers"), "answers"))
        if written.get(side)
    ]
    return [
        (w("Splits"), splits(result["splits"], w)),
        *messages_fact(profile.get("turns") or {}, w),
        *sizes,
        *answer_facts(answers, w),
        *system_fact(profile.get("system_prompts") or {}, w),
        *tools_fact(profile.get("tools") or {}, w),
        (w("Copies"), count(profile["duplicates"]["rows"]) if has_copies(profile) else w("none")),
        (w("Contradicting answers"), contradictions(profile, w)),
        *script_fact(profile.get("language") or {}, w),
    ]


def messages_fact(turns: Json, w: Words) -> list[tuple[str, str]]:
    """How many messages a row has, where all have as many; else a chart tells it."""
    if not alike(turns):
        return []
    return [(w("Messages"), w("{count} in each row", count=count(turns["histogram"][0][0])))]


def alike(counted: Json) -> bool:
    """Whether one number holds for all, which would be a chart of a single bar."""
    bins = counted.get("histogram") or []
    return len(bins) == 1 and bins[0][1] - bins[0][0] == 1


def answer_facts(answers: Json, w: Words) -> list[tuple[str, str]]:
    """How many are different, and the one that comes most often where one comes again."""
    if not answers:
        return []
    told = w("{count} different", count=count(answers["distinct"]))
    facts = [(w("Different answers"), told)]
    for most in (answers.get("most_frequent") or [])[:1]:
        text = excerpt(str(most["text"]), MOST_EXAMPLE)
        told = w("“{text}”, {count} times", text=text, count=count(most["count"]))
        facts.append((w("Most frequent answer"), told))
    return facts


def system_fact(system: Json, w: Words) -> list[tuple[str, str]]:
    rows, distinct = system.get("rows"), system.get("distinct")
    if not rows:
        told = w("none")
    elif distinct == 1:
        told = w("the same one in {count} rows", count=count(rows))
    else:
        told = w(
            "{distinct} different ones in {count} rows", distinct=count(distinct), count=count(rows)
        )
    return [(w("System prompts"), told)]


def tools_fact(tools: Json, w: Words) -> list[tuple[str, str]]:
    if not tools.get("rows"):
        return []
    told = w(
        "{distinct} different ones, in {share} of the rows",
        distinct=count(tools["distinct"]),
        share=percent(tools["share"], w),
    )
    return [(w("Tools"), told)]


def contradictions(profile: Json, w: Words) -> str:
    groups = profile["conflicts"]["groups"]
    if not groups:
        return w("none")
    return w("1 prompt") if groups == 1 else w("{count} prompts", count=count(groups))


# Charts and tables -----------------------------------------------------------------------------


def charts(profile: Json, w: Words) -> list[Chart]:
    written = profile.get("characters") or {}
    told = (
        (w("Rows by number of messages"), profile.get("turns"), w("messages")),
        (w("Rows by length of the prompts"), written.get("prompts"), w("characters")),
        (w("Answers by length"), written.get("answers"), w("characters")),
    )
    return [
        lengths_histogram(title, counted["histogram"], unit, w)
        for title, counted, unit in told
        if counted and not alike(counted)
    ]


def conflicts_table(profile: Json, w: Words) -> Table:
    rows: list[list[Any]] = [
        [
            excerpt(str(one["text"])),
            listed((excerpt(str(answer), MOST_EXAMPLE) for answer in one["answers"]), w),
            listed(map(str, one["rows"]), w),
        ]
        for one in profile["conflicts"].get("examples", [])
    ]
    columns = [w("prompt"), w("answers"), w("rows")]
    return Table(w("The same prompt with different answers"), columns, rows, folded=True)


def reading_table(profile: Json, w: Words) -> Table:
    """What was found in the file, and why it was taken so."""
    rows: list[list[Any]] = [[w("Format"), in_words(str(profile["format"]), w), ""]]
    if profile.get("shape"):
        chosen: Json = next(iter((profile.get("columns") or {}).values()), {})
        why = w.told(str(chosen.get("why") or ""))
        rows.append([w("Layout"), layout(str(profile["shape"]), w), why])
    if profile.get("encoding"):
        rows.append([w("Encoding"), in_words(str(profile["encoding"]), w), ""])
    columns = [w("part"), w("found"), w("why")]
    return Table(w("How the file was read"), columns, rows, folded=True)


def layout(shape: str, w: Words) -> str:
    names = {
        "openai_chat": "OpenAI",
        "alpaca": "Alpaca",
        "sharegpt": "ShareGPT",
        "prompt_completion": w("prompt and completion"),
    }
    return names.get(shape, shape)
