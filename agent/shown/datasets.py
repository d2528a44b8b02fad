"""Cards of datasets: how the file was read, labels, lengths, problems, rows."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, excerpt, joined, listed, moment, percent
from agent.shown.masks import preview
from agent.shown.problems import (
    advice,
    fine_tune,
    fitness,
    heaviest,
    next_steps,
    problems_table,
    tone_of,
)
from agent.shown.rows import first_rows_of
from agent.shown.states import of_split
from agent.views import Action, Chart, Table, View

Json = dict[str, Any]
MOST_LABELS = 30
MOST_ROWS = 30
LEAST_SHARE = 0.05
"""Share of the letters from which a script is worth a mention."""


def dataset_view(result: Json, w: Words) -> View:
    """A dataset version with its profile and its first rows."""
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
        charts=[labels_chart(profile, w), lengths_chart(profile, w)],
        tables=[
            problems_table(problems, w),
            conflicts_table(profile, w),
            reading_table(profile, w),
        ],
        sample=first_rows_of(result, w),
        notes=more_labels(profile, w),
        actions=next_steps(name, problems, CLASSIFY, w),
    )


CLASSIFY = "classification"


def summary(result: Json, problems: list[Json], w: Words) -> str:
    size = w(
        "{rows} rows in {classes} classes.",
        rows=count(result["rows"]),
        classes=count(result["profile"]["classes"]),
    )
    return joined([size, advice(problems, w)], w)


# How it was read and what is in it -------------------------------------------------------------


def content_facts(result: Json, profile: Json, w: Words) -> list[tuple[str, str]]:
    columns = profile.get("columns") or {}
    facts = [
        (title, str(columns[role]["column"]))
        for title, role in ((w("Text column"), "text"), (w("Label column"), "label"))
        if role in columns
    ]
    return [
        *facts,
        (w("Splits"), splits(result["splits"], w)),
        (w("Text length"), lengths(profile["lengths"], w)),
        (w("Copies"), count(profile["duplicates"]["rows"]) if has_copies(profile) else w("none")),
        (w("Contradicting labels"), contradictions(profile, w)),
        *script_fact(profile.get("language") or {}, w),
    ]


def has_copies(profile: Json) -> bool:
    return bool(profile["duplicates"]["rows"])


def contradictions(profile: Json, w: Words) -> str:
    groups = profile["conflicts"]["groups"]
    if not groups:
        return w("none")
    return w("1 text") if groups == 1 else w("{count} texts", count=count(groups))


def splits(sizes: Json, w: Words) -> str:
    """`800 train, 100 validation, 100 test`."""
    return listed(
        (
            w("{count} {split}", count=count(n), split=of_split(name, w))
            for name, n in sizes.items()
        ),
        w,
    )


def lengths(told: Json, w: Words) -> str:
    return w(
        "{median} characters in the middle, 95 % up to {p95}, longest {longest}",
        median=count(told["median"]),
        p95=count(told["p95"]),
        longest=count(told["max"]),
    )


def script_fact(language: Json, w: Words) -> list[tuple[str, str]]:
    named = {
        "latin": w("Latin letters"),
        "han": w("Chinese characters"),
        "other": w("other scripts"),
    }
    shares = sorted(((share, name) for name, share in language.items()), reverse=True)
    told = [
        w("{share} {script}", share=percent(share, w), script=named.get(name, name))
        for share, name in shares
        if share >= LEAST_SHARE
    ]
    return [(w("Script"), listed(told, w))] if told else []


def reading_table(profile: Json, w: Words) -> Table:
    """What was found in the file, and why it was taken so."""
    rows: list[list[Any]] = [
        [title, in_words(str(profile[key]), w), ""]
        for title, key in (
            (w("Format"), "format"),
            (w("Encoding"), "encoding"),
            (w("Delimiter"), "delimiter"),
        )
        if profile.get(key)
    ]
    roles = {"text": w("Text column"), "label": w("Label column")}
    for role, chosen in (profile.get("columns") or {}).items():
        rows.append([roles.get(role, role), chosen["column"], w.told(str(chosen["why"]))])
    if others := profile.get("other_columns"):
        rows.append([w("Not used"), listed(map(str, others), w), ""])
    columns = [w("part"), w("found"), w("why")]
    return Table(w("How the file was read"), columns, rows, folded=True)


def in_words(value: str, w: Words) -> str:
    """A sign by its name, a short name of a format or encoding in capitals."""
    signs = {
        ",": w("comma"),
        ";": w("semicolon"),
        "\t": w("tab"),
        "|": w("vertical bar"),
        ":": w("colon"),
        "@": w("at sign"),
        "jsonl": "JSON Lines",
        "parquet": "Parquet",
    }
    return signs.get(value, value.upper())


def labels_chart(profile: Json, w: Words) -> Chart:
    labels = profile["labels"][:MOST_LABELS]
    whole = len(labels) == len(profile["labels"])
    title = w("Rows by label") if whole else w("The {count} largest labels", count=MOST_LABELS)
    names, rows = [line["label"] for line in labels], [line["rows"] for line in labels]
    return Chart("bar", title, names, rows, w("label"), w("rows"))


def more_labels(profile: Json, w: Words) -> list[str]:
    left = profile["labels"][MOST_LABELS:]
    if not left:
        return []
    if len(left) == 1:
        return [w("1 more label has {count} rows.", count=count(left[0]["rows"]))]
    return [
        w(
            "{count} more labels have {least} to {most} rows each.",
            count=count(len(left)),
            least=count(left[-1]["rows"]),
            most=count(left[0]["rows"]),
        )
    ]


def lengths_chart(profile: Json, w: Words) -> Chart:
    return lengths_histogram(
        w("Rows by length of the text"), profile["lengths"]["histogram"], w("characters"), w
    )


def lengths_histogram(title: str, bins: list[list[int]], unit: str, w: Words) -> Chart:
    return Chart(
        "bar",
        title,
        [span(low, high - 1) for low, high, _ in bins],
        [rows for _, _, rows in bins],
        unit,
        w("rows"),
    )


def span(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


# Problems --------------------------------------------------------------------------------------


def conflicts_table(profile: Json, w: Words) -> Table:
    rows: list[list[Any]] = [
        [excerpt(one["text"]), listed(one["labels"], w), listed(map(str, one["rows"]), w)]
        for one in profile["conflicts"].get("examples", [])
    ]
    columns = [w("text"), w("labels"), w("rows")]
    return Table(w("The same text with different labels"), columns, rows, folded=True)


def check_view(result: Json, w: Words) -> View:
    """The doctor's findings."""
    name, problems = result["dataset"], result["problems"]
    return View(
        title=w("Check of {name}", name=name),
        kind="check",
        key=f"check/{name}",
        state_label=fitness(problems, w),
        tone=tone_of(problems),
        summary=w.told(str(result.get("verdict") or "")),
        facts=check_facts(result, w),
        tables=[problems_table(problems, w)],
        preview=preview(result, w),
        actions=[fine_tune(name, task_of(result), w)] if heaviest(problems) != "error" else [],
    )


def task_of(result: Json) -> str:
    """Only conversations have a preview of what is trained."""
    return str(result.get("task") or ("chat" if "preview" in result else CLASSIFY))


def check_facts(result: Json, w: Words) -> list[tuple[str, str]]:
    facts = [(w("For base model"), str(result["base_model"]))] if result.get("base_model") else []
    facts += [
        (w("Errors"), count(result["errors"])),
        (w("Warnings"), count(result["warnings"])),
        (w("Notes"), count(result["notes"])),
    ]
    tokens = result.get("tokens") or {}
    if tokens:
        told = w(
            "{median} tokens in the middle, longest {longest}, the base reads {limit}",
            median=count(tokens["median"]),
            longest=count(tokens["max"]),
            limit=count(tokens["limit"]),
        )
        facts.append((w("Text length"), told))
    return facts


def list_view(result: Json, w: Words) -> View:
    found = list(reversed(result["datasets"]))
    rows: list[list[Any]] = [
        [one["dataset"], one["rows"], holds(one, w), one["problems"], made(one, w)]
        for one in found[:MOST_ROWS]
    ]
    columns = [w("dataset"), w("rows"), w("classes"), w("remarks on the data"), w("made")]
    return View(
        title=w("Datasets"),
        kind="list",
        summary="" if rows else none_yet(w),
        tables=[Table("", columns, rows)],
        actions=list_actions(found[0], w) if found else [],
    )


def holds(one: Json, w: Words) -> Any:
    """How many classes; conversations have none."""
    return w("conversations") if one.get("task") == "chat" else one["classes"]


def none_yet(w: Words) -> str:
    return w("No dataset yet. Drop a file here and say “make a dataset from this”.")


def list_actions(line: Json, w: Words) -> list[Action]:
    newest = line["dataset"]
    show = Action(w("Show {dataset}", dataset=newest), say=w("Describe {dataset}", dataset=newest))
    return [show, fine_tune(newest, str(line.get("task") or CLASSIFY), w)]


def made(one: Json, w: Words) -> str:
    return moment(one["created_at"], w) if one.get("created_at") else ""
